#include "base/clock.h"

#include <time.h>

#include "base/str.h"

static int64_t clock_us(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_mono_ms(void)
{
    return clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
    return clock_us(CLOCK_REALTIME) / 1000;
}

/* Whole seconds rounded down, also before 1970, so that the milliseconds are never negative. */
static time_t seconds_of(int64_t wall_ms, int *ret_ms)
{
    int64_t ms = wall_ms % 1000;

    if (ms < 0)
        ms += 1000;
    *ret_ms = (int)ms;
    return (time_t)((wall_ms - ms) / 1000);
}

const char *clock_text(int64_t wall_ms, char ret_text[CLOCK_TEXT_BYTES])
{
    int ms;
    time_t seconds = seconds_of(wall_ms, &ms);
    struct tm tm = {0};

    gmtime_r(&seconds, &tm);
    str_printf(ret_text, CLOCK_TEXT_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
               tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
    return ret_text;
}

const char *clock_text_hms(int64_t wall_ms, char ret_text[CLOCK_TEXT_BYTES])
{
    int ms;
    time_t seconds = seconds_of(wall_ms, &ms);
    struct tm tm = {0};

    localtime_r(&seconds, &tm);
    str_printf(ret_text, CLOCK_TEXT_BYTES, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
    return ret_text;
}
