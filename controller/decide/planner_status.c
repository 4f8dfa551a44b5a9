/* What `status` says: what is outstanding, one problem, one next command. All of it derived, none
 * stored.
 */
#include <string.h>

#include "base/str.h"
#include "controller/decide/planner_view.h"
#include "controller/decide/ways.h"

enum { WAY_OPEN = WAY_RESUME | WAY_ABORT | WAY_FAILOVER };

static const struct {
    const char *text;
    bool problem;
} debts[DEBT_KINDS] = {
#define X(id, text) [id] = {text, id != DEBT_FENCED},
    PLANNER_DEBTS(X)
#undef X
};

const char *planner_debt_text(enum planner_debt_kind k)
{
    return debts[k].text;
}

bool planner_debt_is_problem(enum planner_debt_kind k)
{
    return debts[k].problem;
}

/* At most three for a node: what it is, its jobs, its epoch or its place in `from`. */
static int role_debt(const struct planner_view *v, int node)
{
    const struct planner_node *n = &v->nodes[node];

    if (!n->answered)
        return DEBT_SILENT;
    if (!n->state_ok)
        return DEBT_STATE;
    if (node != planner_owner(v) && n->wal.kind == LINEAGE_BEYOND && n->role != PG_WRITABLE)
        return DEBT_DIVERGED;
    if (n->held)
        return DEBT_HELD;
    if (node == planner_owner(v))
        return n->role == PG_WRITABLE ? DEBT_KINDS : DEBT_OWNER_DOWN;
    if (n->role == PG_WRITABLE)
        return DEBT_WRITABLE;
    if (n->fenced && n->role == PG_STOPPED)
        return DEBT_FENCED;
    return planner_standby(v, node) && n->streams_from_owner ? DEBT_KINDS : DEBT_NO_STANDBY;
}

static int cron_debt(const struct planner_view *v, int node)
{
    const struct planner_node *n = &v->nodes[node];

    if (!n->answered)
        return DEBT_KINDS;
    if (node == planner_owner(v))
        return n->cron_on ? DEBT_KINDS : DEBT_OWNER_CRON_OFF;
    return n->cron_off ? DEBT_KINDS : DEBT_CRON_ON;
}

static int record_debt(const struct planner_view *v, int node)
{
    const struct planner_node *n = &v->nodes[node];

    if (register_grade_of(&v->d, n->name) == GRADE_G3 && !n->answered)
        return DEBT_FROM;
    return n->answered && n->state_ok && n->epoch < v->d.epoch ? DEBT_EPOCH : DEBT_KINDS;
}

size_t planner_debts(const struct planner_view *v, struct planner_debt ret[PLANNER_DEBTS_MAX])
{
    size_t n = 0;

    if (v->d.epoch == 0)
        return 0;
    for (int i = 0; i < (int)v->n_nodes; i++) {
        int kinds[] = {role_debt(v, i), cron_debt(v, i), record_debt(v, i)};

        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
            if (kinds[k] != DEBT_KINDS)
                ret[n++] = (struct planner_debt){.kind = kinds[k], .node = (size_t)i};
    }
    return n;
}

/* ---- situation ---------------------------------------------------------------------------- */

static bool dns_silent(const struct planner_view *v)
{
    return !v->d_answered;
}

/* What it waits for: the zone's primary, or the nodes that do not answer (guard, row 10). */
static uint32_t held_without_dns(const struct planner_view *v)
{
    int owner = planner_owner(v);

    return dns_silent(v) && owner >= 0 && planner_answers(v, owner) && v->nodes[owner].held &&
                   !v->nodes[owner].fenced
               ? planner_bit(owner)
               : 0;
}

static bool no_record(const struct planner_view *v)
{
    return v->d.epoch == 0;
}

static bool foreign(const struct planner_view *v)
{
    return v->sysid && v->d.sysid != v->sysid;
}

/* The rows below look the owner up; a record of strangers has none. */
static bool strange(const struct planner_view *v)
{
    return planner_owner(v) < 0;
}

static uint32_t ahead(const struct planner_view *v)
{
    for (int i = 0; i < (int)v->n_nodes; i++)
        if (planner_answers(v, i) && v->nodes[i].epoch > v->d.epoch)
            return planner_bit(i);
    return 0;
}

