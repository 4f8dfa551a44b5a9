#include "proto/hello.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

void hello_fill(struct hello *h, enum peer_role role, const char *cluster, const char *node)
{
    *h = (struct hello){.version_min = PROTO_VERSION_MIN, .version_max = PROTO_VERSION};
    h->role = (int)role;
    STR_COPY(h->software, PGTANDEM_SOFTWARE);
    STR_COPY(h->cluster, cluster);
    STR_COPY(h->node, node ? node : "");
}

static int check_versions(const json_t *json, const struct hello *ours, struct err *reterr)
{
    const json_t *low = json_object_get(json, "version_min");
    const json_t *high = json_object_get(json, "version_max");
    const char *software = json_string_value(json_object_get(json, "software"));

    if (!json_is_integer(low) || !json_is_integer(high))
        return err_set(reterr, ERR_PROTOCOL, NULL, "the peer's first message is not a hello");
    if (json_integer_value(low) <= ours->version_max &&
        json_integer_value(high) >= ours->version_min)
        return 0;
    return err_set(
        reterr, ERR_PROTOCOL, "Upgrade the older of the two; agents first, one version at a time.",
        "no common protocol version: the peer (%.31s) speaks %lld to %lld, we (%s) speak "
        "%lld to %lld",
        software ? software : "unknown", (long long)json_integer_value(low),
        (long long)json_integer_value(high), ours->software, (long long)ours->version_min,
        (long long)ours->version_max);
}

int hello_read(const char *json, size_t len, const struct hello *ours, struct hello *ret_hello,
               struct err *reterr)
{
    json_error_t why;
    json_t *object = json_loadb(json, len, JSON_REJECT_DUPLICATES, &why);
    AUTO(arena) a = arena_new();
    int r;

    if (!object)
        return err_set(reterr, ERR_PROTOCOL, NULL, "the peer's first message is not JSON: %s",
                       why.text);
    r = check_versions(object, ours, reterr);
    if (r == 0 && field_from_json(&hello_table, object, ret_hello, a, reterr) < 0) {
        if (reterr)
            reterr->code = ERR_PROTOCOL;
        r = ERR_PROTOCOL;
    }
    if (r == 0)
        field_make_printable(&hello_table, ret_hello);
    json_decref(object);
    return r;
}

int hello_check_identity(const struct hello *h, const char *cluster, enum peer_role role,
                         const char *node, struct err *reterr)
{
    if (strcmp(h->cluster, cluster) != 0)
        return err_set(reterr, ERR_PROTOCOL, NULL, "the peer says it is of cluster %s, not of %s",
                       h->cluster, cluster);
    if (h->role != (int)role || (role == PEER_AGENT && strcmp(h->node, node) != 0))
        return err_set(reterr, ERR_PROTOCOL, NULL,
                       "the peer says it is %s %s, its certificate is of %s %s",
                       peer_role_names[h->role], h->node, peer_role_names[role], node);
    return 0;
}
