/* A cluster in order, as `status` sees it: db02 is the primary, db01 and vm stream from it; and the
 * screen as printed. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/screen/status.h"
#include "controller/session.h"
#include "tests/unit/capture.h"
#include "tests/unit/unit.h"

enum { A, B, C, NODES, SYSID = 7301, NOW = 1000000 };

static struct session s;
static struct world w;
static struct status_journal journal;
static struct status st;
static struct arena *arena;

static void make_node(int i)
{
    static const char *const names[NODES] = {"db02", "db01", "vm"};
    struct node_obs *o = &w.nodes[i].obs;

    STR_COPY(s.config.nodes[i].name, names[i]);
    STR_PRINTF(s.config.nodes[i].address, "10.77.0.%d", 20 + i);
    STR_PRINTF(s.config.nodes[i].target, "%s.ia2.test", names[i]);
    s.config.nodes[i].port = 5432;
    w.nodes[i].answered = true;
    STR_COPY(o->node, names[i]);
    STR_COPY(o->software, "pgtandem 0.1.0");
    STR_PRINTF(o->seen,
               "v=1 epoch=7 nonce=0123456789abcdef0123456789abcdef state=stable owner=db02 to=- "
               "from=- txn=0123456789abcdef sysid=%d tli=5 ttl=30 grade=- by=root@ctl",
               SYSID);
    o->epoch = 7;
    o->state_ok = o->watch_enabled = o->can_stop = true;
    o->watch_period_ms = 3000;
    o->cron = (struct obs_cron){.readable = true, .daemon_running = true, .commanded_on = i == A};
    *(i == A ? &o->cron.entries_on : &o->cron.entries_off) = 2;
    o->pg = (struct obs_pg){.role = i == A ? PG_WRITABLE : PG_RECOVERY,
                            .sysid = SYSID,
                            .tli = 5,
                            .control_tli = 5,
                            .insert_lsn = i == A ? 0x3000148 : 0,
                            .flush_lsn = i == A ? 0x3000148 : 0,
                            .receive_lsn = i == A ? 0 : 0x3000148,
                            .replay_lsn = i == A ? 0 : 0x3000148};
    if (i == A)
        return;
    STR_COPY(o->pg.receiver_status, "streaming");
    STR_PRINTF(o->pg.receiver_host, "10.77.0.%d", 20 + A);
    o->pg.receiver_port = 5432;
}

static int set_up(void **state)
{
    (void)state;
    arena_free(arena);
    arena = arena_new();
    s = (struct session){.config = {.n_nodes = NODES}, .term = term_look(stdout, COLOR_AUTO)};
    s.config.limits.clock_skew_ms = 2000;
    STR_COPY(s.config.cluster.name, "ia2");
    STR_COPY(s.zone.alias, "db.ia2.test");
    memset(&w, 0, sizeof(w));
    w.n_nodes = NODES;
    for (int i = 0; i < NODES; i++)
        make_node(i);
    w.d = (struct dns_view){
        .status = DNS_VIEW_OK, .cname_present = true, .cname_ttl = 30, .n_txt = 1};
    STR_COPY(w.d.cname, "db02.ia2.test");
    STR_COPY(w.d.txt, w.nodes[A].obs.seen);
    w.d.record_valid = register_parse(w.d.txt, &w.d.record, NULL) == 0;
    w.survey_done = true;
    w.survey.n = 2;
    w.survey.ns[0].agrees = w.survey.ns[1].agrees = true;
    journal = (struct status_journal){.verb = "", .reason = "", .began_by = ""};
    return 0;
}

static inline void build(void)
{
    status_build(&st, &s, arena, &w, &journal, NOW);
}

static inline bool says(const struct status_lines *lines, const char *text)
{
    for (size_t i = 0; i < lines->n; i++)
        if (strstr(lines->at[i].text, text))
            return true;
    return false;
}

/* The screen as printed. */
static inline char *screen(enum output_format format)
{
    struct capture c;

    s.options.format = format;
    capture_begin(&c);
    status_print(&st);
    return capture_end(&c, arena);
}

#define TEST(fn) cmocka_unit_test_setup(fn, set_up)
