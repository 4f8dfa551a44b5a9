#include "controller/decide/planner.h"

#include <string.h>

#include "base/str.h"
#include "controller/decide/planner_view.h"

static const struct {
    const char *text, *hint;
} reasons[WHY_COUNT] = {
#define X(id, text, hint) {text, hint},
    PLANNER_REASONS(X)
#undef X
};

const char *planner_reason_text(enum planner_reason r)
{
    return reasons[r].text;
}

const char *planner_reason_hint(enum planner_reason r)
{
    return reasons[r].hint;
}

void planner_sentence(const char *text, const char *node, char *ret_text, size_t bytes)
{
    size_t used = 0;
    ret_text[0] = '\0';
    while (*text && used + 1 < bytes) {
        if (text[0] == '%' && text[1] == 's') {
            str_copy(ret_text + used, bytes - used, node);
            used += strlen(ret_text + used);
            text += 2;
        } else {
            ret_text[used++] = *text++;
            ret_text[used] = '\0';
        }
    }
}

/* ---- what ends a command whatever it is ---------------------------------------------------- */

static bool declined(const struct planner_view *v)
{
    return v->marks.declined;
}

/* Our first UPDATE was sent, and then the server fell silent: it may be there, or come late. */
static bool first_update_unknown(const struct planner_view *v)
{
    return !v->d_answered && !v->marks.began && v->marks.last_unknown &&
           (steps[v->marks.last_failed].flags & STEP_DNS);
}

static bool dns_silent_at_first(const struct planner_view *v)
{
    return !v->d_answered && !v->marks.began && v->command != PLANNER_FENCE;
}

/* A command that begins a transition has not begun; one that goes on with it may leave it open. */
static bool dns_silent_before(const struct planner_view *v)
{
    return dns_silent_at_first(v) && v->command != PLANNER_RESUME && v->command != PLANNER_ABORT;
}

static bool no_record(const struct planner_view *v)
{
    return v->d_answered && v->d.epoch == 0;
}

static bool foreign(const struct planner_view *v)
{
    return v->d.epoch > 0 && v->sysid && v->d.sysid != v->sysid;
}

/* Another command has written before this run has written anything: the record that a person (or a
 * script with --yes) decided on is gone. Another command's claim may also fall between two answers
 * of one look, which then shows a state that never existed. */
static bool overtaken(const struct planner_view *v)
{
    const struct planner_marks *m = &v->marks;

    return v->d_answered && m->given_epoch > 0 && v->d.epoch > m->given_epoch && !m->last_unknown;
}

/* A flip of ours that landed after all is no other command: only this run writes at its epoch. */
static bool displaced(const struct planner_view *v)
{
    bool late = v->marks.late_flip && v->d.epoch == v->marks.epoch;

    return v->marks.began && v->d_answered && !planner_holds(v) && !late;
}

static uint32_t knows_higher_epoch(const struct planner_view *v)
{
    uint32_t nodes = 0;

    for (int i = 0; v->d.epoch > 0 && i < (int)v->n_nodes; i++)
        if (planner_answers(v, i) && v->nodes[i].epoch > v->d.epoch)
            nodes |= planner_bit(i);
    return nodes;
}

static uint32_t knows_any_epoch(const struct planner_view *v)
{
    uint32_t nodes = 0;

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (planner_answers(v, i) && v->nodes[i].epoch > 0)
            nodes |= planner_bit(i);
    return nodes;
}

static bool began(const struct planner_view *v)
{
    return v->marks.began;
}

/* … or none where there must be one: no command writes such a record, but a person can. */
static bool unknown_node(const struct planner_view *v)
{
    bool begun = planner_state_is(v, REGISTER_CLAIM) || planner_state_is(v, REGISTER_SEIZE);

    if (v->d.epoch == 0)
        return false;
    if (planner_owner(v) < 0 || ((begun || v->d.to[0]) && planner_node_index(v, v->d.to) < 0))
        return true;
    for (size_t i = 0; i < v->d.n_from; i++)
        if (planner_node_index(v, v->d.from[i].node) < 0)
            return true;
    return planner_state_is(v, REGISTER_FLIP) && planner_previous(v) < 0;
}

