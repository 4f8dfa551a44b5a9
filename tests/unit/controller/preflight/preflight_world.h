/* A cluster in order, as preflight sees it: db02 is the primary, db01 the target, vm the third. All
 * have been looked at, inspected and rehearsed. */
#pragma once

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "controller/cluster/observe.h"
#include "controller/preflight/preflight_checks.h"
#include "controller/session/session.h"
#include "proto/hello.h"
#include "tests/unit/controller/preflight/inspect_set.h"

enum { A, B, C, NODES, SYSID = 7301 };

static struct session s;
static struct world w;
static struct preflight p;
static struct inspect facts[NODES];
static struct rehearsal rehearsed[NODES][8];

static void make_config(void)
{
    static const char *const names[NODES] = {"db02", "db01", "vm"};

    s = (struct session){.cluster = {.config = {.n_nodes = NODES}}};
    STR_COPY(s.cluster.config.cluster.name, "ia2");
    STR_COPY(s.cluster.config.cluster.alias, "db.ia2.test");
    s.cluster.config.limits = (struct config_limits){.lag_bytes = 16 << 20,
                                                     .xact_age_s = 60,
                                                     .backup_age_s = 26 * 3600,
                                                     .clock_skew_ms = 2000,
                                                     .free_bytes = 1 << 20,
                                                     .ready_files = 8,
                                                     .ttl_s = 300};
    for (int i = 0; i < NODES; i++) {
        struct config_node *n = &s.cluster.config.nodes[i];

        STR_COPY(n->name, names[i]);
        STR_PRINTF(n->address, "10.77.0.%d", 20 + i);
        STR_PRINTF(n->target, "%s.ia2.test", names[i]);
        n->port = 5432;
    }
}

static void make_node(int i)
{
    struct node_obs *o = &w.nodes[i].obs;
    struct hello h;

    hello_fill(&h, PEER_CONTROLLER, "", "");
    w.nodes[i].answered = true;
    STR_COPY(o->node, s.cluster.config.nodes[i].name);
    STR_COPY(o->software, h.software);
    o->epoch = 7;
    o->state_ok = o->watch_enabled = o->can_stop = true;
    o->watch_period_ms = 3000;
    STR_COPY(o->peers, i == A ? "db01,vm,db02" : "db02,vm,db01");
    w.nodes[i].version = PROTO_VERSION;
    o->certificate_days = 365;
    o->cron = (struct obs_cron){.readable = true, .daemon_running = true};
    *(i == A ? &o->cron.entries_on : &o->cron.entries_off) = 2;
    STR_COPY(o->cron.parity, "same");
    o->pg = (struct obs_pg){.role = i == A ? PG_WRITABLE : PG_RECOVERY,
                            .version = 150018,
                            .sysid = SYSID,
                            .tli = 5,
                            .n_history = 1,
                            .history = {{.tli = 4, .end = 0x2000000}},
                            .newest_history_tli = 5,
                            .max_wal_senders = 10,
                            .max_replication_slots = 10,
                            .rewindable = true,
                            .free_bytes = 1 << 30};
    STR_COPY(o->pg.timeline_target, "latest");
    if (i == A) {
        o->pg.insert_lsn = o->pg.flush_lsn = 0x3000148;
        return;
    }
    o->pg.receive_lsn = o->pg.replay_lsn = 0x3000148;
    STR_COPY(o->pg.receiver_status, "streaming");
    STR_COPY(o->pg.receiver_host, s.cluster.config.nodes[A].address);
    o->pg.receiver_port = 5432;
    STR_COPY(o->pg.conninfo_hosts, s.cluster.config.nodes[A].address);

    struct obs_sender *sender = &w.nodes[A].obs.pg.senders[w.nodes[A].obs.pg.n_senders++];
    STR_COPY(sender->address, s.cluster.config.nodes[i].address);
    STR_COPY(sender->state, "streaming");
}

static struct rehearsal *rehearse(int node, enum rehearsal_kind kind,
                                  enum rehearsal_verdict verdict, const char *to, const char *said)
{
    struct rehearsal *r = &rehearsed[node][w.nodes[node].n_rehearsals++];

    *r = (struct rehearsal){.kind = (int)kind, .verdict = (int)verdict, .elapsed_ms = 5};
    STR_COPY(r->node, to);
    STR_COPY(r->said, said);
    STR_COPY(r->remedy, verdict == REHEARSAL_FAILED ? "do this" : "");
    w.nodes[node].rehearsals = rehearsed[node];
    return r;
}

static void make_facts(int node)
{
    struct inspect *i = &facts[node];

    *i = (struct inspect){.pg_answered = true,
                          .oldest_xact_s = -1,
                          .archive_failed_s = -1,
                          .databases = 2,
                          .databases_seen = 2,
                          .backup_configured = true,
                          .backup_outlives = true,
                          .backup_ms = clock_wall_ms()};
    set(i, "max_connections", "100");
    set(i, "port", "5432");
    set(i, "listen_addresses", "*");
    set(i, "ssl", "off");
    set(i, "default_transaction_read_only", "off");
    STR_COPY(i->libc, "glibc 2.36");
    i->n_mounts = 1;
    i->mounts[0] = (struct inspect_mount){.name = "data", .present = true, .free_bytes = 10 << 20};
    w.nodes[node].inspect_asked = true;
    w.nodes[node].inspect = i;
}

static void make_rehearsals(int node)
{
    static const enum rehearsal_kind kinds[] = {REHEARSAL_STOP,    REHEARSAL_START,
                                                REHEARSAL_KEY,     REHEARSAL_CRONTAB,
                                                REHEARSAL_ARCHIVE, REHEARSAL_RIGHTS};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        rehearse(node, kinds[i], REHEARSAL_PASSED, "", "yes");
    rehearse(node, REHEARSAL_REPLICATION, REHEARSAL_PASSED, node == B ? "db02" : "db01", "yes")
        ->sysid = SYSID;
}

static int set_up(void **state)
{
    (void)state;
    make_config();
    memset(&w, 0, sizeof(w));
    w.n_nodes = NODES;
    for (int i = 0; i < NODES; i++) {
        make_node(i);
        make_facts(i);
        make_rehearsals(i);
    }
    w.d = (struct dns_view){.status = DNS_VIEW_OK,
                            .cname_present = true,
                            .n_txt = 1,
                            .record_valid = true,
                            .record = {.epoch = 7, .sysid = SYSID, .tli = 5}};
    STR_COPY(w.d.cname, "db02.ia2.test");
    STR_COPY(w.d.record.owner, "db02");
    w.d.zone_keys = 0;
    w.key_tried = w.key_proven = true;
    w.journal_free_bytes = 1 << 30;
    w.survey_done = true;
    for (int i = 0; i < NODES; i++) {
        struct world_node *n = &w.nodes[i];

        n->target_asked = n->target.answered = true;
        n->target.n = 1;
        STR_COPY(n->target.address[0], s.cluster.config.nodes[i].address);
    }
    w.survey.n = 2;
    w.survey.ns[0].agrees = w.survey.ns[1].agrees = true;
    return 0;
}
