#include "controller/cluster/config.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/ini.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/address.h"

const char *const severity_names[] = {"block", "warn", "off", "default", NULL};

/* ---- the keys -------------------------------------------------------------------------------- */

static const struct field cluster_fields[] = {
    F_STRING(struct config_cluster, name, FIELD_REQUIRED, NULL,
             "the cluster's name, as in the certificates"),
    F_STRING(struct config_cluster, alias, FIELD_REQUIRED, NULL,
             "the CNAME that clients connect to"),
};
static const struct field dns_fields[] = {
    F_STRING(struct config_dns, zone, FIELD_REQUIRED, NULL, "the zone that holds the alias"),
    F_STRING(struct config_dns, server, FIELD_REQUIRED, NULL,
             "IP or IP:port of the zone's primary: the one server that takes updates"),
    F_STRING(
        struct config_dns, others, 0, "",
        "IPs of the zone's other servers, comma-separated: asked what they show, also while the "
        "primary does not respond; nothing is ever written there. Empty: those that the primary "
        "named "
        "last"),
    F_STRING(struct config_dns, key_file, 0, "",
             "file with this controller's own TSIG update key, mode 0600; may be left out where "
             "query_key_file is given and pgtandem only looks"),
    F_STRING(struct config_dns, key_name, 0, "", "the key's name, if the file holds several"),
    F_STRING(struct config_dns, query_key_file, 0, "",
             "file with a TSIG key that may only ask: commands that only look sign with it"),
    F_STRING(struct config_dns, query_key_name, 0, "", "the key's name, if the file holds several"),
    F_INT(struct config_dns, ttl, 0, 0, 86400, "30",
          "seconds: TTL of an alias that `dns init` makes"),
    F_BOOL(struct config_dns, tcp, 0, "no", "always use TCP"),
    F_INT(struct config_dns, timeout_ms, 0, 2000, 120000, "10000",
          "ms: one update until its verdict is known"),
};
static const struct field tls_fields[] = {
    F_STRING(struct tls_files, ca, FIELD_REQUIRED, NULL, "the cluster's CA certificate, PEM"),
    F_STRING(struct tls_files, certificate, FIELD_REQUIRED, NULL, "this controller's certificate"),
    F_STRING(struct tls_files, key, FIELD_REQUIRED, NULL, "its key, mode 0600"),
};
static const struct field journal_fields[] = {
    F_STRING(struct config_journal, directory, 0, "/var/lib/pgtandem/journal",
             "where the journals are kept, one file for each command"),
};
static const struct field limits_fields[] = {
    F_INT(
        struct config_limits, agent_timeout_ms, 0, 100, 4000, "2000",
        "ms: how long an agent may take to answer a look (300 if its whole host does not respond)"),
    F_INT(struct config_limits, lag_bytes, 0, 0, INT64_MAX, "16777216",
          "bytes: largest receive or replay lag to begin a switchover with"),
    F_INT(struct config_limits, clock_skew_ms, 0, 1, 300000, "2000",
          "ms: largest difference of clocks between controller and nodes"),
    F_INT(struct config_limits, free_bytes, 0, 0, INT64_MAX, "268435456",
          "bytes: least free space for WAL on the target"),
    F_INT(struct config_limits, stop_timeout_ms, 0, 1000, 3600000, "30000",
          "ms: how long the old primary's stop may take before it is rolled back"),
    F_INT(struct config_limits, promote_timeout_ms, 0, 1000, 3600000, "60000",
          "ms: how long a promotion may take"),
    F_INT(struct config_limits, catchup_timeout_ms, 0, 1000, 3600000, "60000",
          "ms: checkpoint on the old primary, and the target's lag down to about zero"),
    F_INT(struct config_limits, g3_wait_ms, 0, 0, 3600000, "0",
          "ms: wait after --accept-unfenced; 0 derives it from the agents' watch"),
    F_INT(struct config_limits, ready_files, 0, 0, 1000000, "8",
          "files: WAL that waits to be archived on the old primary"),
    F_INT(struct config_limits, archive_wait_s, 0, 0, 31536000, "10",
          "s: how long the oldest of it, or one archive_command, may take"),
    F_INT(struct config_limits, plan_age_s, 0, 60, 31536000, "86400",
          "seconds: how old a saved plan may be when it is carried out"),
    F_INT(struct config_limits, xact_age_s, 0, 0, INT32_MAX, "60",
          "s: oldest transaction on the old primary, which its stop would abort"),
    F_INT(struct config_limits, backup_age_s, 0, 0, INT32_MAX, "93600",
          "s: age of the newest backup (26 h)"),
    F_INT(struct config_limits, ttl_s, 0, 0, 604800, "300",
          "s: TTL of the alias, for which clients may keep the old target"),
    F_INT(struct config_limits, certificate_days, 0, 0, 3650, "14",
          "days: until the certificate of the target's PostgreSQL expires"),
};
static const struct field preflight_fields[] = {
    F_STRING(struct config_preflight, acknowledged_foreign, 0, "",
             "jobs outside the managed crontab that are known: places or hashes, comma-separated"),
};
static const struct field node_fields[] = {
    F_STRING(struct config_node, agent, FIELD_REQUIRED, NULL, "IP:port of its agent"),
    F_STRING(struct config_node, target, FIELD_REQUIRED, NULL,
             "what the alias points to when this node is the owner"),
    F_STRING(struct config_node, address, FIELD_REQUIRED, NULL,
             "IP where the other nodes reach its PostgreSQL"),
    F_INT(struct config_node, port, 0, 1, 65535, "5432", "its PostgreSQL's port"),
};
static const struct field check_fields[] = {
    F_ENUM(struct config_check, planned, 0, severity_names, "default",
           "block, warn, off or default: in a switchover"),
    F_ENUM(struct config_check, unplanned, 0, severity_names, "default", "the same: in a failover"),
};