static uint32_t two_writable(const struct planner_view *v)
{
    uint32_t nodes = 0;

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (planner_writable(v, i))
            nodes |= planner_bit(i);
    return nodes & (nodes - 1) && v->command != PLANNER_FENCE ? nodes : 0;
}

/* … of which one was declared lost without a fence: its watch gets its time first. */
static bool watch_may_settle(const struct planner_view *v)
{
    uint32_t nodes = two_writable(v);

    if (planner_done(v, STEP_WAIT_WATCH) ||
        !(planner_state_is(v, REGISTER_FLIP) || planner_state_is(v, REGISTER_STABLE)))
        return false;
    for (int i = 0; i < (int)v->n_nodes; i++)
        if ((nodes & planner_bit(i)) && i != planner_owner(v) &&
            register_grade_of(&v->d, v->nodes[i].name) == GRADE_G3)
            return true;
    return false;
}

static bool ended(const struct planner_view *v) /* what this run set out to do has been written */
{
    return v->marks.finished || v->marks.undone;
}

static bool over(const struct planner_view *v)
{
    return v->marks.finished && !planner_holds(v);
}

static uint32_t owner(const struct planner_view *v)
{
    return planner_bit(planner_owner(v));
}

/* clang-format off */
static const struct planner_row first_rows[] = {
    PLANNER_END ("declined",                               declined,             NULL,               WHY_DECLINED,            9),
    PLANNER_END ("done, and the record has moved on",      over,                 owner,              WHY_FORWARD,             0),
    PLANNER_END ("D silent since our update",              first_update_unknown, NULL,               WHY_CLAIM_UNKNOWN,       4),
    PLANNER_END ("D silent, nothing can be open of ours",  dns_silent_before,    NULL,               WHY_DNS_SILENT_AT_FIRST, 2),
    PLANNER_END ("D silent",                               dns_silent_at_first,  NULL,               WHY_DNS_SILENT,          4),
    PLANNER_END ("no record any more",                     no_record,            knows_any_epoch,    WHY_RECORD_GONE,         8),
    PLANNER_END ("no record",                              no_record,            NULL,               WHY_NO_RECORD,           8),
    PLANNER_END ("D foreign",                              foreign,              NULL,               WHY_FOREIGN,             8),
    PLANNER_END ("D is not what the command was given on", overtaken,            NULL,               WHY_LOST,                7),
    PLANNER_END ("D is another's",                         displaced,            NULL,               WHY_DISPLACED,           7),
    PLANNER_END ("agents obey another",                    began,                knows_higher_epoch, WHY_DISPLACED,           7),
    PLANNER_END ("D below the agents' epoch",              NULL,                 knows_higher_epoch, WHY_EPOCH_BELOW,         8),
    PLANNER_END ("D names a stranger",                     unknown_node,         NULL,               WHY_UNKNOWN_NODE,        8),
    PLANNER_STEP("two writable, one declared lost",        watch_may_settle,     two_writable,       STEP_WAIT_WATCH),
    PLANNER_END ("two writable",                           NULL,                 two_writable,       WHY_TWO_WRITABLE,        4),
    {0},
};
/* clang-format on */

/* ---- arm ----------------------------------------------------------------------------------- */

/* Not yet at this epoch, or a request without an answer may still arrive: a new seq defeats it. */
static uint32_t to_arm(const struct planner_view *v)
{
    uint32_t nodes = 0;

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (planner_answers(v, i) && !(v->marks.arm_failed & planner_bit(i)) &&
            (v->nodes[i].epoch < v->d.epoch || (v->marks.unsettled & planner_bit(i))))
            nodes |= planner_bit(i);
    return nodes;
}

