/* `report TXN`: one command as a page, Markdown or HTML, to standard output or into a file. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "controller/history/page.h"
#include "controller/history/story.h"
#include "controller/journal/journal.h"
#include "controller/session/session.h"
#include "controller/verbs/verbs.h"

enum { JOURNAL_CAP_BYTES = 16 * 1024 * 1024 };

static bool wants_html(const struct session *s)
{
    const char *file = s->options.output, *dot = file ? strrchr(file, '.') : NULL;

    return s->options.html || (dot && (strcmp(dot, ".html") == 0 || strcmp(dot, ".htm") == 0));
}

static const char *hash_of(struct session *s, const char *path)
{
    char *hash = arena_alloc(s->cluster.arena, JOURNAL_HASH_BYTES), *text;
    size_t len;

    if (file_read(path, JOURNAL_CAP_BYTES, s->cluster.arena, &text, &len, NULL) < 0)
        return "-";
    journal_hash(text, len, hash);
    return hash;
}

static int write_page(struct session *s, const struct buf *out, struct err *reterr)
{
    if (!s->options.output) {
        fwrite(out->data, 1, out->len, stdout);
        return 0;
    }
    int rc = file_replace(s->options.output, out->data, out->len, 0644, reterr);
    if (rc == 0)
        printf("written to %s\n", s->options.output);
    return rc;
}

int verb_report(struct session *s, struct err *reterr)
{
    struct story_list l;
    struct story *st;
    struct buf out;
    int rc = story_choose(s, &l, &st, reterr);

    if (rc < 0)
        return rc;
    buf_init(&out, PAGE_CAP_BYTES);
    struct page p = {.session = s,
                     .list = &l,
                     .story = st,
                     .file_hash = hash_of(s, st->file->path),
                     .out = &out};
    if (wants_html(s))
        page_html(&p);
    else
        page_markdown(&p);
    rc = buf_ok(&out) ? write_page(s, &out, reterr)
                      : err_set(reterr, ERR_TOO_LONG, "`pgtandem show` has no such limit",
                                "the page is longer than %d MiB", PAGE_CAP_BYTES / 1024 / 1024);
    buf_free(&out);
    story_list_free(&l);
    return rc;
}
