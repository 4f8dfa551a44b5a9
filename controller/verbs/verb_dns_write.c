/*
 * `dns init` writes the first ownership record; `dns set` repairs it, typed out in full. Both are
 * one compare-and-swap of alias and record together, journaled.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/observe.h"
#include "controller/cluster/view.h"
#include "controller/engine/change.h"
#include "controller/engine/engine.h"
#include "controller/session/remedy.h"
#include "controller/session/report.h"
#include "controller/session/session.h"
#include "controller/verbs/verbs.h"
#include "proto/address.h"
#include "proto/slot.h"

#define FIRST_REASON "the first ownership record"

static int look(struct session *s, struct world *w, struct err *reterr)
{
    world_observe(&s->cluster, w, OBSERVE_AGENTS | OBSERVE_DNS);
    if (w->d.status != DNS_VIEW_OK) {
        if (reterr)
            *reterr = w->d_error;
        return ERR_DNS;
    }
    if (w->d.alias_other_types)
        return err_set(reterr, ERR_DNS,
                       "remove what is there, or choose another alias: it has to be a CNAME alone",
                       "%s holds something that is not a CNAME", s->cluster.zone.alias);
    if (w->d.n_txt > 1)
        return err_set(reterr, ERR_REGISTER,
                       "remove those that are not pgtandem's, with nsupdate and your own key",
                       "%d TXT records stand where exactly one may be", w->d.n_txt);
    return 0;
}

static int64_t highest_epoch(const struct world *w, int *ret_node)
{
    int64_t highest = 0;

    for (size_t i = 0; i < w->n_nodes; i++)
        if (w->nodes[i].obs.epoch > highest) {
            highest = w->nodes[i].obs.epoch;
            *ret_node = (int)i;
        }
    return highest;
}

/* ---- init ------------------------------------------------------------------------------------ */

struct probe {
    bool done;
    struct err e;
};

static void probe_done(void *arg, const struct err *e)
{
    struct probe *p = arg;

    if (e)
        p->e = *e;
    p->done = true;
}

/* An answer made up by a wildcard would pass for a register wherever the real one is missing. */
static int refuse_wildcard(struct session *s, struct err *reterr)
{
    struct probe *p = arena_alloc(s->cluster.arena, sizeof(*p));
    struct dns_op *op = dns_probe_wildcard(s->cluster.loop, &s->cluster.zone, 3000, probe_done, p);

    if (loop_wait(s->cluster.loop, &p->done, 4000, reterr) < 0) {
        dns_op_cancel(op);
        return ERR_DNS;
    }
    if (p->e.code < 0 && reterr)
        *reterr = p->e;
    return p->e.code < 0 ? ERR_DNS : 0;
}

/* The one writable node; a silent one might be writable too. */
static int find_owner(struct session *s, const struct world *w, int *ret_owner, struct err *reterr)
{
    int owner = -1;

    for (size_t i = 0; i < w->n_nodes; i++) {
        const struct world_node *n = &w->nodes[i];
        const char *name = s->cluster.config.nodes[i].name;

        if (!n->answered) {
            err_set(reterr, ERR_UNREACHABLE,
                    "start pgtandem-agent there, or leave the node out of the configuration until "
                    "it is built",
                    "%s does not respond, so it is not known whether it is writable: %.300s", name,
                    n->error.msg);
            return ERR_UNREACHABLE;
        }
        if (n->obs.pg.role == PG_UNKNOWN)
            return err_set(reterr, ERR_REFUSED, "`pgtandem-agent status` on that node says why",
                           "it is not known whether %s is writable: %.150s", name,
                           n->obs.pg.problem);
        if (n->obs.pg.role != PG_WRITABLE)
            continue;
        if (owner >= 0)
            return err_set(reterr, ERR_REFUSED, "read docs/two-writable.md; change nothing before",
                           "2 nodes are writable, where 1 may be: %s and %s",
                           s->cluster.config.nodes[owner].name, name);
        owner = (int)i;
    }
    if (owner < 0)
        return err_set(reterr, ERR_REFUSED, "start the primary; its alias is adopted, not chosen",
                       "0 of %zu nodes are writable", w->n_nodes);
    *ret_owner = owner;
    return 0;
}

