/* The page in Markdown: also readable as it is, in a mail or a terminal. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "controller/history/page.h"
#include "controller/history/story.h"
#include "controller/history/story_print.h"
#include "controller/history/timeline.h"
#include "controller/session/session.h"

enum { BAR_COLUMNS = 48 };

/* In a table a bar would end the cell, a newline the row. */
static const char *cell(const struct page *p, const char *text)
{
    char *copy = arena_alloc(p->session->cluster.arena, 2 * strlen(text) + 1), *to = copy;

    for (; *text; text++) {
        if (strchr("|*_`<\\", *text))
            *to++ = '\\';
        *to++ = *text == '\n' ? ' ' : *text;
    }
    return copy;
}

static void facts(struct page *p)
{
    buf_str(p->out, "| | |\n| --- | --- |\n");
    for (const struct page_fact *f = page_facts(p); f->name; f++)
        if (*f->text)
            buf_printf(p->out, "| %s%s%s | %s |\n", *f->name ? "**" : "", f->name,
                       *f->name ? "**" : "", cell(p, f->text));
}

/* The same columns as in the picture, as text. */
static void timeline(struct page *p)
{
    struct timeline t;

    timeline_layout(p->story, p->session->cluster.arena, &t);
    if (t.n_columns == 0)
        return;
    buf_str(p->out, "\n## Timeline\n\n```\n");
    for (size_t c = 0; c < t.n_columns; c++) {
        const struct story_step *step = &p->story->steps[t.columns[c].step];
        int from = (int)(t.columns[c].x0 * BAR_COLUMNS / t.width);
        int to = (int)(t.columns[c].x1 * BAR_COLUMNS / t.width);

        if (t.has_no_return && t.columns[c].x0 == t.no_return)
            buf_printf(p->out, "%-11s %-8s |%s the point of no return\n", "", "",
                       "------------------------------------------------|");
        buf_printf(p->out, "%-11s %-8s |%*s", step->name, step->node, from, "");
        for (int i = from; i < to || i == from; i++)
            buf_str(p->out, step->ms < 0 ? "?" : step->ok ? "=" : "x");
        buf_printf(p->out, "%*s| %s\n", BAR_COLUMNS - (to > from ? to : from + 1), "",
                   step->ms < 0
                       ? "no result"
                       : arena_printf(p->session->cluster.arena, "%" PRId64 " ms", step->ms));
    }
    buf_str(p->out, "```\n");
}

static void step_rows(struct page *p)
{
    buf_str(p->out, "\n## Steps\n\n| since | step | node | took | | what was observed |\n"
                    "| ---: | --- | --- | ---: | --- | --- |\n");
    for (size_t i = 0; i < p->story->n_steps; i++) {
        const struct story_step *s = &p->story->steps[i];
        const char *word = s->ms < 0    ? "no result"
                           : s->skipped ? "skipped"
                           : s->ok      ? "ok"
                                        : "**FAILED**";
        const char *text = s->ok || !*s->error ? s->detail : s->error;

        buf_printf(p->out, "| %.3f s | %s | %s | ", (double)s->at_ms / 1000, s->name, s->node);
        if (s->ms >= 0)
            buf_printf(p->out, "%" PRId64 " ms", s->ms);
        buf_printf(p->out, " | %s | %s |\n", word, cell(p, text));
    }
}

static void checks(struct page *p)
{
    const json_t *c;
    size_t i;

    if (!page_checks(p))
        return;
    buf_str(p->out, "\n## Checks before it began\n\n| | check | measured | wanted |\n"
                    "| --- | --- | --- | --- |\n");
    json_array_foreach(page_checks(p), i, c) {
        const char *bold = json_is_true(json_object_get(c, "ok")) ? "" : "**";

        buf_printf(p->out, "| %s%s%s | %s | %s | %s |\n", bold, page_check_word(c), bold,
                   cell(p, story_text(c, "check")), cell(p, story_text(c, "measured")),
                   cell(p, story_text(c, "threshold")));
    }
}

static void loss(struct page *p)
{
    const char **texts = page_loss(p);

    if (texts)
        buf_str(p->out, "\n## Evidence, and what may be lost\n\n");
    for (size_t i = 0; texts && texts[i]; i++)
        buf_printf(p->out, "- %s\n", texts[i]);
}

static void further_commands(struct page *p)
{
    bool any = false;

    for (size_t i = 0; i < p->story->n_steps; i++) {
        const char **texts = page_ran(p, &p->story->steps[i]);

        for (size_t k = 0; texts[k]; k++) {
            buf_printf(p->out, "%s%-11s %s\n", any ? "" : "\n## What the agents ran\n\n```\n",
                       p->story->steps[i].name, texts[k]);
            any = true;
        }
    }
    buf_str(p->out, any ? "```\n" : "");
}

void page_markdown(struct page *p)
{
    const struct journal_file *f = p->story->file;

    buf_printf(p->out, "# %s\n\n", page_title(p));
    facts(p);
    timeline(p);
    step_rows(p);
    loss(p);
    checks(p);
    further_commands(p);
    buf_printf(p->out,
               "\n## Integrity\n\n- journal: `%s`\n- sha256 of the file: `%s`\n- hash of its last "
               "record: `%s`\n- later: `pgtandem audit verify --from %.16s`\n",
               f->path, p->file_hash, f->n_records ? f->records[f->n_records - 1].hash : "-",
               f->n_records ? f->records[f->n_records - 1].hash : "-");
}