static FIELD_TABLE(cluster_table, struct config_cluster, "cluster", cluster_fields);
static FIELD_TABLE(dns_table, struct config_dns, "dns", dns_fields);
static FIELD_TABLE(tls_table, struct tls_files, "tls", tls_fields);
static FIELD_TABLE(journal_table, struct config_journal, "journal", journal_fields);
static FIELD_TABLE(limits_table, struct config_limits, "limits", limits_fields);
static FIELD_TABLE(preflight_table, struct config_preflight, "preflight", preflight_fields);
static FIELD_TABLE(node_table, struct config_node, "node", node_fields);
static FIELD_TABLE(check_table, struct config_check, "check", check_fields);

#define SINGLE(sec, needed)                                                                        \
    {                                                                                              \
        .name = #sec, .table = &sec##_table, .offset = offsetof(struct config, sec),               \
        .required = (needed)                                                                       \
    }
#define REPEATED(sec, array, count, type)                                                          \
    {                                                                                              \
        .name = #sec, .table = &sec##_table, .offset = offsetof(struct config, array),             \
        .repeated = true, .elem_size = sizeof(struct type),                                        \
        .max = sizeof(((struct config *)0)->array) / sizeof(struct type),                          \
        .count_offset = offsetof(struct config, count),                                            \
        .label_offset = offsetof(struct type, name),                                               \
        .label_size = sizeof(((struct type *)0)->name)                                             \
    }

const struct ini_section config_sections[] = {
    SINGLE(cluster, true),
    SINGLE(dns, true),
    SINGLE(tls, true),
    SINGLE(journal, false),
    SINGLE(limits, false),
    SINGLE(preflight, false),
    REPEATED(node, nodes, n_nodes, config_node),
    REPEATED(check, checks, n_checks, config_check),
};
const size_t n_config_sections = sizeof(config_sections) / sizeof(config_sections[0]);
enum {
    SECTIONS = sizeof(config_sections) / sizeof(config_sections[0]),
    FILE_CAP_BYTES = 256 * 1024
};

