#include "agent/node/config.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/state/machine.h"
#include "base/err.h"
#include "base/ini.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/address.h"

/* ---- the keys -------------------------------------------------------------------------------- */

static const struct field agent_fields[] = {
    F_STRING(struct config_agent, node, FIELD_REQUIRED, NULL,
             "this node's name, as in its certificate and in the ownership record"),
    F_STRING(struct config_agent, cluster, FIELD_REQUIRED, NULL,
             "the cluster's name, as in the certificates"),
    F_STRING(struct config_agent, listen, FIELD_REQUIRED, NULL, "IP:port to listen on"),
    F_STRING(struct config_agent, state_directory, 0, "/var/lib/pgtandem-agent",
             "where the durable state is kept, mode 0700"),
    F_ENUM(struct config_agent, mode, FIELD_RELOADS, agent_mode_names, "act",
           "act, or observe: refuse every act, let guard and watch only report"),
};
static const struct field tls_fields[] = {
    F_STRING(struct tls_files, ca, FIELD_REQUIRED | FIELD_RELOADS, NULL,
             "the cluster's CA certificate, PEM"),
    F_STRING(struct tls_files, certificate, FIELD_REQUIRED | FIELD_RELOADS, NULL,
             "this node's certificate"),
    F_STRING(struct tls_files, key, FIELD_REQUIRED | FIELD_RELOADS, NULL, "its key, mode 0600"),
};
static const struct field dns_fields[] = {
    F_STRING(struct config_dns, alias, FIELD_REQUIRED, NULL, "the CNAME that clients connect to"),
    F_STRING(struct config_dns, zone, FIELD_REQUIRED, NULL, "the zone that holds it"),
    F_STRING(struct config_dns, server, FIELD_REQUIRED | FIELD_RELOADS, NULL,
             "IP or IP:port of the zone's primary: guard and watch ask no other"),
    F_STRING(
        struct config_dns, others, FIELD_RELOADS, "",
        "IPs of the zone's other servers, comma-separated, for when the primary does not respond"),
    F_STRING(struct config_dns, key_file, FIELD_REQUIRED | FIELD_RELOADS, NULL,
             "file with the agents' TSIG key (it may only ask), mode 0600"),
    F_STRING(struct config_dns, key_name, FIELD_RELOADS, "",
             "the key's name, if the file holds several"),
    F_BOOL(struct config_dns, tcp, 0, "no", "always use TCP"),
    F_INT(struct config_dns, timeout_ms, FIELD_RELOADS, 200, 30000, "2000",
          "ms: how long one server may take to answer"),
};
static const struct field watch_fields[] = {
    F_BOOL(struct config_watch, enabled, FIELD_RELOADS, "yes",
           "fence this node when the ownership record names another owner"),
    F_INT(struct config_watch, interval_ms, FIELD_RELOADS, 500, 600000, "3000",
          "ms: between two looks at it"),
};
static const struct field archive_fields[] = {
    F_STRING(struct config_archive, probe_command, FIELD_RELOADS, "",
             "command that says by its exit status whether this node could archive its WAL; it "
             "must change nothing"),
    F_INT(struct config_archive, timeout_ms, FIELD_RELOADS, 50, 1200, "1000",
          "ms: how long it may take"),
};
static const struct field backup_fields[] = {
    F_STRING(struct config_backup, dir, FIELD_RELOADS, "",
             "directory that backups are written to: its newest file counts"),
    F_STRING(
        struct config_backup, newest_command, FIELD_RELOADS, "",
        "or a program that prints when and where the newest is: 2026-01-28T03:14:15Z HOST:PATH"),
    F_INT(struct config_backup, timeout_ms, FIELD_RELOADS, 100, 4000, "800",
          "ms: how long it may take"),
};
static const struct field peer_fields[] = {
    F_STRING(struct config_peer, agent, FIELD_REQUIRED, NULL, "IP:port of its agent"),
    F_STRING(struct config_peer, address, FIELD_REQUIRED, NULL, "IP of its PostgreSQL"),
    F_INT(struct config_peer, port, 0, 1, 65535, "5432", "its PostgreSQL's port"),
};

static FIELD_TABLE(agent_table, struct config_agent, "agent", agent_fields);
static FIELD_TABLE(tls_table, struct tls_files, "tls", tls_fields);
static FIELD_TABLE(dns_table, struct config_dns, "dns", dns_fields);
static FIELD_TABLE(watch_table, struct config_watch, "watch", watch_fields);
static FIELD_TABLE(archive_table, struct config_archive, "archive", archive_fields);
static FIELD_TABLE(backup_table, struct config_backup, "backup", backup_fields);
static FIELD_TABLE(peer_table, struct config_peer, "peer", peer_fields);

