#include "controller/screen/screen.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/loop.h"
#include "controller/session/session.h"

/* xterm's control sequences: 1049 the alternate screen, 25 the cursor, 7 wrapping at the margin,
 * 2026 a frame that is shown as a whole (terminals that do not know one ignore it) */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"
#define FRAME_BEGIN "\033[?2026h\033[H"
#define FRAME_END "\033[J\033[?2026l"
#define LINE_END "\033[K\n"

enum { SIGNALS = 4, HEIGHT_UNKNOWN = 24 };

struct screen {
    struct session *session;
    bool alternate;
    bool woken, ended;
    uv_signal_t signals[SIGNALS];
    int open_handles;
    bool closed;
    char *frame; /* of the memory stream that session->term.out is meanwhile */
    size_t frame_bytes;
};

static void on_signal(uv_signal_t *handle, int signal_number)
{
    struct screen *c = handle->data;

    c->woken = true;
    c->ended |= signal_number != SIGWINCH;
}

struct screen *screen_open(struct session *s)
{
    static const int signals[SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
    struct screen *c = mem_alloc(sizeof(*c));

    c->session = s;
    c->alternate = s->term.tty && s->options.format == FORMAT_PRETTY;
    for (size_t i = 0; i < SIGNALS; i++) {
        uv_signal_init(loop_uv(s->cluster.loop), &c->signals[i]);
        c->signals[i].data = c;
        uv_signal_start(&c->signals[i], on_signal, signals[i]);
    }
    c->open_handles = SIGNALS;
    if (c->alternate)
        fputs(ENTER, stdout);
    return c;
}

static void on_closed(uv_handle_t *handle)
{
    struct screen *c = handle->data;

    c->closed = --c->open_handles == 0;
}

void screen_close(struct screen *c)
{
    if (!c)
        return;
    if (c->alternate)
        fputs(LEAVE, stdout);
    fflush(stdout);
    for (size_t i = 0; i < SIGNALS; i++)
        uv_close((uv_handle_t *)&c->signals[i], on_closed);
    (void)loop_wait(c->session->cluster.loop, &c->closed, -1, NULL);
    mem_free(c);
}

/* ---- frames ---------------------------------------------------------------------------------- */

void screen_begin(struct screen *c)
{
    struct session *s = c->session;
    FILE *memory;

    s->term = term_look(stdout, s->options.color);
    if (c->alternate && (memory = open_memstream(&c->frame, &c->frame_bytes)))
        s->term.out = memory;
}

static size_t height(void)
{
    struct winsize w = {.ws_row = 0};

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 1 ? w.ws_row : HEIGHT_UNKNOWN;
}

static size_t count_lines(const char *text)
{
    size_t n = 0;

    for (; (text = strchr(text, '\n')); text++)
        n++;
    return n;
}

/* As many lines as the window has; the last says how many have no room. */
static void put_frame(const char *text)
{
    size_t rows = height() - 1, lines = count_lines(text), shown = lines <= rows ? lines : rows - 1;

    fputs(FRAME_BEGIN, stdout);
    for (size_t i = 0; i < shown; i++) {
        size_t len = strcspn(text, "\n");

        printf("%.*s" LINE_END, (int)len, text);
        text += len + 1;
    }
    if (shown < lines)
        printf("(%zu lines more: a higher window shows them)" LINE_END, lines - shown);
    fputs(FRAME_END, stdout);
}

bool screen_end(struct screen *c)
{
    struct session *s = c->session;

    if (s->term.out != stdout) {
        fclose(s->term.out);
        s->term.out = stdout;
        put_frame(c->frame);
        free(c->frame);
        c->frame = NULL;
    }
    return fflush(stdout) == 0 && !ferror(stdout);
}

bool screen_wait(struct screen *c, int64_t ms)
{
    bool ended = c->ended;

    if (!ended)
        (void)loop_wait(c->session->cluster.loop, &c->woken, ms, NULL);
    c->woken = false;
    return !c->ended;
}