static int refuse_existing(const struct session *s, const struct world *w, struct err *reterr)
{
    int node = 0;
    int64_t epoch = highest_epoch(w, &node);

    if (w->d.n_txt > 0 && w->d.record_valid)
        return err_set(reterr, ERR_REGISTER, "`pgtandem status`; it is written once in its life",
                       "%s has its ownership record already: epoch %" PRId64 ", owner %s, system "
                       "identifier %" PRIu64,
                       s->cluster.zone.alias, w->d.record.epoch, w->d.record.owner,
                       w->d.record.sysid);
    if (w->d.n_txt > 0)
        return err_set(reterr, ERR_REGISTER,
                       "if it is not pgtandem's, remove it with nsupdate and your own key; if it "
                       "is: `pgtandem dns show` has the line that corrects it",
                       "a foreign TXT record is where the ownership record belongs: \"%.280s\"",
                       w->d.txt);
    if (epoch > 0)
        return err_set(reterr, ERR_REGISTER,
                       "`pgtandem dns show` has the line that writes it again",
                       "there is no ownership record, but %s has seen epoch %" PRId64
                       ": the record was lost (a restored zone?)",
                       s->cluster.config.nodes[node].name, epoch);
    return 0;
}

static int make_first(struct session *s, const struct world *w, int owner, struct record *ret,
                      struct err *reterr)
{
    const struct config_node *n = &s->cluster.config.nodes[owner];
    const struct obs_pg *pg = &w->nodes[owner].obs.pg;

    if (w->d.cname_present && strcmp(w->d.cname, n->target) != 0)
        return err_set(reterr, ERR_REGISTER,
                       "point the alias to the primary first, or correct `target` in the "
                       "configuration",
                       "%s points to %s, but the writable node %s has the target %s",
                       s->cluster.zone.alias, w->d.cname, n->name, n->target);
    if (!pg->sysid || !pg->tli)
        return err_set(reterr, ERR_REFUSED, "`pgtandem-agent status` on that node",
                       "%s reports no system identifier or timeline", n->name);
    *ret = (struct record){.epoch = 1,
                           .state = REGISTER_STABLE,
                           .sysid = pg->sysid,
                           .tli = pg->tli,
                           .ttl = w->d.cname_present ? w->d.cname_ttl : s->cluster.config.dns.ttl};
    register_new_nonce(ret->nonce);
    STR_COPY(ret->owner, n->name);
    STR_COPY(ret->by, s->cluster.by);
    return 0;
}

static bool observing(const struct session *s, const struct world *w)
{
    bool any = false;

    for (size_t i = 0; i < w->n_nodes; i++) {
        if (!w->nodes[i].answered || w->nodes[i].obs.mode == MODE_ACT)
            continue;
        printf("%s only observes: it takes the record over automatically\n",
               s->cluster.config.nodes[i].name);
        any = true;
    }
    return any;
}

/* A standby that streams, but not as the configuration and the owner say, is adopted as it is. A
 * later command makes it follow as the agent sets it up (FOLLOW). */
static void say_follows(const struct session *s, const struct world *w, size_t owner)
{
    const struct config_node *up = &s->cluster.config.nodes[owner];

    for (size_t i = 0; i < w->n_nodes; i++) {
        const struct obs_pg *pg = &w->nodes[i].obs.pg;
        const char *name = s->cluster.config.nodes[i].name;
        bool address = address_is_ip(pg->receiver_host);
        struct slot_name slot;

        if (i == owner || strcmp(pg->receiver_status, "streaming") != 0 ||
            view_streams_from(&s->cluster.config, w, i, owner))
            continue;
        slot_name_of(name, &slot);
        report_wrap(
            s, "",
            arena_printf(
                s->cluster.arena,
                "%s follows %s:%" PRId64 ", which %s does not show as %s: it goes on as it is. "
                "`resume`, and a move, would write there: host=%s%s%s port=%" PRId64
                ", and primary_slot_name = '%s'",
                name, pg->receiver_host, pg->receiver_port, up->name, name,
                address ? up->address : up->target,
                address ? "" : " hostaddr=", address ? "" : up->address, up->port, slot.name));
    }
}

