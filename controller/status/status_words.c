#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/lsn.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cluster.h"
#include "controller/cluster/view.h"
#include "controller/status/status_words.h"

void status_add(struct status *st, struct status_lines *lines, const char *node, const char *fmt,
                ...)
{
    char text[900];
    va_list args;

    if (lines->n == STATUS_LINES_MAX)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    lines->at[lines->n++] = (struct status_line){node, arena_strdup(st->arena, text)};
}

const char *status_name(const struct status *st, int node)
{
    return node >= 0 ? st->cluster->config.nodes[node].name : "";
}

/* The planner's sentences hold one %s at most, for the node. */
const char *status_fill(const struct status *st, const char *sentence, const char *node)
{
    size_t bytes = (strlen(sentence) + 1) * (strlen(node) + 1); /* however often it is named */
    char *text = arena_alloc(st->arena, bytes);

    planner_sentence(sentence, node, text, bytes);
    return text;
}

void status_propose(struct status *st, const char *command)
{
    if (!*st->next)
        st->next = command;
}

const char *status_why_silent(const struct status *st, int node)
{
    if (node < 0 || st->w->nodes[node].answered || !*st->w->nodes[node].error.msg)
        return "";
    return arena_printf(st->arena, ": %s", st->w->nodes[node].error.msg);
}

const char *status_diverged(const struct status *st, int node)
{
    const struct planner_node *n = &st->view->nodes[node];
    char here[LSN_TEXT_BYTES], there[LSN_TEXT_BYTES];

    return arena_printf(st->arena,
                        "%s %shas WAL that the owner does not have: it reaches %s on timeline "
                        "%" PRId64 ", the owner's history has it up to %s",
                        status_name(st, node),
                        n->fenced ? "is fenced and "
                        : n->held ? "is held and "
                                  : "",
                        lsn_text(n->wal.here, here), n->wal.tli, lsn_text(n->wal.there, there));
}

const char *status_renew(const struct status *st, const char *kind, const char *name,
                         const char *after)
{
    return arena_printf(st->arena,
                        "beside the authority's key: make-certs %s DIR %s %s; copy both files to "
                        "/etc/pgtandem of %s%s (docs/three-in-the-morning.md, \"A certificate has "
                        "expired, a clock is wrong\")",
                        kind, st->cluster->config.cluster.name, name, name, after);
}

void status_certificate(struct status *st, const char *node, const char *whose, int64_t days)
{
    if (days >= CERTIFICATE_WARN_DAYS)
        return;
    status_add(st, days < 7 ? &st->problems : &st->outstanding, node,
               days < 0 ? "%s has expired: make-certs makes a new one"
                        : "%s expires in %" PRId64
                          " days: make-certs makes a new one, an agent takes it "
                          "over by systemctl reload pgtandem-agent",
               whose, days);
}

bool status_is_busy(const struct node_obs *o)
{
    enum { TOLD_MS = 2000 };

    return o->starting_act && o->act_ms >= TOLD_MS;
}
