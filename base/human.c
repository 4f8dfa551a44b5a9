#include "base/human.h"

#include <time.h>

#include "base/mem.h"

const char *human_bytes(struct arena *a, int64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double n = (double)bytes;
    size_t u = 0;

    for (; n >= 1024 && u < 4; u++)
        n /= 1024;
    return u ? arena_printf(a, "%.1f %s", n, units[u])
             : arena_printf(a, "%lld B", (long long)bytes);
}

const char *human_duration(struct arena *a, int64_t ms)
{
    long long s = ms / 1000;

    if (ms < 1000)
        return arena_printf(a, "%lld ms", (long long)ms);
    if (s < 120)
        return arena_printf(a, "%.1f s", (double)ms / 1000);
    if (s < 2 * 3600)
        return arena_printf(a, "%lld min", s / 60);
    if (s < 2 * 86400)
        return arena_printf(a, "%lld h", s / 3600);
    return arena_printf(a, "%lld days", s / 86400);
}

const char *human_time(struct arena *a, int64_t wall_ms)
{
    time_t t = (time_t)(wall_ms / 1000);
    struct tm tm;
    char text[40];

    localtime_r(&t, &tm);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
    return arena_strdup(a, text);
}
