#include "dnsupdate/dns.h"

#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "dnsupdate/link.h"
#include "dnsupdate/op.h"
#include "dnsupdate/tsig.h"
#include "dnsupdate/wire.h"

void dns_op_cancel(struct dns_op *op)
{
    if (op)
        op->cancel(op);
}

static bool usable(const char *name)
{
    char normal[WIRE_NAME_BYTES];

    return wire_name_valid(name) && wire_name_normal(name, normal) && strcmp(name, normal) == 0;
}

int dns_zone_check(const struct dns_zone *z, struct err *reterr)
{
    static const char form[] =
        "Names are lower case, without the final dot: letters, digits, - and "
        "_ in labels of 1 to 63 bytes.";
    char name[DNS_NAME_BYTES];
    struct sockaddr_storage address;

    if (!usable(z->zone))
        return err_set(reterr, ERR_CONFIG, form, "\"%s\" is not a usable zone name", z->zone);
    if (!usable(z->alias) || !register_name(z->alias, name, sizeof(name)))
        return err_set(reterr, ERR_CONFIG, form, "\"%s\" is not a usable alias", z->alias);
    if (!wire_name_in_zone(z->alias, z->zone) || strcmp(z->alias, z->zone) == 0)
        return err_set(reterr, ERR_CONFIG, "A CNAME cannot be at a zone's apex, nor outside it.",
                       "the alias \"%s\" is not below the zone \"%s\"", z->alias, z->zone);
    if (!link_address(z->server, &address))
        return err_set(reterr, ERR_CONFIG,
                       "Name DNS servers by address: when DNS is in trouble, no name resolves.",
                       "\"%s\" is not an IP address (with or without a port)", z->server);
    if (!usable(z->key.name) || !tsig_algorithm_bytes(z->key.algorithm))
        return err_set(reterr, ERR_CONFIG, "Make one with `tsig-keygen -a hmac-sha256 NAME`.",
                       "the TSIG key \"%s\" (%s) is not usable", z->key.name, z->key.algorithm);
    return 0;
}