#define SINGLE(member, its_table, needed)                                                          \
    {                                                                                              \
        .name = #member, .table = &(its_table), .offset = offsetof(struct config, member),         \
        .required = (needed)                                                                       \
    }

const struct ini_section config_sections[] = {
    SINGLE(agent, agent_table, true),
    SINGLE(tls, tls_table, true),
    SINGLE(dns, dns_table, true),
    SINGLE(watch, watch_table, false),
    SINGLE(postgresql, postgres_config_table, true),
    SINGLE(cron, cron_config_table, false),
    SINGLE(archive, archive_table, false),
    SINGLE(backup, backup_table, false),
    {.name = "peer",
     .table = &peer_table,
     .offset = offsetof(struct config, peers),
     .repeated = true,
     .elem_size = sizeof(struct config_peer),
     .max = CLUSTER_NODES_MAX,
     .count_offset = offsetof(struct config, n_peers),
     .label_offset = offsetof(struct config_peer, node),
     .label_size = NODE_NAME_BYTES},
};
const size_t n_config_sections = sizeof(config_sections) / sizeof(config_sections[0]);

void config_name_file(const struct config *c, char *text, size_t bytes)
{
    static const char name[] = "agent.conf";
    char named[1024];
    size_t used = 0;
    const char *from = text;

    for (const char *at = text; (at = strstr(at, name)); at++) {
        const char *end = at + sizeof(name) - 1;

        if ((at > text && at[-1] != ' ') || strncmp(end, ".sample", 7) == 0)
            continue;
        if (!str_printf(named + used, sizeof(named) - used, "%.*s%s", (int)(at - from), from,
                        c->path))
            return;
        used += strlen(named + used);
        from = end;
    }
    if (str_printf(named + used, sizeof(named) - used, "%s", from) && strlen(named) < bytes)
        str_copy(text, bytes, named);
}

/* ---- what a field table cannot say ----------------------------------------------------------- */

static int bad(const struct config *c, struct err *e, const char *section, const char *key,
               const char *value, const char *what)
{
    return err_set(e, ERR_CONFIG, "deploy/agent.conf.sample explains each key",
                   "%s: [%s] %s = %s: %s", c->path, section, key, value, what);
}

static bool is_ip_port(const char *text)
{
    struct sockaddr_storage address;

    return address_parse(text, &address, NULL) == 0;
}

static int check_agent(const struct config *c, struct err *e)
{
    if (!register_node_name_valid(c->agent.node))
        return bad(c, e, "agent", "node", c->agent.node,
                   "lower-case letters, digits and '-', at most 24, beginning with one of the "
                   "first two");
    if (!is_ip_port(c->agent.listen))
        return bad(c, e, "agent", "listen", c->agent.listen, "not IP:port");
    if (c->agent.state_directory[0] != '/')
        return bad(c, e, "agent", "state_directory", c->agent.state_directory, "not a whole path");
    if (c->postgresql.data_directory[0] != '/')
        return bad(c, e, "postgresql", "data_directory", c->postgresql.data_directory,
                   "not a whole path");
    if (!address_is_ip(c->postgresql.address))
        return bad(c, e, "postgresql", "address", c->postgresql.address, "not an IP address");
    return 0;
}

static int check_peers(const struct config *c, struct err *e)
{
    for (size_t i = 0; i < c->n_peers; i++) {
        const struct config_peer *p = &c->peers[i];

        if (!register_node_name_valid(p->node) || strcmp(p->node, c->agent.node) == 0)
            return bad(c, e, "peer", "name", p->node, "not the name of another node");
        if (!is_ip_port(p->agent))
            return bad(c, e, "peer", "agent", p->agent, "not IP:port");
        if (!address_is_ip(p->address))
            return bad(c, e, "peer", "address", p->address, "not an IP address");
        for (size_t k = 0; k < i; k++)
            if (strcmp(c->peers[k].agent, p->agent) == 0)
                return bad(c, e, "peer", "agent", p->agent, "another peer has it too");
    }
    return 0;
}

static int split_others(struct config *c, struct err *e)
{
    for (const char *at = c->dns.others; *at;) {
        char item[DNS_ADDRESS_BYTES];
        size_t len;

        at += strspn(at, ", \t");
        len = strcspn(at, ", \t");
        if (len == 0)
            break;
        if (c->n_others == DNS_NS_MAX || len >= sizeof(item))
            return bad(c, e, "dns", "others", c->dns.others, "too many, or one is too long");
        memcpy(item, at, len);
        item[len] = '\0';
        if (!address_is_ip(item) && !is_ip_port(item))
            return bad(c, e, "dns", "others", item, "neither IP nor IP:port");
        STR_COPY(c->others[c->n_others], item);
        c->n_others++;
        at += len;
    }
    return 0;
}

