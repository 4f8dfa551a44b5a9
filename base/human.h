/* Sizes, durations and moments as people read them. Texts are in the caller's arena. */
#pragma once

#include <stdint.h>

struct arena;

const char *human_bytes(struct arena *a, int64_t bytes);  /* "0 B", "16.0 MB" */
const char *human_duration(struct arena *a, int64_t ms);  /* "20 ms", "3.2 s", "4 min" */
const char *human_time(struct arena *a, int64_t wall_ms); /* local "2026-01-28 03:14:15" */
