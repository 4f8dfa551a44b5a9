#include "agent/postgres/pgsettings.h"

#include <libpq-fe.h>
#include <string.h>

#include "agent/postgres/postgres.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

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

/* replication_options may say how to connect, not where to. */
static int add_options(struct buf *b, const char *options, struct err *reterr)
{
    char *why = NULL;
    PQconninfoOption *parsed = PQconninfoParse(options, &why);
    int r = 0;

    if (!parsed) {
        r = err_set(reterr, ERR_CONFIG, "write it as in primary_conninfo: sslmode=verify-full …",
                    "replication_options cannot be parsed: %s", why ? why : "out of memory");
        PQfreemem(why);
        return r;
    }
    for (const PQconninfoOption *o = parsed; o->keyword && r == 0; o++) {
        if (!o->val)
            continue;
        if (is_reserved(o->keyword))
            r = err_set(reterr, ERR_CONFIG, "pgtandem itself puts the upstream's address there",
                        "replication_options may not set %s", o->keyword);
        else
            pgsettings_conninfo_add(b, o->keyword, o->val);
    }
    PQconninfoFree(parsed);
    return r;
}

int pgsettings_primary_conninfo(const struct postgres_config *c, const struct upstream *up,
                                const char *node, char *ret_text, size_t bytes, struct err *reterr)
{
    struct buf b;
    char port[24];
    int r;

    buf_init(&b, bytes - 1);
    STR_PRINTF(port, "%d", (int)up->port);
    pgsettings_conninfo_add(&b, "host", up->address);
    pgsettings_conninfo_add(&b, "port", port);
    pgsettings_conninfo_add(&b, "user", c->replication_user);
    pgsettings_conninfo_add(&b, "application_name", node);
    r = add_options(&b, c->replication_options, reterr);
    if (r == 0 && !buf_ok(&b))
        r = err_set(reterr, ERR_TOO_LONG, NULL, "primary_conninfo would be longer than %zu bytes",
                    bytes - 1);
    if (r == 0)
        str_copy(ret_text, bytes, b.data);
    buf_free(&b);
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
