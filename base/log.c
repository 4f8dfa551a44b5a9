#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

enum { LINE_BYTES = 2048 };

struct level_row {
    const char *name;
    int syslog_priority; /* what systemd's journal reads from <n>, sd-daemon(3) */
};

static const struct level_row levels[] = {
    [LOG_LEVEL_DEBUG] = {"DEBUG", 7},
    [LOG_LEVEL_INFO] = {"INFO", 6},
    [LOG_LEVEL_WARNING] = {"WARNING", 4},
    [LOG_LEVEL_ERROR] = {"ERROR", 3},
};

static enum log_level least_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    least_level = level;
}

void log_line(enum log_level level, const char *fmt, ...)
{
    if (level < least_level)
        return;

    char text[LINE_BYTES];
    char line[LINE_BYTES + 64];
    char when[CLOCK_TEXT_BYTES];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    str_make_printable(text);

    if (getenv("JOURNAL_STREAM")) /* the journal knows the time */
        STR_PRINTF(line, "<%d>%s\n", levels[level].syslog_priority, text);
    else
        STR_PRINTF(line, "%-7s %s %s\n", levels[level].name, clock_text(clock_wall_ms(), when),
                   text);
    fputs(line, stderr);
    fflush(stderr);
}

void log_err(enum log_level level, const struct err *e)
{
    log_line(level, "code=%s%s%s%s%s %s%s%s", err_name(e->code), e->node[0] ? " node=" : "",
             e->node, e->step[0] ? " step=" : "", e->step, e->msg, e->hint[0] ? "; " : "", e->hint);
}