/* From here on the agents obey it: what `resume` does for whoever carries an older epoch. Those
 * that only observe would refuse; their watch reads the record within seconds. */
static int tell_agents(struct session *s, const struct world *w, struct change *c,
                       struct err *reterr)
{
    const struct engine_order order = {
        .command = PLANNER_RESUME, .adopt = true, .journal = c->journal, .txn = c->txn};

    if (observing(s, w)) {
        remedy_print(&s->options, s->cluster.arena, "pgtandem status");
        return change_close(c, 0, reterr);
    }
    if (!s->options.reason)
        s->options.reason = FIRST_REASON;
    return engine_run(s, &order, reterr);
}

static int write_first(struct session *s, const struct world *w, struct record *r,
                       struct err *reterr)
{
    const struct config_node *owner = config_node_find(&s->cluster.config, r->owner);
    char text[REGISTER_TEXT_BYTES];
    struct change c;
    int rc = change_open(&c, s, change_reason(s, FIRST_REASON), "", r->owner, reterr);

    if (rc < 0)
        return rc;
    c.epoch = r->epoch;
    STR_COPY(r->txn, c.txn);
    rc = register_format(r, text, reterr);
    if (rc == 0) {
        const struct dns_swap swap = {.old_cname = w->d.cname_present ? w->d.cname : NULL,
                                      .new_cname = owner->target,
                                      .new_txt = text,
                                      .cname_ttl = r->ttl};
        rc = change_swap(&c, &swap, reterr);
    }
    if (rc < 0)
        return change_close(&c, rc, reterr);
    printf("%s -> %s (TTL %" PRId64 " s)\n%s\n", s->cluster.zone.alias, owner->target, r->ttl,
           text);
    say_follows(s, w, (size_t)config_node_index(&s->cluster.config, r->owner));
    return tell_agents(s, w, &c, reterr);
}

int verb_dns_init(struct session *s, struct err *reterr)
{
    struct world *w = arena_alloc(s->cluster.arena, sizeof(*w));
    struct record r = {.epoch = 0};
    char question[600];
    int owner = -1, rc = look(s, w, reterr);

    if (rc == 0)
        rc = refuse_existing(s, w, reterr);
    if (rc == 0)
        rc = refuse_wildcard(s, reterr);
    if (rc == 0)
        rc = find_owner(s, w, &owner, reterr);
    if (rc == 0)
        rc = make_first(s, w, owner, &r, reterr);
    if (rc < 0)
        return rc;
    STR_PRINTF(question,
               "%s %s %s (TTL %" PRId64 " s), the writable node is %s, system identifier %" PRIu64
               ", timeline %" PRId64 ".\nWrite its ownership record, epoch 1?",
               s->cluster.zone.alias, w->d.cname_present ? "points to" : "is made and points to",
               s->cluster.config.nodes[owner].target, r.ttl, r.owner, r.sysid, r.tli);
    if (s->options.dry_run) {
        printf("%s\n", question);
        say_follows(s, w, (size_t)owner);
        puts("dry run: nothing was changed");
        return 0;
    }
    rc = session_confirm(s, question, NULL, reterr);
    return rc < 0 ? rc : write_first(s, w, &r, reterr);
}

/* ---- set ------------------------------------------------------------------------------------- */

