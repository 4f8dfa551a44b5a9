/* What the rules of an agent judge: its state, the record, and what PostgreSQL is found to be. */
#pragma once

#include "agent/decide/rules.h"
#include "base/str.h"

static const char nonce[] = "00000000000000000000000000000001";
static const char other_nonce[] = "00000000000000000000000000000002";
static const char txn[] = "0000000000000001";

static inline struct agent_state state_at(int64_t epoch)
{
    return (struct agent_state){.sysid = 7, .epoch = epoch, .seq = 3};
}

static inline struct record record_of(int64_t epoch, enum register_state state, const char *owner)
{
    struct record d = {.epoch = epoch, .state = (int)state, .sysid = 7, .tli = 1, .ttl = 30};

    STR_COPY(d.nonce, nonce);
    STR_COPY(d.owner, owner);
    STR_COPY(d.txn, txn);
    return d;
}

static inline struct facts standby(void)
{
    return (struct facts){.role = PG_RECOVERY,
                          .standby_signal = true,
                          .control_state = CONTROL_IN_ARCHIVE_RECOVERY,
                          .control_tli = 1,
                          .tli = 1,
                          .sysid = 7};
}

static inline struct facts primary(void)
{
    return (struct facts){.role = PG_WRITABLE,
                          .control_state = CONTROL_IN_PRODUCTION,
                          .control_tli = 1,
                          .tli = 1,
                          .sysid = 7};
}

static inline struct facts stopped_primary(void)
{
    return (struct facts){
        .role = PG_STOPPED, .control_state = CONTROL_SHUTDOWNED, .control_tli = 1, .sysid = 7};
}
