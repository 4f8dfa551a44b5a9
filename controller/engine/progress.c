#include "controller/engine/progress.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/engine/trace.h"
#include "controller/session/session.h"

enum { DETAIL_BYTES = 800, DETAIL_COLUMN = 42 };

static const char *const result_words[] = {"ok", "FAILED", "skipped", "declined"};

void progress_init(struct progress *p, struct session *s, struct trace *trace)
{
    *p = (struct progress){.session = s, .trace = trace};
}

static bool live(const struct progress *p)
{
    return p->session->term.tty && p->session->options.format == FORMAT_PRETTY;
}

/* For programs, a line each: the keys are those of the journal. */
static void say_line(const struct session *s, const char *step, const char *node,
                     const char *result, int64_t ms, const char *detail)
{
    if (s->options.format == FORMAT_TSV) {
        AUTO(arena) a = arena_new();
        char *plain = arena_strdup(a, detail);

        str_make_printable(plain);
        printf("step\t%s\t%s\t%s\t%lld\t%s\n", *step ? step : "-", *node ? node : "-", result,
               (long long)ms, plain);
        fflush(stdout);
        return;
    }
    json_t *line = json_pack("{s:s, s:s, s:s, s:I, s:s}", "step", step, "node", node, "result",
                             result, "ms", (json_int_t)ms, "detail", detail);
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    if (text)
        printf("%s\n", text);
    fflush(stdout);
    free(text);
    json_decref(line);
}

/* "  promote     db01     ok          56 ms  " and the detail beside it, or below. */
static void say_step(const struct progress *p, const char *result, int64_t ms, const char *detail)
{
    char left[80];

    STR_PRINTF(left, "  %-11s %-8s %-7s %6lld ms", p->name, p->node, result, (long long)ms);
    term_item(&p->session->term, left, DETAIL_COLUMN, detail);
}

/* The running step, on one line whatever the width is: more could not be taken away again. */
static void show_running(const struct progress *p, const char *detail)
{
    const struct term *t = &p->session->term;
    char line[DETAIL_BYTES + 80];

    STR_PRINTF(line, "  %-11s %-8s %s %s", p->name, p->node, t->utf8 ? "…" : "...", detail);
    printf("\r\033[K%.*s", (int)term_fit(line, t->width - 1), line);
    fflush(stdout);
}

void progress_begin(struct progress *p, const char *name, const char *node)
{
    STR_COPY(p->name, name);
    STR_COPY(p->node, node);
    p->started_ms = clock_mono_ms();
    if (live(p)) {
        show_running(p, "");
    }
}

void progress_waiting(struct progress *p, const char *fmt, ...)
{
    if (!live(p) || !p->name[0])
        return;
    char detail[DETAIL_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof(detail), fmt, args);
    va_end(args);
    show_running(p, detail);
}

void progress_clear(struct progress *p)
{
    if (live(p) && p->name[0])
        printf("\r\033[K");
    fflush(stdout);
}

void progress_end(struct progress *p, enum progress_result result, const char *fmt, ...)
{
    char detail[DETAIL_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof(detail), fmt, args);
    va_end(args);

    int64_t ms = clock_mono_ms() - p->started_ms;
    progress_clear(p);
    if (p->session->options.format != FORMAT_PRETTY)
        say_line(p->session, p->name, p->node, result_words[result], ms, detail);
    else
        say_step(p, result_words[result], ms, detail);
    fflush(stdout);
    p->name[0] = '\0';
}

/* A sentence that begins with blanks goes on below its first word. */
static void say_sentence(const struct term *t, const char *text)
{
    char lead[16];

    STR_PRINTF(lead, "%.*s", (int)strspn(text, " "), text);
    term_wrap(t, lead, text + strlen(lead));
}

void progress_say(struct progress *p, const char *fmt, ...)
{
    char text[DETAIL_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (p->trace)
        trace_said(p->trace, text);
    progress_clear(p);
    if (p->session->options.format != FORMAT_PRETTY)
        say_line(p->session, "", "", "note", 0, text);
    else
        say_sentence(&p->session->term, text);
    fflush(stdout);
}
