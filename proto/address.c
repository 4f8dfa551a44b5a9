#include "proto/address.h"

#include <arpa/inet.h>
#include <string.h>
#include <uv.h>

#include "base/err.h"
#include "base/str.h"

bool address_is_ip(const char *text)
{
    struct in6_addr ip;

    return inet_pton(AF_INET, text, &ip) == 1 || inet_pton(AF_INET6, text, &ip) == 1;
}

int address_parse(const char *text, struct sockaddr_storage *ret_address, struct err *reterr)
{
    struct sockaddr_storage address = {0};
    char host[ADDRESS_BYTES];
    long long port;
    bool v6 = text[0] == '[', ok = STR_COPY(host, v6 ? text + 1 : text);
    char *colon = strrchr(host, ':');

    if (ok && colon && v6 && colon > host && colon[-1] == ']')
        colon[-1] = '\0';
    else if (v6 || (colon && strchr(host, ':') != colon))
        ok = false;
    if (ok && colon && str_to_int(colon + 1, 0, 65535, &port)) {
        *colon = '\0';
        ok = v6 ? uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)&address) == 0
                : uv_ip4_addr(host, (int)port, (struct sockaddr_in *)&address) == 0;
    } else {
        ok = false;
    }
    if (!ok)
        return err_set(reterr, ERR_CONFIG, "Write 10.0.0.1:7432 or [fd00::1]:7432.",
                       "\"%.80s\" is not IP:port", text);
    *ret_address = address;
    return 0;
}

const char *address_text(const struct sockaddr *address, char ret_text[ADDRESS_BYTES])
{
    char ip[INET6_ADDRSTRLEN] = "?";
    bool v6 = address->sa_family == AF_INET6;
    const void *a = address;
    unsigned port = ntohs(v6 ? ((const struct sockaddr_in6 *)a)->sin6_port
                             : ((const struct sockaddr_in *)a)->sin_port);

    if (v6)
        uv_ip6_name(a, ip, sizeof(ip));
    else
        uv_ip4_name(a, ip, sizeof(ip));
    str_printf(ret_text, ADDRESS_BYTES, v6 ? "[%s]:%u" : "%s:%u", ip, port);
    return ret_text;
}

const char *address_join(const char *ip, int64_t port, char ret_text[ADDRESS_BYTES])
{
    str_printf(ret_text, ADDRESS_BYTES, strchr(ip, ':') ? "[%s]:%lld" : "%s:%lld", ip,
               (long long)port);
    return ret_text;
}