static int make_zone(struct config *c, struct err *e)
{
    if (!address_is_ip(c->dns.server) && !is_ip_port(c->dns.server))
        return bad(c, e, "dns", "server", c->dns.server,
                   "neither IP nor IP:port (names may not resolve when the guard needs them)");
    STR_COPY(c->zone.zone, c->dns.zone);
    STR_COPY(c->zone.alias, c->dns.alias);
    STR_COPY(c->zone.server, c->dns.server);
    c->zone.tcp = c->dns.tcp;
    if (!register_name(c->dns.alias, c->binding.register_name, sizeof(c->binding.register_name)))
        return bad(c, e, "dns", "alias", c->dns.alias, "too long");

    size_t alias = strlen(c->dns.alias), zone = strlen(c->dns.zone);
    if (alias <= zone || strcmp(c->dns.alias + alias - zone, c->dns.zone) != 0 ||
        c->dns.alias[alias - zone - 1] != '.')
        return bad(c, e, "dns", "alias", c->dns.alias, "not a name below [dns] zone");
    return split_others(c, e);
}

int config_load(const char *path, struct config *ret_config, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    struct config *c = arena_alloc(a, sizeof(*c));

    STR_COPY(c->path, path);
    int r = ini_load(path, config_sections, n_config_sections, c, a, reterr);
    if (r == 0)
        r = check_agent(c, reterr);
    if (r == 0)
        r = check_peers(c, reterr);
    if (r == 0)
        r = make_zone(c, reterr);
    if (r < 0)
        return r;
    STR_COPY(c->binding.directory, c->agent.state_directory);
    *ret_config = *c;
    return 0;
}

int config_load_key(struct config *c, struct err *reterr)
{
    return keyfile_load(c->dns.key_file, c->dns.key_name, &c->zone.key, reterr);
}

void config_bind(struct config *c)
{
    struct obs_pg *pg = mem_alloc(sizeof(*pg));

    postgres_look_files(&c->postgresql, pg);
    machine_name(c->agent.node, c->binding.machine);
    c->binding.uid = geteuid();
    c->binding.sysid = pg->sysid;
    mem_free(pg);
}

/* ---- reload ---------------------------------------------------------------------------------- */

/* as long as the longest string of a configuration */
enum { VALUE_BYTES = 512 };

/* Both as text; a secret, which is a string, shows none of it. False: they are the same. */
static bool differ(const struct field *f, const char *mine, const char *theirs,
                   char old[VALUE_BYTES], char new[VALUE_BYTES])
{
    (void)field_get(f, mine, old, VALUE_BYTES);
    (void)field_get(f, theirs, new, VALUE_BYTES);
    return strcmp(old, new) != 0 ||
           ((f->flags & FIELD_SECRET) && strcmp(mine + f->offset, theirs + f->offset) != 0);
}

static void take_section(const struct ini_section *section, struct config *c,
                         const struct config *now, config_change_fn fn, void *arg)
{
    for (size_t i = 0; i < section->table->count; i++) {
        const struct field *f = &section->table->fields[i];
        char *mine = (char *)c + section->offset;
        const char *theirs = (const char *)now + section->offset;
        bool taken = f->flags & FIELD_RELOADS;
        char old[VALUE_BYTES], new[VALUE_BYTES];

        if (!differ(f, mine, theirs, old, new))
            continue;
        if (taken) /* it has passed the same checks before */
            (void)field_set(f, mine, new, NULL, NULL);
        fn(arg, section->name, f->name, old, new, taken);
    }
}

static bool same_peers(const struct config *a, const struct config *b)
{
    bool same = a->n_peers == b->n_peers;

    for (size_t i = 0; same && i < a->n_peers; i++) {
        const struct config_peer *p = &a->peers[i], *q = &b->peers[i];

        same = strcmp(p->node, q->node) == 0 && strcmp(p->agent, q->agent) == 0 &&
               strcmp(p->address, q->address) == 0 && p->port == q->port;
    }
    return same;
}

void config_take(struct config *c, const struct config *now, config_change_fn fn, void *arg)
{
    for (size_t i = 0; i < n_config_sections; i++)
        if (!config_sections[i].repeated)
            take_section(&config_sections[i], c, now, fn, arg);
    /* what is made from the rows of [dns] */
    STR_COPY(c->zone.server, now->zone.server);
    memcpy(c->others, now->others, sizeof(c->others));
    c->n_others = now->n_others;
    if (!same_peers(c, now))
        fn(arg, "peer", "", "", "", false);
}

const struct config_peer *config_peer(const struct config *c, const char *node)
{
    for (size_t i = 0; i < c->n_peers; i++)
        if (strcmp(c->peers[i].node, node) == 0)
            return &c->peers[i];
    return NULL;
}