static uint32_t writable(const struct planner_view *v)
{
    uint32_t nodes = 0;

    for (int i = 0; i < (int)v->n_nodes; i++)
        nodes |= planner_writable(v, i) ? planner_bit(i) : 0;
    return nodes;
}

static uint32_t two_writable(const struct planner_view *v)
{
    uint32_t nodes = writable(v);

    return nodes & (nodes - 1) ? nodes : 0;
}

/* Orphans of a standby that is not the owner cannot commit, but cannot be distinguished either. */
static uint32_t orphaned(const struct planner_view *v)
{
    uint32_t nodes = 0;

    for (int i = 0; i < (int)v->n_nodes; i++)
        nodes |= planner_answers(v, i) && v->nodes[i].orphans ? planner_bit(i) : 0;
    return nodes;
}

static bool open_and_answered(const struct planner_view *v)
{
    return v->d_answered && v->d.epoch > 0 && !planner_state_is(v, REGISTER_STABLE);
}

static uint32_t owner(const struct planner_view *v)
{
    return planner_bit(planner_owner(v));
}

static uint32_t other_writable(const struct planner_view *v)
{
    return writable(v) & ~owner(v);
}

static uint32_t target(const struct planner_view *v)
{
    int b = planner_target(v);

    return b >= 0 ? planner_bit(b) : owner(v);
}

static bool open_flip_silent(const struct planner_view *v)
{
    return planner_state_is(v, REGISTER_FLIP) && !planner_answers(v, planner_target(v));
}

static bool open_owner_silent(const struct planner_view *v)
{
    return (planner_state_is(v, REGISTER_CLAIM) || planner_state_is(v, REGISTER_UNDO)) &&
           !planner_answers(v, planner_owner(v));
}

static bool open_transition(const struct planner_view *v)
{
    return !planner_state_is(v, REGISTER_STABLE);
}

static bool owner_silent(const struct planner_view *v)
{
    return !planner_answers(v, planner_owner(v));
}

static bool owner_unknown(const struct planner_view *v)
{
    return planner_unknown(v, planner_owner(v));
}

static bool owner_stopped_unmarked(const struct planner_view *v)
{
    const struct planner_node *n = &v->nodes[planner_owner(v)];

    return n->role != PG_WRITABLE && !n->fenced && !n->held;
}

static bool
owner_off(const struct planner_view *v) /* a fence that was cut short leaves it running */
{
    return v->nodes[planner_owner(v)].role != PG_WRITABLE || planner_marked(v, planner_owner(v));
}

static bool owner_cron_off(const struct planner_view *v)
{
    return !v->nodes[planner_owner(v)].cron_on;
}

static uint32_t with_debt(const struct planner_view *v, uint32_t kinds)
{
    struct planner_debt list[PLANNER_DEBTS_MAX];
    size_t n = planner_debts(v, list);

    for (size_t i = 0; i < n; i++)
        if (kinds & (1U << list[i].kind))
            return 1U << list[i].node;
    return 0;
}

static uint32_t silent_node(const struct planner_view *v)
{
    return with_debt(v, 1U << DEBT_SILENT);
}

static uint32_t broken_node(const struct planner_view *v)
{
    return with_debt(v, 1U << DEBT_STATE);
}

static uint32_t held_node(const struct planner_view *v)
{
    return with_debt(v, 1U << DEBT_HELD | 1U << DEBT_NO_STANDBY);
}

static uint32_t diverged_node(const struct planner_view *v)
{
    return with_debt(v, 1U << DEBT_DIVERGED);
}

/* … and streams, or could: stopped it can neither mislead a reader nor be taken for a copy */
static uint32_t diverged_running(const struct planner_view *v)
{
    uint32_t node = diverged_node(v);

    return planner_standby(v, planner_first(node)) ? node : 0;
}

static uint32_t settleable(const struct planner_view *v)
{
    return with_debt(v, 1U << DEBT_CRON_ON | 1U << DEBT_EPOCH);
}

static uint32_t fenced_node(const struct planner_view *v)
{
    return with_debt(v, 1U << DEBT_FENCED);
}

/* What there is to do where no command leads on, by the planner's last word about it; those that
 * are not here are looked at on the node itself. */