/* ---- the whole ------------------------------------------------------------------------------- */

int config_refuse(const struct config *c, struct err *reterr, const char *section, const char *key,
                  const char *value, const char *what)
{
    return err_set(reterr, ERR_CONFIG, "`pgtandem config sample` prints a commented file",
                   "%s: [%s] %s = %s: %s", c->path, section, key, value, what);
}

static bool host_name_valid(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len < 254 && name[0] != '.' && name[0] != '-' && name[len - 1] != '.' &&
           !strstr(name, "..") &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == len;
}

/* IP, IP:port or [IP6]:port */
static bool ip_port_valid(const char *text, bool port_required)
{
    char ip[ADDRESS_BYTES];
    long long port;
    const char *colon = strrchr(text, ':');

    if (address_is_ip(text))
        return !port_required;
    if (!colon || !str_to_int(colon + 1, 1, 65535, &port))
        return false;
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']')
        return STR_PRINTF(ip, "%.*s", (int)(len - 2), text + 1) && strchr(ip, ':') &&
               address_is_ip(ip);
    return STR_PRINTF(ip, "%.*s", (int)len, text) && !strchr(ip, ':') && address_is_ip(ip);
}

static bool name_in_zone(const char *name, const char *zone)
{
    size_t n = strlen(name), z = strlen(zone);

    return n > z + 1 && name[n - z - 1] == '.' && strcasecmp(name + n - z, zone) == 0;
}

static int check_node(const struct config *c, const struct config_node *n, struct err *reterr)
{
    char section[40];

    STR_PRINTF(section, "node %s", n->name);
    if (!register_node_name_valid(n->name))
        return config_refuse(c, reterr, section, "name", n->name,
                             "a node's name is [a-z0-9][a-z0-9-]*");
    if (!ip_port_valid(n->agent, true))
        return config_refuse(c, reterr, section, "agent", n->agent, "not IP:port");
    if (!host_name_valid(n->target))
        return config_refuse(c, reterr, section, "target", n->target, "not a host name");
    if (strcasecmp(n->target, c->cluster.alias) == 0)
        return config_refuse(c, reterr, section, "target", n->target,
                             "the alias cannot point to itself");
    if (!address_is_ip(n->address))
        return config_refuse(c, reterr, section, "address", n->address, "not an IP address");
    for (const struct config_node *o = c->nodes; o < n; o++) {
        if (strcmp(o->agent, n->agent) == 0)
            return config_refuse(c, reterr, section, "agent", n->agent,
                                 "another node has the same");
        if (strcasecmp(o->target, n->target) == 0)
            return config_refuse(c, reterr, section, "target", n->target,
                                 "another node has the same");
        if (strcmp(o->address, n->address) == 0 && o->port == n->port)
            return config_refuse(c, reterr, section, "address", n->address,
                                 "another node has the same");
    }
    return 0;
}

/* The longest record that these names can lead to must fit one TXT string. */
static int check_record_fits(const struct config *c, struct err *reterr)
{
    struct record r = {.epoch = 999999999, .sysid = UINT64_MAX, .tli = 99999, .ttl = c->dns.ttl};
    char text[REGISTER_TEXT_BYTES];
    const char *longest = "";

    memset(r.nonce, 'f', NONCE_BYTES - 1);
    memset(r.txn, 'f', TXN_BYTES - 1);
    memset(r.by, 'b', BY_BYTES - 1);
    for (size_t i = 0; i < c->n_nodes; i++)
        if (strlen(c->nodes[i].name) > strlen(longest))
            longest = c->nodes[i].name;
    STR_COPY(r.owner, longest);
    STR_COPY(r.to, longest);
    for (size_t i = 0; i < c->n_nodes && i < REGISTER_NODES_MAX; i++)
        if (c->nodes[i].name != longest)
            register_from_add(&r, c->nodes[i].name, GRADE_G3);
    if (c->n_nodes > REGISTER_NODES_MAX || register_format(&r, text, NULL) < 0)
        return err_set(reterr, ERR_CONFIG, "use shorter node names, or fewer nodes",
                       "%s: the ownership record of %zu nodes with these names could need more "
                       "than the 255 bytes of one TXT string",
                       c->path, c->n_nodes);
    return 0;
}