/* The text as typed: one word, or one word for each key; `nonce=new` draws one. */
static int typed_record(struct session *s, struct record *ret, struct err *reterr)
{
    char *text = arena_strdup(s->cluster.arena, s->options.args[0]), nonce[NONCE_BYTES];
    char *new_nonce = strstr(text, " nonce=new ");

    if (new_nonce) {
        register_new_nonce(nonce);
        text = arena_printf(s->cluster.arena, "%.*s nonce=%s %s", (int)(new_nonce - text), text,
                            nonce, new_nonce + strlen(" nonce=new "));
    }
    int rc = register_parse(text, ret, reterr);
    if (rc < 0 && reterr) {
        reterr->code = ERR_USAGE;
        err_set_hint(reterr, "all keys in their order, as `pgtandem dns show` prints them; "
                             "nonce=new draws a fresh one");
    }
    return rc < 0 ? ERR_USAGE : 0;
}

/* What would let an old command act again, or strand the agents, is refused. */
static int judge_typed(const struct session *s, const struct world *w, const struct record *r,
                       struct err *reterr)
{
    int node = 0;
    int64_t highest = highest_epoch(w, &node), now = w->d.record_valid ? w->d.record.epoch : 0;

    if (r->epoch <= highest || r->epoch <= now)
        return err_set(reterr, ERR_USAGE, "epochs are never used again: type the next one",
                       "epoch=%" PRId64 " is not above the record's %" PRId64
                       " and the agents' %" PRId64,
                       r->epoch, now, highest);
    if (w->d.record_valid && strcmp(r->nonce, w->d.record.nonce) == 0)
        return err_set(reterr, ERR_USAGE, "nonce=new", "the nonce is the present one");
    for (size_t i = 0; i < w->n_nodes; i++) {
        uint64_t sysid = w->nodes[i].obs.pg.sysid;

        if (w->nodes[i].answered && sysid && sysid != r->sysid)
            return err_set(reterr, ERR_USAGE, "`pg_controldata` on the node shows it",
                           "sysid=%" PRIu64 ", but %s has %" PRIu64, r->sysid,
                           s->cluster.config.nodes[i].name, sysid);
    }
    return 0;
}

/* Who may still write is in the record, whatever was typed for it: rule W, as for a failover. */
static int name_the_others(struct session *s, const struct world *w, struct record *r,
                           struct err *reterr)
{
    struct planner_view *v = arena_alloc(s->cluster.arena, sizeof(*v));
    const struct record none = {.epoch = 0};
    int node = -1;

    for (size_t i = 0; i < s->options.n_accept_unfenced; i++) {
        int accepted = config_node_index(&s->cluster.config, s->options.accept_unfenced[i]);

        if (accepted < 0)
            return err_set(reterr, ERR_USAGE, "`pgtandem status` lists the nodes",
                           "no node is called \"%s\" in %s", s->options.accept_unfenced[i],
                           s->cluster.config.path);
        v->marks.accepted |= 1U << accepted;
    }
    view_from_world(&s->cluster.config, w, &none, 0, v);
    enum planner_typed why = planner_typed(v, r, &node);
    const char *name = node >= 0 ? s->cluster.config.nodes[node].name : r->owner;

    switch (why) {
    case TYPED_OK:
        break;
    case TYPED_NOT_STABLE:
        return err_set(reterr, ERR_USAGE, "state=stable to=-",
                       "only a stable record can be typed: a transition needs what its own command "
                       "has seen");
    case TYPED_STRANGER:
        return err_set(reterr, ERR_USAGE, "`pgtandem status` lists the nodes",
                       "owner=%s is not a configured node", r->owner);
    case TYPED_NO_PRIMARY:
        return err_set(reterr, ERR_PREFLIGHT,
                       "type the last owner, also if it is lost: then `pgtandem failover` makes a "
                       "standby the primary",
                       "owner=%s, but %s is a standby: no record makes it the primary", name, name);
    case TYPED_SILENT:
        err_set(reterr, ERR_PREFLIGHT, NULL,
                "%s does not respond and nothing proves that it cannot write; nothing was changed",
                name);
        err_set_hint(reterr,
                     "bring it back, or stop it for certain and run the command again with "
                     "--accept-unfenced %s",
                     name);
        return ERR_PREFLIGHT;
    }
    return 0;
}