static const char *by_hand(enum planner_reason why)
{
    if (why == WHY_NEW_OWNER_DOWN)
        return "on %s: start PostgreSQL; then here: pgtandem resume";
    if (why == WHY_OWNER_DOWN)
        return "start it again on %s; if that fails: pgtandem failover";
    if (why == WHY_DNS_SILENT_AT_FIRST || why == WHY_WORD_RECORD || why == WHY_WORD_PEER)
        return "pgtandem dns show";
    /* as where a standby was promoted by hand before it had all */
    if (why == WHY_NOT_MOST_WAL || why == WHY_LEFT_BEHIND)
        return "pgtandem plan --failover --to %s";
    if (why == WHY_TWO_WRITABLE)
        return "read docs/two-writable.md; change nothing before";
    return NULL;
}

/* clang-format off */
/* First match: the most dangerous first. `ways`: the commands that may lead on from there, of which
 * the first that does is proposed; `hand`: what to do where none does, or where it is known before. */
static const struct situation_row {
    bool (*when)(const struct planner_view *v);
    uint32_t (*nodes)(const struct planner_view *v);
    enum planner_reason reason;
    const char *problem;
    unsigned ways;
    const char *hand;
} situations[] = {
    {NULL, two_writable, WHY_TWO_WRITABLE, "two nodes are writable, %s among them: read docs/two-writable.md", 0, "read docs/two-writable.md; change nothing before"},
    {open_and_answered, orphaned, WHY_ORPHANS, "the postmaster of %s is gone, but processes of it live on and may still commit", 0, "pgtandem resume"},
    {NULL, orphaned, WHY_ORPHANS, "the postmaster of %s is gone, but processes of it live on and may still commit", 0, "pgtandem fence %s"},
    {NULL, held_without_dns, WHY_WORD_SILENT, "the owner %s is held by its guard until the zone's primary responds", WAY_UNFENCE, NULL},
    {dns_silent, NULL, WHY_DNS_SILENT, "the zone's primary does not respond", 0, "pgtandem dns show"},
    {no_record, ahead, WHY_RECORD_GONE, "there is no valid ownership record, though %s has seen one", 0, "pgtandem dns show"},
    {no_record, NULL, WHY_NO_RECORD, "there is no ownership record", 0, "pgtandem dns init"},
    {foreign, NULL, WHY_FOREIGN, "the ownership record belongs to another system identifier", 0, "pgtandem dns show"},
    {strange, NULL, WHY_UNKNOWN_NODE, "the ownership record names a node that the configuration does not have", 0, "pgtandem dns show"},
    {NULL, ahead, WHY_EPOCH_BELOW, "the ownership record is older than what %s has seen", 0, "pgtandem dns show"},
    {open_owner_silent, owner, WHY_OWNER_SILENT, "a transition is open and the owner %s does not respond", WAY_OPEN, NULL},
    {planner_promoted_down, target, WHY_PROMOTED_DOWN, "a transition is open, past the point of no return: %s has been promoted, and PostgreSQL does not serve there", 0, "on %s: start PostgreSQL; then here: pgtandem resume; if it does not start: pgtandem failover"},
    {planner_past_no_return, target, WHY_FORWARD_ONLY, "a transition is open, past the point of no return: %s becomes the primary", WAY_RESUME | WAY_FAILOVER, NULL},
    {open_flip_silent, target, WHY_NEW_OWNER_SILENT, "a transition is open and the new owner %s does not respond", WAY_OPEN, NULL},
    {open_transition, target, WHY_OPEN, "a transition is open, before the point of no return (%s)", WAY_OPEN, NULL},
    {owner_silent, other_writable, WHY_OTHER_WRITABLE, "%s is writable but not the owner, which does not respond", WAY_FAILOVER, NULL},
    {NULL, other_writable, WHY_OTHER_WRITABLE, "%s is writable but not the owner", WAY_FENCE, NULL},
    {owner_silent, owner, WHY_OWNER_SILENT, "the owner %s does not respond", WAY_FAILOVER, NULL},
    {owner_unknown, owner, WHY_OWNER_UNKNOWN, "PostgreSQL on the owner %s does not say whether it is writable: it is starting, stopping, or too busy to answer", 0, NULL},
    {owner_stopped_unmarked, owner, WHY_OWNER_DOWN, "PostgreSQL is not running as the primary on the owner %s", 0, "start it again on %s; if that fails: pgtandem failover"},
    {owner_off, owner, WHY_OWNER_DOWN, "the owner %s is fenced or held", WAY_RESUME | WAY_FAILOVER, NULL},
    {owner_cron_off, owner, WHY_CRON_OWED, "the scheduled jobs of the owner %s are off", WAY_RESUME, NULL},
    {NULL, settleable, WHY_W, "%s has its scheduled jobs on beside the owner's, or an older epoch", WAY_RESUME, NULL},
    {NULL, broken_node, WHY_NOT_READY, "%s cannot read its durable state", 0, "read docs/operating.md, \"An agent's state is unreadable\""},
    {NULL, diverged_running, WHY_DIVERGED, "%s has WAL that the owner does not have", WAY_FENCE, NULL},
    {NULL, held_node, WHY_NOT_READY, "%s is not seen streaming from the owner, and is not fenced", WAY_REJOIN, NULL},
    {NULL, silent_node, WHY_NOT_READY, "%s does not respond", 0, NULL},
    {NULL, fenced_node, WHY_NOTHING, "%s is fenced and waits", WAY_REJOIN, NULL},
    {NULL, diverged_node, WHY_DIVERGED, "%s has WAL that the owner does not have", 0, "read docs/two-writable.md, \"Afterwards\""},
    {NULL, NULL, WHY_NOTHING, "", 0, ""},
};
/* clang-format on */

