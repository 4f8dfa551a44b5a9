#include "controller/world/evidence.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/messages.h"

const char *evidence_words(struct arena *a, const char *witness, const struct obs_peer *seen)
{
    char lsn[LSN_TEXT_BYTES], at[CLOCK_TEXT_BYTES];

    return arena_printf(
        a, "%s sees %s: agent %s, port %s, %s%s%s%s%s", witness, seen->node,
        seen->agent_answers ? "answers" : "silent", seen->port_open ? "open" : "closed",
        seen->writable_seen      ? "WRITABLE"
        : seen->in_recovery_seen ? "a standby"
                                 : "no answer from PostgreSQL",
        seen->last_lsn ? ", last WAL " : "", seen->last_lsn ? lsn_text(seen->last_lsn, lsn) : "",
        seen->last_lsn_wall_ms > 0 ? " at " : "",
        seen->last_lsn_wall_ms > 0 ? clock_text_hms(seen->last_lsn_wall_ms, at) : "");
}