/* In claim nothing has happened yet that A and B would not both have to know of. */
static uint32_t arm_missing(const struct planner_view *v)
{
    uint32_t needed = planner_bit(planner_old(v)) | planner_bit(planner_target(v)), nodes = 0;

    if (!planner_state_is(v, REGISTER_CLAIM) || planner_back(v))
        return 0;
    for (int i = 0; i < (int)v->n_nodes; i++)
        if ((needed & planner_bit(i)) && planner_answers(v, i) && !planner_heard(v, i))
            nodes |= planner_bit(i);
    return nodes;
}

static const struct planner_row arm_rows[] = {
    PLANNER_STEP("armed: not all that answer", NULL, to_arm, STEP_ARM),
    PLANNER_STEP("armed: owner and target must be", NULL, arm_missing, STEP_ARM),
    {0},
};

/* ---- from a row to a move ------------------------------------------------------------------ */

static bool failed_for_good(const struct planner_view *v, enum step_id s, uint32_t nodes)
{
    const struct planner_marks *m = &v->marks;

    if (s == STEP_ARM)
        return nodes & m->arm_failed;
    return (steps[s].on_fail == FAIL_RETRY ? m->failed_again : m->failed) & step_bit(s);
}

static int not_ready(const struct planner_view *v, enum step_id s, uint32_t nodes)
{
    if (nodes == 0)
        return steps[s].ready(v, 0) ? -1 : 0;
    for (int i = 0; i < (int)v->n_nodes; i++)
        if ((nodes & planner_bit(i)) && !steps[s].ready(v, (size_t)i))
            return i;
    return -1;
}

static bool matches(const struct planner_view *v, const struct planner_row *r, uint32_t *ret_nodes)
{
    *ret_nodes = 0;
    if (r->when && !r->when(v))
        return false;
    if (r->nodes && (*ret_nodes = r->nodes(v)) == 0)
        return false;
    /* what may be outstanding does not stand in the way */
    return r->step == STEP_NONE || steps[r->step].on_fail != FAIL_GO_ON ||
           (!failed_for_good(v, r->step, *ret_nodes) && not_ready(v, r->step, *ret_nodes) < 0);
}

static void stop(const struct planner_view *v, enum step_id s, int node, enum planner_reason why,
                 int exit_code, struct planner_move *ret)
{
    ret->kind = exit_code == 0 ? MOVE_DONE : MOVE_STOP;
    ret->step = s;
    ret->node = node;
    ret->nodes = planner_bit(node);
    ret->reason = why;
    /* 2 promises that nothing has been changed */
    ret->exit_code = exit_code == 2 && (v->marks.began || v->marks.touched) ? 4 : exit_code;
}

static void stop_failed(const struct planner_view *v, enum step_id s, int node,
                        struct planner_move *ret)
{
    const struct planner_marks *m = &v->marks;

    if (s == STEP_PREFLIGHT)
        stop(v, s, node, WHY_PREFLIGHT, 2, ret);
    else if (m->lost)
        stop(v, s, node, m->began ? WHY_DISPLACED : WHY_LOST, 7, ret);
    else if ((steps[s].flags & STEP_DNS) && m->last_unknown && !m->began)
        stop(v, s, node, WHY_CLAIM_UNKNOWN, 4, ret);
    else if (steps[s].flags & STEP_BACKWARD)
        stop(v, s, node, WHY_BACK_FAILED, 4, ret);
    else
        stop(v, s, node, WHY_STEP_FAILED, 2, ret);
}

static void stop_not_ready(const struct planner_view *v, enum step_id s, int node,
                           struct planner_move *ret)
{
    int other = -1;
    bool w = s == STEP_FLIP || s == STEP_PROMOTE || s == STEP_UNFENCE;

