#include "base/cron_minute.h"

enum {
    MINUTE_MS = 60000,
    LOOKS_FROM_MS = 59000, /* within the minute */
    LOOKS_UNTIL_MS = 4000,
};

int64_t cron_minute_left_ms(int64_t wall_ms)
{
    int64_t in_minute = wall_ms % MINUTE_MS;

    if (in_minute < LOOKS_UNTIL_MS)
        return LOOKS_UNTIL_MS - in_minute;
    if (in_minute >= LOOKS_FROM_MS)
        return MINUTE_MS - in_minute + LOOKS_UNTIL_MS;
    return 0;
}
