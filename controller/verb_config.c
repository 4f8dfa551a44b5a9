/* `config check`, `config sample`, `version`. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "controller/config.h"
#include "controller/session.h"
#include "controller/verbs.h"
#include "proto/hello.h"

/* That the session opened says that configuration, key file and certificates are in order. */
int verb_config_check(struct session *s, struct err *reterr)
{
    const struct config *c = &s->config;

    (void)reterr;
    printf("%s: in order\n", c->path);
    printf("  cluster %s, alias %s in zone %s at %s\n", c->cluster.name, c->cluster.alias,
           c->dns.zone, c->dns.server);
    printf("  update key %s (%s) from %s\n", s->zone.key.name, s->zone.key.algorithm,
           c->dns.key_file);
    int64_t days = s->tls ? tls_context_days_left(s->tls, clock_wall_ms()) : 0;
    if (s->tls)
        printf("  certificate %s, %s%" PRId64 " days left%s\n", c->tls.certificate,
               days < CERTIFICATE_WARN_DAYS ? "WARNING: " : "", days < 0 ? 0 : days,
               days < CERTIFICATE_WARN_DAYS ? ": make-certs makes a new one" : "");
    printf("  journals in %s\n", c->journal.directory);
    for (size_t i = 0; i < c->n_nodes; i++)
        printf("  node %s: agent %s, PostgreSQL %s port %d, alias target %s\n", c->nodes[i].name,
               c->nodes[i].agent, c->nodes[i].address, (int)c->nodes[i].port, c->nodes[i].target);
    return 0;
}

int verb_config_sample(struct session *s, struct err *reterr)
{
    (void)reterr;
    fputs(config_sample(s->arena), stdout);
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