    if (w && !planner_w_holds(v, (size_t)node, &other))
        stop(v, s, other, WHY_W, 4, ret);
    else
        stop(v, s, node, WHY_NOT_READY, 4, ret);
}

static void from_row(const struct planner_view *v, const struct planner_row *r, uint32_t nodes,
                     struct planner_move *ret)
{
    int unready;

    *ret = (struct planner_move){
        .kind = MOVE_STEP, .step = r->step, .node = planner_first(nodes), .nodes = nodes};
    ret->row = r->text;
    if (r->step == STEP_NONE)
        stop(v, STEP_NONE, ret->node, r->reason, r->exit_code, ret);
    else if (failed_for_good(v, r->step, nodes))
        stop_failed(v, r->step, ret->node, ret);
    else if ((steps[r->step].flags & STEP_NEEDS_DNS) && !v->d_answered &&
             !(r->step == STEP_FENCE && v->command == PLANNER_FENCE))
        stop(v, r->step, ret->node, WHY_DNS_SILENT, 4, ret);
    else if ((unready = not_ready(v, r->step, nodes)) >= 0)
        stop_not_ready(v, r->step, unready, ret);
}

static bool walk(const struct planner_view *v, const struct planner_row *rows,
                 struct planner_move *ret)
{
    uint32_t nodes;

    for (const struct planner_row *r = rows; r->text; r++)
        if (matches(v, r, &nodes)) {
            from_row(v, r, nodes, ret);
            return true;
        }
    return false;
}

/* With DNS silent the record stays as it is; but while A writes, all else is as it was before. */
static bool undone_without_dns(const struct planner_view *v)
{
    return planner_state_is(v, REGISTER_CLAIM) && planner_writable(v, planner_old(v)) &&
           !planner_marked(v, planner_old(v));
}

/* Commands that may turn back: a switchover (it holds claim or flip: in undo it has turned), and a
 * resume in claim whose target does not catch up (the same command again would meet the same
 * target, while perhaps no one can write). */
static bool may_turn(const struct planner_view *v)
{
    if (v->command == PLANNER_SWITCHOVER)
        return true;
    return v->command == PLANNER_RESUME && planner_state_is(v, REGISTER_CLAIM) &&
           (planner_done(v, STEP_CATCHUP) || planner_failed(v, STEP_CATCHUP) ||
            planner_failed(v, STEP_VERIFY));
}

/* A command that may turn back and cannot go on rolls back, if there is something to do on the way
 * back and no other command holds the record. Any other command stops: a person decides. */
static void turn_if_better(const struct planner_view *v, struct planner_move *ret)
{
    struct planner_move back = {.kind = MOVE_STOP};

    if (ret->kind != MOVE_STOP || !may_turn(v) || (!v->d_answered && !undone_without_dns(v)) ||
        v->marks.lost || planner_writable(v, planner_target(v)))
        return;
    walk(v, planner_rows(v, true), &back);
    if (back.kind == MOVE_STEP)
        *ret = back;
}

void planner_next(const struct planner_view *v, struct planner_move *ret)
{
    bool back = planner_back(v);
    const struct planner_row *word = planner_word_rows(v);

    if (!v->marks.declined && word) {
        walk(v, word, ret);
        return;
    }
    /* what was rolled back has been, whatever the record has become since */
    if (v->marks.undone && !planner_holds(v) && walk(v, planner_stable_rows(v), ret))
        return;
    if (walk(v, first_rows, ret))
        return;
    if (ended(v)) {
        walk(v, planner_stable_rows(v), ret);
    } else if (!planner_holds(v) && v->marks.late_flip) {
        walk(v, planner_rows(v, true), ret); /* its flip has landed: TAKEOVER comes before all */
    } else if (!planner_holds(v)) {
        walk(v, planner_entry_rows(v), ret);
    } else {
        if (!walk(v, arm_rows, ret))
            walk(v, planner_rows(v, back), ret);
        if (!back)
            turn_if_better(v, ret);
    }
}
