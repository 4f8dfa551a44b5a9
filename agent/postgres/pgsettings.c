#include "agent/postgres/pgsettings.h"

#include <libpq-fe.h>
#include <string.h>

#include "agent/postgres/postgres.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/address.h"

/* ---- connection strings ---------------------------------------------------------------------- */

void pgsettings_conninfo_add(struct buf *b, const char *key, const char *value)
{
    buf_printf(b, "%s%s=", b->len > 0 ? " " : "", key);
    if (value[0] && !strpbrk(value, " \t\n\r'\\")) {
        buf_str(b, value);
        return;
    }
    buf_str(b, "'");
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            buf_str(b, "\\");
        buf_add(b, value, 1);
    }
    buf_str(b, "'");
}

static bool is_reserved(const char *keyword)
{
    static const char *const reserved[] = {"host", "hostaddr", "port", "service", NULL};

    for (size_t i = 0; reserved[i]; i++)
        if (strcmp(keyword, reserved[i]) == 0)
            return true;
    return false;
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *o = options; o && o->keyword; o++)
        if (strcmp(o->keyword, keyword) == 0)
            return o->val;
    return NULL;
}

static int parse(const char *text, const char *what, const char *hint, PQconninfoOption **ret,
                 struct err *reterr)
{
    char *why = NULL;
    int r = 0;

    *ret = PQconninfoParse(text, &why);
    if (!*ret)
        r = err_set(reterr, ERR_CONFIG, hint, "%s cannot be parsed: %s", what,
                    why ? why : "out of memory");
    PQfreemem(why);
    return r;
}

/* replication_options may say how to connect, not where to. */
static int check_options(const PQconninfoOption *options, struct err *reterr)
{
    for (const PQconninfoOption *o = options; o->keyword; o++)
        if (o->val && is_reserved(o->keyword))
            return err_set(reterr, ERR_CONFIG, "pgtandem itself puts the upstream's address there",
                           "replication_options may not set %s", o->keyword);
    return 0;
}

/* Not an address, not a socket's directory, not a list. */
static bool is_name(const char *host)
{
    return host && *host && !strpbrk(host, "/,:") && !address_is_ip(host);
}

static void add_host(struct buf *b, const PQconninfoOption *base, const PQconninfoOption *options,
                     const struct upstream *up)
{
    const char *mode = value_of(options, "sslmode");
    bool named;

    if (!mode)
        mode = value_of(base, "sslmode");
    named = up->host[0] &&
            ((mode && strcmp(mode, "verify-full") == 0) || is_name(value_of(base, "host")));
    pgsettings_conninfo_add(b, "host", named ? up->host : up->address);
    if (named || value_of(base, "service")) /* which may have a hostaddr of its own */
        pgsettings_conninfo_add(b, "hostaddr", up->address);
}

static void add_all(struct buf *b, const PQconninfoOption *base, const PQconninfoOption *options,
                    const char *user, const char *node)
{
    /* both lists have all keywords of this libpq, in one order */
    for (const PQconninfoOption *o = base, *over = options; o->keyword; o++, over++) {
        const char *value = over->val ? over->val : o->val;
        bool where = strcmp(o->keyword, "service") != 0 && is_reserved(o->keyword);

        if (value && !where && value != user && value != node)
            pgsettings_conninfo_add(b, o->keyword, value);
    }
}

int pgsettings_primary_conninfo(const struct postgres_config *c, const char *base,
                                const struct upstream *up, const char *node, char *ret_text,
                                size_t bytes, struct err *reterr)
{
    PQconninfoOption *kept = NULL, *options = NULL;
    const char *user, *name;
    struct buf b;
    char port[24];
    int r = parse(base, "the primary_conninfo in force",
                  "agent and server need a libpq of one age: what it says would be lost", &kept,
                  reterr);

    if (r == 0)
        r = parse(c->replication_options, "replication_options",
                  "write it as in primary_conninfo: sslmode=verify-full …", &options, reterr);
    if (r == 0)
        r = check_options(options, reterr);
    if (r == 0) {
        buf_init(&b, bytes - 1);
        STR_PRINTF(port, "%d", (int)up->port);
        user = value_of(options, "user") ? value_of(options, "user") : value_of(kept, "user");
        name = value_of(options, "application_name") ? value_of(options, "application_name")
                                                     : value_of(kept, "application_name");
        add_host(&b, kept, options, up);
        pgsettings_conninfo_add(&b, "port", port);
        pgsettings_conninfo_add(&b, "user", user ? user : c->replication_user);
        pgsettings_conninfo_add(&b, "application_name", name ? name : node);
        add_all(&b, kept, options, user, name);
        if (!buf_ok(&b))
            r = err_set(reterr, ERR_TOO_LONG, NULL,
                        "primary_conninfo would be longer than %zu bytes", bytes - 1);
        else
            str_copy(ret_text, bytes, b.data);
        buf_free(&b);
    }
    PQconninfoFree(kept);
    PQconninfoFree(options);
    return r;
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static bool has_name(const char *list, const char *name, size_t len)
{
    for (const char *at = list; *at;) {
        size_t n = strcspn(at, ",");

        if (n == len && memcmp(at, name, len) == 0)
            return true;
        at += n + (at[n] == ',');
    }
    return false;
}

static bool add_name(char *list, size_t bytes, const char *prefix, const char *name, size_t len)
{
    char full[256];
    size_t used = strlen(list);

    if (!STR_PRINTF(full, "%s%.*s", prefix, (int)len, name))
        return false;
    if (len == 0 || has_name(list, full, strlen(full)))
        return true;
    if (used + strlen(full) + 2 > bytes)
        return false;
    return str_printf(list + used, bytes - used, "%s%s", used > 0 ? "," : "", full);
}

static bool add_list(char *list, size_t bytes, const char *prefix, const char *names)
{
    bool all = true;

    while (*names) {
        size_t n = strcspn(names, ",");

        all &= add_name(list, bytes, prefix, names, n);
        names += n + (names[n] == ',');
    }
    return all;
}

bool pgsettings_hosts(const char *conninfo, char *list, size_t bytes)
{
    bool all = true;
    PQconninfoOption *parsed = PQconninfoParse(conninfo, NULL);

    if (!parsed)
        return false;
    for (const PQconninfoOption *o = parsed; o->keyword; o++) {
        if (!o->val)
            continue;
        if (strcmp(o->keyword, "host") == 0 || strcmp(o->keyword, "hostaddr") == 0)
            all &= add_list(list, bytes, "", o->val);
        else if (strcmp(o->keyword, "service") == 0)
            all &= add_list(list, bytes, "service:", o->val);
    }
    PQconninfoFree(parsed);
    return all;
}
