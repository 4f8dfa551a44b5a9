/* `config check`, `config sample`, `config nodes`, `version`. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/config.h"
#include "controller/session/report.h"
#include "controller/session/session.h"
#include "controller/verbs/verbs.h"
#include "proto/hello.h"

static void say(struct session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct session *s, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    report_wrap(s, "  ", text);
}

struct key_read {
    const char *title, *file; /* NULL: none is configured */
    char name[sizeof(((struct tsig_key *)0)->name)];
    char algorithm[sizeof(((struct tsig_key *)0)->algorithm)];
};

/* The session has been opened with the key that looks; here each is read. */
static int read_keys(struct session *s, struct key_read ret[2], struct err *reterr)
{
    const struct config_dns *d = &s->cluster.config.dns;

    ret[0] = (struct key_read){.title = "update", .file = *d->key_file ? d->key_file : NULL};
    ret[1] =
        (struct key_read){.title = "query", .file = *d->query_key_file ? d->query_key_file : NULL};
    for (size_t i = 0; i < 2; i++) {
        if (!ret[i].file)
            continue;
        int rc =
            cluster_open_dns(&s->cluster, i == 0 ? CLUSTER_KEY_UPDATE : CLUSTER_KEY_QUERY, reterr);
        if (rc < 0)
            return rc;
        STR_COPY(ret[i].name, s->cluster.zone.key.name);
        STR_COPY(ret[i].algorithm, s->cluster.zone.key.algorithm);
    }
    return 0;
}

/* That the session opened says that configuration and certificates are in order. */
int verb_config_check(struct session *s, struct err *reterr)
{
    const struct config *c = &s->cluster.config;
    int64_t days = s->cluster.tls ? tls_context_days_left(s->cluster.tls, clock_wall_ms()) : 0;
    struct key_read keys[2];
    int rc = read_keys(s, keys, reterr);

    if (rc < 0)
        return rc;
    report_wrap(s, "", arena_printf(s->cluster.arena, "%s: in order", c->path));
    say(s, "cluster %s, alias %s in zone %s at %s", c->cluster.name, c->cluster.alias, c->dns.zone,
        c->dns.server);
    for (size_t i = 0; i < 2; i++)
        if (keys[i].file)
            say(s, "%s key %s (%s) from %s", keys[i].title, keys[i].name, keys[i].algorithm,
                keys[i].file);
    if (s->cluster.tls)
        say(s, "certificate %s of a %s, %s%" PRId64 " days left%s", c->tls.certificate,
            peer_role_names[tls_context_role(s->cluster.tls)],
            days < CERTIFICATE_WARN_DAYS ? "WARNING: " : "", days < 0 ? 0 : days,
            days < CERTIFICATE_WARN_DAYS ? ": make-certs makes a new one" : "");
    say(s, "journals in %s", c->journal.directory);
    for (size_t i = 0; i < c->n_nodes; i++)
        say(s, "node %s: agent %s, PostgreSQL %s port %d, alias target %s", c->nodes[i].name,
            c->nodes[i].agent, c->nodes[i].address, (int)c->nodes[i].port, c->nodes[i].target);
    return 0;
}

int verb_config_sample(struct session *s, struct err *reterr)
{
    (void)reterr;
    fputs(config_sample(s->cluster.arena), stdout);
    return 0;
}

int verb_config_nodes(struct session *s, struct err *reterr)
{
    (void)reterr;
    for (size_t i = 0; i < s->cluster.config.n_nodes; i++)
        puts(s->cluster.config.nodes[i].name);
    return 0;
}

int verb_version(struct session *s, struct err *reterr)
{
    struct hello h;

    (void)s;
    (void)reterr;
    hello_fill(&h, PEER_CONTROLLER, "", "");
    printf("%s, protocol %d\n", h.software, PROTO_VERSION);
    return 0;
}
