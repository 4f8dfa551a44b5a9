#include "controller/cluster/evidence.h"

#include "base/clock.h"
#include "base/lsn.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/config.h"
#include "controller/cluster/observe.h"
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
        seen->heard_wall_ms > 0      ? ", last heard at "
        : seen->last_lsn_wall_ms > 0 ? " at "
                                     : "",
        seen->heard_wall_ms > 0      ? clock_text_hms(seen->heard_wall_ms, at)
        : seen->last_lsn_wall_ms > 0 ? clock_text_hms(seen->last_lsn_wall_ms, at)
                                     : "");
}

size_t evidence_lines(struct arena *a, const struct config *c, const struct world *w,
                      const char *ret_lines[EVIDENCE_LINES_MAX])
{
    double age_s = (double)(clock_mono_ms() - w->evidence.began_ms) / 1000;
    size_t n = 0;

    if (w->evidence.began_ms == 0 || w->nodes[w->evidence.about].answered)
        return 0;
    for (size_t i = 0; i < w->n_nodes && n < EVIDENCE_LINES_MAX; i++)
        if (w->evidence.from & (1U << i))
            ret_lines[n++] =
                arena_printf(a, "%s; asked %.1f s ago",
                             evidence_words(a, c->nodes[i].name, &w->evidence.seen[i]), age_s);
    if (n == 0)
        ret_lines[n++] =
            arena_printf(a, "no node that responds could be asked about %s (%.1f s ago)",
                         c->nodes[w->evidence.about].name, age_s);
    return n;
}

uint32_t evidence_writable(const struct world *w)
{
    uint32_t by = 0;

    if (w->evidence.began_ms == 0 || w->nodes[w->evidence.about].answered)
        return 0;
    for (size_t i = 0; i < w->n_nodes; i++)
        if ((w->evidence.from & (1U << i)) && w->evidence.seen[i].writable_seen)
            by |= 1U << i;
    return by;
}

const char *evidence_verdict(struct arena *a, const struct config *c, const struct world *w)
{
    uint32_t by = evidence_writable(w);
    const char *names = "";
    size_t n = 0;

    for (size_t i = 0; i < w->n_nodes; i++)
        if (by & (1U << i))
            names = arena_printf(a, "%s%s%s", names, n++ ? ", " : "", c->nodes[i].name);
    return arena_printf(a, "%s %s %s writable", names, n == 1 ? "sees" : "see",
                        c->nodes[w->evidence.about].name);
}

const char *evidence_remedy(struct arena *a, const struct config *c, const struct world *w)
{
    const char *name = c->nodes[w->evidence.about].name;
    bool open = w->d.record_valid && w->d.record.state != REGISTER_STABLE;

    for (size_t i = 0; i < w->n_nodes; i++)
        if ((w->evidence.from & (1U << i)) && w->evidence.seen[i].agent_answers)
            return arena_printf(a,
                                "it is not lost, only this host does not reach it: use pgtandem on "
                                "another controller, or repair the network from here to %s",
                                name);
    return arena_printf(a,
                        "it is not lost, only its agent does not respond: on %s: systemctl start "
                        "pgtandem-agent; then `pgtandem %s`",
                        name, open ? "resume" : "switchover");
}
