#include "controller/preflight/preflight.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/preflight/preflight_checks.h"
#include "controller/session/remedy.h"
#include "controller/session/session.h"

static const struct preflight_check checks[] = {
#define X(id, label, planned_, unplanned_, ignorable_, needs_, threshold_, what_)                  \
    {label, SEVERITY_##planned_, SEVERITY_##unplanned_, ignorable_, needs_, threshold_,            \
     what_, check_##id},
    PREFLIGHT_CHECKS(X)
#undef X
};
enum { CHECKS = sizeof(checks) / sizeof(checks[0]) };
_Static_assert(CHECKS <= sizeof(((struct preflight *)0)->results) / sizeof(struct preflight_result),
               "a result for each check");

/* ---- names ----------------------------------------------------------------------------------- */

static const struct preflight_check *find(const char *name)
{
    for (size_t i = 0; i < CHECKS; i++)
        if (strcmp(checks[i].name, name) == 0)
            return &checks[i];
    return NULL;
}

const char *preflight_name(size_t i)
{
    return i < CHECKS ? checks[i].name : NULL;
}

size_t preflight_table(const struct preflight_check **ret_checks)
{
    *ret_checks = checks;
    return CHECKS;
}

int preflight_check_names(const struct config *c, struct err *reterr)
{
    for (size_t i = 0; i < c->n_checks; i++)
        if (!find(c->checks[i].name))
            return config_refuse(c, reterr, "check", "name", c->checks[i].name,
                                 "there is no such check; `pgtandem preflight --help` names them");
    return 0;
}

const char *preflight_what(const char *name)
{
    const struct preflight_check *check = find(name);

    return check ? check->what : "";
}

int preflight_check_ignores(const struct session *s, struct err *reterr)
{
    for (size_t i = 0; i < s->options.n_ignore; i++) {
        const struct preflight_check *check = find(s->options.ignore[i]);

        if (!check)
            return err_set(reterr, ERR_USAGE, "`pgtandem preflight --to NODE` shows their names",
                           "--ignore %s: there is no such check", s->options.ignore[i]);
        if (!check->ignorable)
            return err_set(reterr, ERR_USAGE, "correct what it finds",
                           "--ignore %s: this check cannot be ignored: %s", check->name,
                           check->what);
    }
    return 0;
}

static bool ignored(const struct options *o, const char *name)
{
    for (size_t i = 0; i < o->n_ignore; i++)
        if (strcmp(o->ignore[i], name) == 0)
            return true;
    return false;
}

/* What cannot be ignored cannot be configured away either. */
static enum severity severity_of(const struct config *c, const struct preflight_check *check,
                                 enum preflight_kind kind)
{
    enum severity built_in = kind == PREFLIGHT_PLANNED ? check->planned : check->unplanned;

    for (size_t i = 0; check->ignorable && i < c->n_checks; i++)
        if (strcmp(c->checks[i].name, check->name) == 0) {
            int set = kind == PREFLIGHT_PLANNED ? c->checks[i].planned : c->checks[i].unplanned;

            if (set != SEVERITY_DEFAULT)
                return (enum severity)set;
        }
    return built_in;
}

/* ---- running --------------------------------------------------------------------------------- */

void check_measured(struct preflight_result *r, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(r->measured, sizeof(r->measured), fmt, args);
    va_end(args);
}

void check_remedy(struct preflight_result *r, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(r->remedy, sizeof(r->remedy), fmt, args);
    va_end(args);
}

bool check_unknown(struct preflight_result *r, const char *fmt, ...)
{
    char why[sizeof(r->measured)];
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    check_measured(r, "not checked: %.300s", why);
    r->unchecked = true;
    return false;
}

void check_list(char *text, size_t bytes, const char *name)
{
    size_t used = strlen(text);

    (void)str_printf(text + used, bytes - used, "%s%s", used ? ", " : "", name);
}

static const struct node_obs *answer_of(const struct world *w, int node)
{
    return node >= 0 && w->nodes[node].answered ? &w->nodes[node].obs : NULL;
}

static const struct inspect *inspection_of(const struct world *w, int node)
{
    return node >= 0 && w->nodes[node].answered ? w->nodes[node].inspect : NULL;
}

static void judge(const struct preflight_check *check, const struct check_view *v,
                  struct preflight_result *r)
{
    char why[240];

    if (check_lacks(v, check->needs, why, sizeof(why))) {
        (void)check_unknown(r, "%s", why);
        return;
    }
    r->ok = check->fn(v, r);
    if (r->ok)
        check_name_the_rest(v, check->needs, r);
}

static void name_configuration(const struct options *o, struct preflight_result *r)
{
    AUTO(arena) a = arena_new();
    const char *remedy = remedy_for(o, a, r->remedy);

    if (remedy != r->remedy)
        STR_COPY(r->remedy, remedy);
}

static void run_check(const struct preflight_check *check, const struct check_view *v,
                      enum severity severity, struct preflight *p)
{
    struct preflight_result *r = &p->results[p->n++];

    *r = (struct preflight_result){
        .name = check->name, .severity = severity, .ignorable = check->ignorable};
    STR_COPY(r->threshold, check->threshold);
    judge(check, v, r);
    if (!*r->measured)
        STR_COPY(r->measured, "fine");
    if (r->ok || r->unchecked) {
        r->remedy[0] = '\0';
        p->unchecked += r->unchecked;
        return;
    }
    name_configuration(v->o, r);
    r->ignored = r->ignorable && ignored(v->o, check->name);
    if (severity == SEVERITY_BLOCK && !r->ignored)
        p->blocking++;
    else
        p->warnings++;
}

void preflight_run(struct session *s, const struct world *w, enum preflight_kind kind, int from,
                   int to, struct preflight *ret)
{
    const struct config *c = &s->cluster.config;
    struct check_view v = {
        .c = c,
        .o = &s->options,
        .w = w,
        .kind = kind,
        .from = from,
        .to = to,
        .owner_name = from >= 0 ? c->nodes[from].name : "",
        .target_name = to >= 0 ? c->nodes[to].name : "",
        .owner = answer_of(w, from),
        .target = answer_of(w, to),
        .owner_inspection = inspection_of(w, from),
        .target_inspection = inspection_of(w, to),
        .d = w->d.status == DNS_VIEW_OK && w->d.record_valid ? &w->d.record : NULL,
    };

    check_view_facts(&v);
    *ret = (struct preflight){.n = 0};
    for (size_t i = 0; i < CHECKS; i++) {
        enum severity severity = severity_of(c, &checks[i], kind);

        if (severity != SEVERITY_OFF)
            run_check(&checks[i], &v, severity, ret);
    }
}

int preflight_verdict(const struct preflight *p, struct err *reterr)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct preflight_result *r = &p->results[i];

        if (!r->ok && !r->unchecked && r->severity == SEVERITY_BLOCK && !r->ignored)
            return err_set(reterr, ERR_PREFLIGHT, *r->remedy ? r->remedy : NULL,
                           "%zu of %zu checks refuse; nothing was changed. First: %s: %s (should "
                           "be: %s)",
                           p->blocking, p->n, r->name, r->measured, r->threshold);
    }
    return 0;
}
