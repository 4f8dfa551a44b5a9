#include "controller/cluster/cluster.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/dns_words.h"
#include "controller/cluster/name_servers.h"

/* ---- who ------------------------------------------------------------------------------------- */

/* What may stand in the record: printable, no blank, quote or backslash. */
static void copy_plain(char *dst, size_t bytes, const char *src)
{
    size_t n = 0;

    for (; *src && n + 1 < bytes; src++)
        if (*src > ' ' && *src <= '~' && *src != '"' && *src != '\\')
            dst[n++] = *src;
    dst[n] = '\0';
}

static void short_host(char *ret_host, size_t bytes)
{
    char host[256] = "";

    (void)gethostname(host, sizeof(host) - 1);
    host[strcspn(host, ".")] = '\0';
    copy_plain(ret_host, bytes, *host ? host : "unknown");
}

/* "root@ctl"; under sudo the person, not root. Cut to fit: half for the user, the rest for the
 * host. */
static void who(char ret_by[BY_BYTES])
{
    const char *sudo = getenv("SUDO_USER");
    const struct passwd *pw = getpwuid(getuid());
    char user[17], host[BY_BYTES - 17];

    copy_plain(user, sizeof(user), sudo && *sudo ? sudo : pw ? pw->pw_name : "unknown");
    short_host(host, sizeof(host));
    (void)str_printf(ret_by, BY_BYTES, "%s@%s", user, host);
}

/* ---- opening --------------------------------------------------------------------------------- */

static int load_key(struct cluster *k, enum cluster_key key, struct err *reterr)
{
    const struct config_dns *d = &k->config.dns;
    bool query = key == CLUSTER_KEY_QUERY && *d->query_key_file;
    const char *file = query ? d->query_key_file : d->key_file;
    const char *name = query ? d->query_key_name : d->key_name;

    if (!*file)
        return err_set(reterr, ERR_CONFIG,
                       "use pgtandem on a controller that has an update key, or add key_file here",
                       "%s: [dns] has no key_file, only a key that may ask: nothing can be changed "
                       "from here",
                       k->config.path);
    k->key_file = file;
    return keyfile_load(file, *name ? name : NULL, &k->zone.key, reterr);
}

int cluster_open_dns(struct cluster *k, enum cluster_key key, struct err *reterr)
{
    const struct config *c = &k->config;

    STR_COPY(k->zone.zone, c->dns.zone);
    STR_COPY(k->zone.alias, c->cluster.alias);
    STR_COPY(k->zone.server, c->dns.server);
    STR_COPY(k->zone.others, c->dns.others);
    name_servers_recall(c->journal.directory, &k->zone);
    k->zone.tcp = c->dns.tcp;
    return key == CLUSTER_KEY_NONE ? 0 : load_key(k, key, reterr);
}

int cluster_open_agents(struct cluster *k, struct err *reterr)
{
    const struct config *c = &k->config;
    char host[NODE_NAME_BYTES];
    int rc = tls_context_new(&c->tls, c->cluster.name, PEER_CONTROLLER, "", &k->tls, reterr);

    if (rc < 0)
        return rc;
    short_host(host, sizeof(host));
    for (size_t i = 0; i < c->n_nodes; i++) {
        k->peers[i] = rpc_peer_new(k->loop, k->tls, c->cluster.name, c->nodes[i].name,
                                   c->nodes[i].agent, tls_context_role(k->tls), host);
        rpc_peer_knock(k->peers[i], c->nodes[i].address, c->nodes[i].port);
    }
    return 0;
}

int cluster_may_act(const struct cluster *k, struct err *reterr)
{
    const struct tls_files *f = &k->config.tls;

    if (!k->tls || tls_context_role(k->tls) == PEER_CONTROLLER)
        return 0;
    return err_set(
        reterr, ERR_CONFIG,
        "use pgtandem on a controller; make-certs controller makes a certificate that "
        "agents obey",
        "certificate %s is a monitor's: agents show it what they are, and no crontab, and "
        "obey nothing",
        f->certificate);
}

void cluster_init(struct cluster *k)
{
    *k = (struct cluster){.loop = loop_new(), .arena = arena_new()};
    who(k->by);
}

void cluster_close(struct cluster *k)
{
    for (size_t i = 0; i < CLUSTER_NODES_MAX; i++)
        rpc_peer_free(k->peers[i]);
    tls_context_free(k->tls);
    loop_free(k->loop);
    arena_free(k->arena);
    explicit_bzero(&k->zone.key, sizeof(k->zone.key));
    *k = (struct cluster){.loop = NULL};
}

/* ---- one update ------------------------------------------------------------------------------ */

struct wait {
    struct dns_swap_result *result;
    struct err *why;
    bool done;
};

static void on_swap(void *arg, const struct dns_swap_result *result, const struct err *e)
{
    struct wait *w = arg;

    *w->result = *result;
    if (e)
        *w->why = *e;
    w->done = true;
}

void cluster_swap(struct cluster *k, const struct dns_swap *swap,
                  struct dns_swap_result *ret_result, struct err *ret_why)
{
    enum { GRACE_MS = 1000 }; /* the operation ends at its own deadline */
    struct wait w = {.result = ret_result, .why = ret_why};
    int64_t timeout_ms = k->config.dns.timeout_ms;

    *ret_result = (struct dns_swap_result){.verdict = DNS_UNKNOWN, .view.status = DNS_VIEW_SILENT};
    *ret_why = (struct err){.code = 0};
    struct dns_op *op = dns_swap(k->loop, &k->zone, swap, timeout_ms, on_swap, &w);
    if (loop_wait(k->loop, &w.done, timeout_ms + GRACE_MS, ret_why) < 0)
        dns_op_cancel(op);
    dns_words_name_key(k, ret_why);
}
