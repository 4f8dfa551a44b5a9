#include "controller/progress.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "controller/session.h"

enum { DETAIL_BYTES = 800 };

static const char *const result_words[] = {"ok", "FAILED", "skipped"};

void progress_init(struct progress *p, struct session *s)
{
    *p = (struct progress){.session = s};
}

static bool live(const struct progress *p)
{
    return p->session->term.tty && p->session->options.format == FORMAT_PRETTY;
}

/* One JSON object a line; the keys are those of the journal. */
static void say_json(const char *step, const char *node, const char *result, int64_t ms,
                     const char *detail)
{
    json_t *line = json_pack("{s:s, s:s, s:s, s:I, s:s}", "step", step, "node", node, "result",
                             result, "ms", (json_int_t)ms, "detail", detail);
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    if (text)
        printf("%s\n", text);
    fflush(stdout);
    free(text);
    json_decref(line);
}

void progress_begin(struct progress *p, const char *name, const char *node)
{
    STR_COPY(p->name, name);
    STR_COPY(p->node, node);
    p->started_ms = clock_mono_ms();
    if (live(p)) {
        printf("  %-11s %-8s …", p->name, p->node);
        fflush(stdout);
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
    printf("\r\033[K  %-11s %-8s … %s", p->name, p->node, detail);
    fflush(stdout);
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
    if (p->session->options.format != FORMAT_PRETTY)
        say_json(p->name, p->node, result_words[result], ms, detail);
    else
        printf("%s  %-11s %-8s %-7s %6lld ms  %s\n", live(p) ? "\r\033[K" : "", p->name, p->node,
               result_words[result], (long long)ms, detail);
    fflush(stdout);
    p->name[0] = '\0';
}

void progress_say(struct progress *p, const char *fmt, ...)
{
    char text[DETAIL_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    progress_clear(p);
    if (p->session->options.format != FORMAT_PRETTY)
        say_json("", "", "note", 0, text);
    else
        printf("%s\n", text);
    fflush(stdout);
}
