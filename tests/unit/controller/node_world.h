/* One node of a cluster in order, as a look finds it: db02 (the first) is the primary at epoch 7 on
 * timeline 5, the others stream from it and have all that it has. */
#pragma once

#include "base/str.h"
#include "controller/cluster/observe.h"
#include "controller/session/session.h"

enum { NODE_SYSID = 7301 };

static inline void node_in_order(struct config_node *c, struct world_node *n, int i)
{
    static const char *const names[] = {"db02", "db01", "vm"};
    struct node_obs *o = &n->obs;
    bool primary = i == 0;

    STR_COPY(c->name, names[i]);
    STR_PRINTF(c->address, "10.77.0.%d", 20 + i);
    STR_PRINTF(c->agent, "10.77.0.%d:7432", 20 + i);
    STR_PRINTF(c->target, "%s.ia2.test", names[i]);
    c->port = 5432;
    n->answered = true;
    STR_COPY(o->node, names[i]);
    o->epoch = 7;
    o->state_ok = true;
    o->cron = (struct obs_cron){.readable = true, .daemon_running = true, .commanded_on = primary};
    *(primary ? &o->cron.entries_on : &o->cron.entries_off) = 2;
    o->pg = (struct obs_pg){.role = primary ? PG_WRITABLE : PG_RECOVERY,
                            .version = 150018,
                            .sysid = NODE_SYSID,
                            .tli = 5,
                            .control_tli = 5};
    if (primary) {
        o->pg.insert_lsn = o->pg.flush_lsn = 0x3000148;
        return;
    }
    o->pg.receive_lsn = o->pg.replay_lsn = 0x3000148;
    STR_COPY(o->pg.receiver_status, "streaming");
    STR_PRINTF(o->pg.receiver_host, "10.77.0.%d", 20);
    o->pg.receiver_port = 5432;
}