static int check_others(const struct config *c, struct err *reterr)
{
    const char *at = c->dns.others;

    for (size_t len; *at; at += len) {
        char ip[DNS_ADDRESS_BYTES];

        at += strspn(at, ", \t");
        len = strcspn(at, ", \t");
        if (len > 0 && (!STR_PRINTF(ip, "%.*s", (int)len, at) || !address_is_ip(ip)))
            return config_refuse(c, reterr, "dns", "others", c->dns.others,
                                 "not IPs, comma-separated");
    }
    return 0;
}

static int check_dns(const struct config *c, struct err *reterr)
{
    char name[DNS_NAME_BYTES];

    if (!host_name_valid(c->dns.zone))
        return config_refuse(c, reterr, "dns", "zone", c->dns.zone, "not a zone's name");
    if (!host_name_valid(c->cluster.alias))
        return config_refuse(c, reterr, "cluster", "alias", c->cluster.alias, "not a host name");
    if (!name_in_zone(c->cluster.alias, c->dns.zone))
        return config_refuse(c, reterr, "cluster", "alias", c->cluster.alias,
                             "not below [dns] zone");
    if (!register_name(c->cluster.alias, name, sizeof(name)))
        return config_refuse(c, reterr, "cluster", "alias", c->cluster.alias, "too long");
    if (!ip_port_valid(c->dns.server, false))
        return config_refuse(c, reterr, "dns", "server", c->dns.server,
                             "neither an IP nor IP:port");
    if (!*c->dns.key_file && !*c->dns.query_key_file)
        return err_set(
            reterr, ERR_CONFIG,
            "key_file = /etc/pgtandem/dns.key; `pgtandem config sample` explains each key",
            "%s: [dns] has neither key_file nor query_key_file", c->path);
    return check_others(c, reterr);
}

static int check_all(const struct config *c, struct err *reterr)
{
    const char *name = c->cluster.name;

    if (!*name || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name))
        return config_refuse(c, reterr, "cluster", "name", name, "a cluster's name is [a-z0-9-]+");
    if (check_dns(c, reterr) < 0)
        return ERR_CONFIG;
    if (c->n_nodes < 2)
        return err_set(reterr, ERR_CONFIG, "one section [node NAME] for each PostgreSQL host",
                       "%s: %zu node(s); at least 2 are needed to move between", c->path,
                       c->n_nodes);
    for (size_t i = 0; i < c->n_nodes; i++)
        if (check_node(c, &c->nodes[i], reterr) < 0)
            return ERR_CONFIG;
    return check_record_fits(c, reterr);
}

/* DNS ignores letters' case; lower case everywhere makes values comparable. */
static void lower(char *s)
{
    for (; *s; s++)
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s - 'A' + 'a');
}

int config_parse(const char *name, const char *text, size_t len, struct config *ret_config,
                 struct err *reterr)
{
    AUTO(arena) a = arena_new();
    struct config *c = arena_alloc(a, sizeof(*c));
    int rc = ini_parse_text(name, text, len, config_sections, SECTIONS, c, a, reterr);

    if (rc < 0)
        return rc;
    STR_COPY(c->path, name);
    lower(c->cluster.alias);
    lower(c->dns.zone);
    for (size_t i = 0; i < c->n_nodes; i++)
        lower(c->nodes[i].target);
    rc = check_all(c, reterr);
    if (rc < 0)
        return rc;
    *ret_config = *c;
    return 0;
}

int config_load(const char *path, struct config *ret_config, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    char *text;
    size_t len;
    int rc = file_read(path, FILE_CAP_BYTES, a, &text, &len, reterr);

    if (rc < 0) {
        if (reterr) {
            reterr->code = ERR_CONFIG;
            err_set_hint(reterr, "name it with -c FILE; `pgtandem config sample` prints one to "
                                 "begin with");
        }
        return ERR_CONFIG;
    }
    return config_parse(path, text, len, ret_config, reterr);
}

