#include "controller/history/story.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

const char *story_text(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text ? text : "";
}

int64_t story_number(const json_t *o, const char *key, int64_t otherwise)
{
    const json_t *n = json_object_get(o, key);

    return json_is_integer(n) ? json_integer_value(n) : otherwise;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void take_on(struct story_step *step, const json_t *list)
{
    size_t i;
    json_t *name;

    json_array_foreach(list, i, name)
        if (step->n_on < STORY_ON_MAX && json_is_string(name))
            step->on[step->n_on++] = json_string_value(name);
    if (step->n_on == 0 && *step->node)
        step->on[step->n_on++] = step->node;
}

/* The step that this result ends: the last intent of its name and node that has none. */
static struct story_step *opened(struct story *s, const struct journal_record *r)
{
    for (size_t i = s->n_steps; i > 0; i--) {
        struct story_step *step = &s->steps[i - 1];

        if (!step->data && strcmp(step->name, r->step) == 0 && strcmp(step->node, r->node) == 0)
            return step;
    }
    return NULL;
}

static int64_t since_begin_ms(const struct story *s, const struct journal_record *r)
{
    return (r->mono_us - s->file->records[0].mono_us) / 1000 + story_number(s->begin, "at_ms", 0);
}

static void take_intent(struct story *s, const struct journal_record *r)
{
    struct story_step *step = &s->steps[s->n_steps++];

    *step = (struct story_step){.name = r->step, .node = r->node, .ms = -1};
    step->detail = step->error = step->hint = "";
    step->at_ms = story_number(r->data, "at_ms", since_begin_ms(s, r));
    take_on(step, json_object_get(r->data, "on"));
}

static void take_result(struct story *s, const struct journal_record *r)
{
    struct story_step *step = opened(s, r);

    if (!step) { /* it came before the journal was opened */
        take_intent(s, r);
        step = &s->steps[s->n_steps - 1];
    }
    step->ms = story_number(r->data, "ms", since_begin_ms(s, r) - step->at_ms);
    step->at_ms = story_number(r->data, "at_ms", step->at_ms);
    step->ok = json_is_true(json_object_get(r->data, "ok"));
    step->skipped = json_is_true(json_object_get(r->data, "skipped"));
    step->detail = story_text(r->data, "detail");
    step->error = story_text(r->data, "error");
    step->hint = story_text(r->data, "hint");
    step->data = r->data ? r->data : s->begin;
}

const struct story_step *story_step(const struct story *s, const char *name)
{
    for (size_t i = s->n_steps; i > 0; i--)
        if (strcmp(s->steps[i - 1].name, name) == 0 && s->steps[i - 1].ok)
            return &s->steps[i - 1];
    return NULL;
}

/* ---- one journal ----------------------------------------------------------------------------- */

static void take_begin(struct story *s, const struct journal_record *r)
{
    s->begin = r->data;
    s->verb = story_text(r->data, "verb");
    s->by = story_text(r->data, "by");
    s->reason = story_text(r->data, "reason");
    s->cluster = story_text(r->data, "cluster");
    s->from = story_text(r->data, "from");
    s->to = story_text(r->data, "to");
    s->transition = story_text(r->data, "transition");
    s->epoch = story_number(r->data, "epoch", -1);
    s->began_wall_ms = r->wall_ms - story_number(r->data, "at_ms", 0);
}

static void take_end(struct story *s, const struct journal_record *r)
{
    s->end = r->data;
    s->outcome = story_text(r->data, "outcome");
    s->message = story_text(r->data, "message");
    s->exit = story_number(r->data, "exit", -1);
    s->outage_ms = story_number(r->data, "outage_ms", -1);
    s->last_heard = strcmp(story_text(r->data, "outage_from"), "last heard") == 0;
    s->duration_ms = story_number(r->data, "duration_ms", -1);
    s->epoch = story_number(r->data, "epoch", s->epoch);
}

/* A command that died after its promotion: its steps say what its end would have said. */
static int64_t outage_by_steps(const struct story *s)
{
    const struct story_step *fence = story_step(s, "fence"), *wrote = story_step(s, "promote");

    if (!wrote)
        wrote = story_step(s, "unfence");
    if (!fence || !wrote || fence->skipped || wrote->skipped || wrote->at_ms < fence->at_ms)
        return -1;
    return wrote->at_ms + wrote->ms - fence->at_ms;
}

struct story *story_of(struct journal_file *file, struct arena *a)
{
    struct story *s = arena_alloc(a, sizeof(*s));

    *s = (struct story){.file = file, .exit = -1, .outage_ms = -1, .duration_ms = -1, .epoch = -1};
    s->txn = file->txn;
    s->verb = s->by = s->reason = s->cluster = s->from = s->to = s->transition = s->message = "";
    s->outcome = "unfinished";
    s->steps = arena_alloc(a, (file->n_records + 1) * sizeof(*s->steps));
    for (size_t i = 0; i < file->n_records; i++) {
        const struct journal_record *r = &file->records[i];

        s->last_wall_ms = r->wall_ms;
        switch ((enum journal_kind)r->kind) {
        case JOURNAL_BEGIN:
            take_begin(s, r);
            break;
        case JOURNAL_INTENT:
            take_intent(s, r);
            break;
        case JOURNAL_RESULT:
            take_result(s, r);
            break;
        case JOURNAL_NOTE:
            break;
        case JOURNAL_END:
            take_end(s, r);
            break;
        }
    }
    if (!s->end)
        s->outage_ms = outage_by_steps(s);
    return s;
}

void story_free(struct story *s)
{
    if (s)
        journal_file_free(s->file);
}

/* ---- all of them ----------------------------------------------------------------------------- */

int story_list_read(const char *directory, struct arena *a, struct story_list *ret_list,
                    struct err *reterr)
{
    char **paths;
    size_t n;
    int rc = journal_list(directory, a, &paths, &n, reterr);

    if (rc < 0)
        return rc;
    struct story_list l = {.stories = arena_alloc(a, (n + 1) * sizeof(struct story *)), .n = n};
    for (size_t i = 0; i < n; i++) {
        struct journal_file *f;
        struct err e;

        if (journal_scan(paths[i], &f, &e) < 0)
            f = journal_unread(paths[i], &e);
        l.stories[i] = story_of(f, a);
    }
    *ret_list = l;
    return 0;
}

void story_list_free(struct story_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        story_free(l->stories[i]);
    l->n = 0;
}

static int ambiguous(const struct story_list *l, const char *prefix, struct err *reterr)
{
    char found[200] = "";
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        if (strncmp(l->stories[i]->txn, prefix, strlen(prefix)) != 0)
            continue;
        size_t used = strlen(found);
        if (n++ < 8)
            (void)str_printf(found + used, sizeof(found) - used, " %s", l->stories[i]->txn);
    }
    return err_set(reterr, ERR_USAGE, "type more of it", "%zu transitions begin with \"%s\":%s%s",
                   n, prefix, found, n > 8 ? " …" : "");
}

