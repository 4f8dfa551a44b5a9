/* Time: the monotonic clock for durations and deadlines, the wall clock for people and TSIG. */
#pragma once

#include <stdint.h>

enum { CLOCK_TEXT_BYTES = 32 };

int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
int64_t clock_wall_ms(void);
/* "2026-01-28T03:14:15.123Z" */
const char *clock_text(int64_t wall_ms, char ret_text[CLOCK_TEXT_BYTES]);
/* local "03:14:15" */
const char *clock_text_hms(int64_t wall_ms, char ret_text[CLOCK_TEXT_BYTES]);