const struct config_node *config_node_find(const struct config *c, const char *name)
{
    int i = config_node_index(c, name);

    return i < 0 ? NULL : &c->nodes[i];
}

int config_node_index(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->n_nodes; i++)
        if (strcmp(c->nodes[i].name, name) == 0)
            return (int)i;
    return -1;
}

const struct config_node *config_node_by_target(const struct config *c, const char *target)
{
    for (size_t i = 0; i < c->n_nodes; i++)
        if (strcasecmp(c->nodes[i].target, target) == 0)
            return &c->nodes[i];
    return NULL;
}

/* ---- the sample ------------------------------------------------------------------------------ */

/* What a key that is needed could look like: section, key, value. */
static const struct {
    const char *section, *key, *value;
} examples[] = {
    {"cluster", "name", "ia2"},
    {"cluster", "alias", "db.example.org"},
    {"dns", "zone", "example.org"},
    {"dns", "server", "192.0.2.53"},
    {"dns", "key_file", "/etc/pgtandem/dns.key"},
    {"tls", "ca", "/etc/pgtandem/ca.crt"},
    {"tls", "certificate", "/etc/pgtandem/controller.crt"},
    {"tls", "key", "/etc/pgtandem/controller.key"},
    {"node db01", "agent", "192.0.2.21:7432"},
    {"node db01", "target", "db01.example.org"},
    {"node db01", "address", "192.0.2.21"},
    {"node db02", "agent", "192.0.2.22:7432"},
    {"node db02", "target", "db02.example.org"},
    {"node db02", "address", "192.0.2.22"},
    {"node vm", "agent", "192.0.2.23:7432"},
    {"node vm", "target", "vm.example.org"},
    {"node vm", "address", "192.0.2.23"},
};

static const char *example_of(const char *section, const char *key)
{
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
        if (strcmp(examples[i].section, section) == 0 && strcmp(examples[i].key, key) == 0)
            return examples[i].value;
    return "";
}

/* Keys that have an example stand there with it, the others commented out with their default. */
static void sample_section(struct buf *b, const char *title, const struct field_table *t, bool help)
{
    buf_printf(b, "\n[%s]\n", title);
    for (size_t i = 0; i < t->count; i++) {
        const struct field *f = &t->fields[i];

        if (*example_of(title, f->name)) {
            if (help)
                buf_printf(b, "# %s\n", f->help);
            buf_printf(b, "%s = %s\n", f->name, example_of(title, f->name));
        } else if (help) {
            buf_printf(b, "# %s\n#%s = %s\n", f->help, f->name, f->deflt ? f->deflt : "");
        }
    }
}

char *config_sample(struct arena *a)
{
    struct buf b;

    buf_init(&b, 64 * 1024);
    buf_str(&b, "# pgtandem: the controller's configuration. A commented key shows its default.\n"
                "# Addresses are IPs, so that nothing here depends on the DNS that is being "
                "changed.\n# `pgtandem config check` reads it as the commands will.\n");
    for (size_t i = 0; i < SECTIONS; i++)
        if (!config_sections[i].repeated)
            sample_section(&b, config_sections[i].name, config_sections[i].table, true);
    buf_str(&b, "\n# One section for each PostgreSQL host; the name is at most 24 of [a-z0-9-].");
    sample_section(&b, "node db01", &node_table, true);
    sample_section(&b, "node db02", &node_table, false);
    sample_section(&b, "node vm", &node_table, false);
    buf_str(&b,
            "\n# One check of `pgtandem preflight` made milder or stricter (block, warn, off):\n"
            "#[check archive-backlog]\n#planned = block\n#unplanned = off\n");
    char *text = arena_strndup(a, b.data, b.len);
    buf_free(&b);
    return text;
}
