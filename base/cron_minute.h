/* When cron looks at its crontabs and starts jobs, by the host's wall clock. */
#ifndef BASE_CRON_MINUTE_H
#define BASE_CRON_MINUTE_H

#include <stdint.h>

/* From `wall_ms` on: how many ms until no job can start any more from a text that stood in the
 * crontab before; 0 if none can. Debian's and Vixie's cron may be between looking and starting in
 * seconds 0 to 3 of a minute, and in second 59 they may have looked already. At most 5 s. */
int64_t cron_minute_left_ms(int64_t wall_ms);

#endif
