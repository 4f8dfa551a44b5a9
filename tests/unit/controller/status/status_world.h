/* A cluster in order, as `status` sees it: db02 is the primary, db01 and vm stream from it; and the
 * screen as printed. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/screen/status_print.h"
#include "controller/session/session.h"
#include "controller/status/status.h"
#include "tests/unit/capture.h"
#include "tests/unit/controller/node_world.h"
#include "tests/unit/unit.h"

enum { A, B, C, NODES, SYSID = NODE_SYSID, NOW = 1000000 };

static struct session s;
static struct world w;
static struct status_journal journal;
static struct status st;
static struct arena *arena;

static void make_node(int i)
{
    struct node_obs *o = &w.nodes[i].obs;

    node_in_order(&s.cluster.config.nodes[i], &w.nodes[i], i);
    STR_COPY(o->software, "pgtandem 0.1.0");
    STR_PRINTF(o->seen,
               "v=1 epoch=7 nonce=0123456789abcdef0123456789abcdef state=stable owner=db02 to=- "
               "from=- txn=0123456789abcdef sysid=%d tli=5 ttl=30 grade=- by=root@ctl",
               SYSID);
    o->watch_enabled = o->can_stop = true;
    o->watch_period_ms = 3000;
}

static int set_up(void **state)
{
    (void)state;
    arena_free(arena);
    arena = arena_new();
    s = (struct session){.cluster = {.config = {.n_nodes = NODES}},
                         .term = term_look(stdout, COLOR_AUTO)};
    s.cluster.config.limits.clock_skew_ms = 2000;
    STR_COPY(s.cluster.config.cluster.name, "ia2");
    STR_COPY(s.cluster.zone.alias, "db.ia2.test");
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
    status_build(&st, &s.cluster, arena, &w, &journal, NOW);
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
    status_print(&s, &st);
    return capture_end(&c, arena);
}

#define TEST(fn) cmocka_unit_test_setup(fn, set_up)