/* Each key of two texts on a line of its own, the changed ones marked. */
static void show_difference(const char *before, const char *after)
{
    printf("  %-8s %-40s %s\n", "", "now", "then");
    while (*after) {
        size_t key = strcspn(after, "="), len = strcspn(after, " ");
        char name[24], old[160] = "-";
        const char *at;

        STR_PRINTF(name, "%.*s=", (int)key, after);
        at = strncmp(before, name, key + 1) == 0 ? before : NULL;
        for (const char *p = before; !at && (p = strchr(p, ' ')); p++)
            if (strncmp(p + 1, name, key + 1) == 0)
                at = p + 1;
        if (at)
            STR_PRINTF(old, "%.*s", (int)(strcspn(at, " ") - key - 1), at + key + 1);
        bool same =
            at && strlen(old) == len - key - 1 && strncmp(old, after + key + 1, len - key - 1) == 0;
        printf("%c %-8.*s %-40s %.*s\n", same ? ' ' : '*', (int)key, after, old,
               (int)(len - key - 1), after + key + 1);
        after += len + (after[len] == ' ');
    }
}

static int write_typed(struct session *s, const struct world *w, const struct record *r,
                       const char *text, struct err *reterr)
{
    const struct config_node *owner = config_node_find(&s->cluster.config, r->owner);
    const char *reason;
    struct change c;
    int rc = session_reason(s, &reason, reterr);

    if (rc == 0)
        rc = change_open(&c, s, reason, w->d.record_valid ? w->d.record.owner : "", r->owner,
                         reterr);
    if (rc < 0)
        return rc;
    c.epoch = r->epoch;
    const struct dns_swap swap = {.old_cname = w->d.cname_present ? w->d.cname : NULL,
                                  .old_txt = w->d.n_txt ? w->d.txt : NULL,
                                  .new_cname = owner->target,
                                  .new_txt = text,
                                  .cname_ttl = r->ttl};
    rc = change_swap(&c, &swap, reterr);
    if (rc == 0) {
        puts("written.");
        remedy_print(&s->options, s->cluster.arena, "pgtandem resume");
    }
    return change_close(&c, rc, reterr);
}

int verb_dns_set(struct session *s, struct err *reterr)
{
    struct world *w = arena_alloc(s->cluster.arena, sizeof(*w));
    char text[REGISTER_TEXT_BYTES];
    struct record r;
    int rc = typed_record(s, &r, reterr);

    if (rc == 0)
        rc = look(s, w, reterr);
    if (rc == 0)
        rc = judge_typed(s, w, &r, reterr);
    if (rc == 0)
        rc = name_the_others(s, w, &r, reterr);
    if (rc == 0)
        rc = register_format(&r, text, reterr);
    if (rc < 0)
        return rc;
    const char *target = config_node_find(&s->cluster.config, r.owner)->target;
    printf("repair of the ownership record of %s\n", s->cluster.zone.alias);
    show_difference(w->d.txt, text);
    printf("%c %-8s %-40s %s\n", w->d.cname_present && !strcmp(w->d.cname, target) ? ' ' : '*',
           "alias", w->d.cname_present ? w->d.cname : "-", target);
    for (size_t i = 0; i < w->n_nodes; i++)
        printf("  node %s: %s\n", s->cluster.config.nodes[i].name,
               w->nodes[i].answered ? pg_role_names[w->nodes[i].obs.pg.role] : "SILENT");
    if (s->options.dry_run) {
        printf("dry run: nothing was changed\n");
        return 0;
    }
    fflush(stdout);
    rc = session_confirm(s,
                         "This overrides every check that protects against two primaries. Be sure "
                         "that no other command is at work and which node is writable.",
                         s->cluster.config.cluster.name, reterr);
    return rc < 0 ? rc : write_typed(s, w, &r, text, reterr);
}