int story_list_find(const struct story_list *l, const char *prefix, struct story **ret_story,
                    bool *ret_none, struct err *reterr)
{
    const char *begin = prefix ? prefix : "";
    size_t len = strlen(begin), n = 0;
    struct story *found = NULL;

    if (ret_none)
        *ret_none = false;
    for (size_t i = 0; i < l->n; i++)
        if (strncmp(l->stories[i]->txn, begin, len) == 0) {
            found = l->stories[i];
            n++;
        }
    if (len && n > 1)
        return ambiguous(l, begin, reterr);
    for (size_t i = l->n; !found && i > 0; i--)
        if (strncmp(l->stories[i - 1]->transition, begin, len) == 0)
            found = l->stories[i - 1];
    if (!found && ret_none)
        *ret_none = true;
    if (!found)
        return err_set(reterr, ERR_USAGE, "`pgtandem history -f tsv` lists them all",
                       "no journal here is of a transition \"%.40s\"", begin);
    *ret_story = found;
    return 0;
}

/* ---- what is outstanding --------------------------------------------------------------------- */

static bool owes(const struct story *s, const char *text)
{
    size_t i;
    json_t *outstanding;

    json_array_foreach(json_object_get(s->end, "outstanding"), i, outstanding)
        if (json_is_string(outstanding) && strcmp(json_string_value(outstanding), text) == 0)
            return true;
    return false;
}

size_t story_debts(const struct story_list *l, const struct story *s, struct arena *a,
                   struct story_debt **ret_debts)
{
    const json_t *list = json_object_get(s->end, "outstanding"), *outstanding;
    struct story_debt *debts = arena_alloc(a, (json_array_size(list) + 1) * sizeof(*debts));
    size_t i, n = 0;

    json_array_foreach(list, i, outstanding) {
        bool later = false;

        if (!json_is_string(outstanding))
            continue;
        debts[n] = (struct story_debt){.text = json_string_value(outstanding)};
        for (size_t k = 0; k < l->n && !debts[n].settled; k++) {
            if (later && json_is_array(json_object_get(l->stories[k]->end, "outstanding")) &&
                !owes(l->stories[k], debts[n].text))
                debts[n].settled = l->stories[k];
            later = later || strcmp(l->stories[k]->file->path, s->file->path) == 0;
        }
        n++;
    }
    *ret_debts = debts;
    return n;
}