static void write_names(const struct planner_view *v, uint32_t nodes, const char *before,
                        char *text, size_t cap)
{
    for (int i = 0; i < (int)v->n_nodes; i++) {
        size_t used = strlen(text);

        if (nodes & planner_bit(i))
            (void)str_printf(text + used, cap - used, "%s%s", before, v->nodes[i].name);
    }
}

/* "pgtandem failover --to db01 --accept-unfenced db02": as it is to be typed. Whoever is to be
 * accepted is first brought back, or made sure of: that is a person's word. */
static void write_way(const struct planner_view *v, const struct way *w, char *text, size_t cap)
{
    static const char *const verbs[PLANNER_COMMANDS] = {
        "switchover", "failover", "resume", "abort", "unfence", "fence", "rejoin", "forget"};
    char names[200] = "", statement[400] = "";

    if (w->accepted) {
        write_names(v, w->accepted, " ", names, sizeof(names));
        write_names(v, w->accepted, " --accept-unfenced ", statement, sizeof(statement));
    }
    (void)str_printf(text, cap, "%s%s%spgtandem %s%s%s%s", w->accepted ? "bring back" : "", names,
                     w->accepted ? "; if it is lost, make sure that it stays down, then: " : "",
                     verbs[w->command],
                     w->command == PLANNER_FAILOVER ? " --to "
                     : w->to >= 0                   ? " "
                                                    : "",
                     w->to >= 0 ? v->nodes[w->to].name : "", statement);
}

static void next_of(const struct planner_view *v, const struct situation_row *row,
                    struct planner_situation *ret)
{
    const char *hand = row->hand;
    int node = ret->node;

    if (row->ways) {
        struct way w;

        ways_find(v, row->ways, ret->node, &w);
        if (w.leads) {
            write_way(v, &w, ret->command, sizeof(ret->command));
            return;
        }
        node = w.end.node >= 0 ? w.end.node : node;
        hand = by_hand((enum planner_reason)w.end.reason);
    }
    ret->at_node = hand ? -1 : node;
    if (hand)
        planner_sentence(hand, node >= 0 ? v->nodes[node].name : "", ret->command,
                         sizeof(ret->command));
}

static bool applies(const struct planner_view *v, const struct situation_row *row,
                    uint32_t *ret_nodes)
{
    *ret_nodes = 0;
    if (row->when && !row->when(v))
        return false;
    return !row->nodes || (*ret_nodes = row->nodes(v)) != 0;
}

void planner_situation(const struct planner_view *v, struct planner_situation *ret)
{
    const struct situation_row *row = situations;
    uint32_t nodes;

    while (!applies(v, row, &nodes)) /* the last always does */
        row++;
    *ret = (struct planner_situation){.reason = row->reason,
                                      .node = planner_first(nodes),
                                      .problem = row->problem,
                                      .at_node = -1,
                                      .past_no_return = planner_past_no_return(v)};
    next_of(v, row, ret);
}
