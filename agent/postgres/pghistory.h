/*
 * Timelines as the files of pg_wal show them (PostgreSQL, 26.3.5 Timelines; the format of a history
 * file is in src/backend/access/transam/timeline.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/messages.h"

struct pgcontrol;

struct pghistory {
    struct obs_tli rows[32]; /* oldest first: `tli` ended at `end` */
    size_t n;
};

/* Pure: the text of a history file. More rows than fit: the newest are kept. False: malformed. */
bool pghistory_parse(const char *text, struct pghistory *ret_history);

/* The history of `tli`. Timeline 1 has none, and that is fine (n = 0). */
bool pghistory_read(const char *data_directory, int64_t tli, struct pghistory *ret_history);

/* Highest NNNNNNNN.history in pg_wal, 0 if there is none. */
int64_t pghistory_newest(const char *data_directory);

/* When the segment of timeline `tli` that holds the byte before `lsn` was last written (wall clock,
 * ms); 0: there is none. */
int64_t pghistory_written_wall_ms(const char *data_directory, const struct pgcontrol *control,
                                  int64_t tli, uint64_t lsn);

/*
 * The timeline whose WAL a standby replayed last, `replay_lsn` being the end of it.
 *
 * No SQL function says it. pg_control knows the timelines of the last restartpoint and of the
 * minimum recovery point; both lag behind a switch. pg_stat_wal_receiver.received_tli is gone with
 * the walreceiver, and is about what was received. What is certain: WAL behind the switch to
 * timeline t is only ever read from a segment file named after t, and a standby that does not
 * follow t never has one. So: the highest t above pg_control's, up to the newest history file,
 * whose history has t begin before replay_lsn, and whose segment with that last byte exists.
 */
int64_t pghistory_replayed(const char *data_directory, const struct pgcontrol *control,
                           int64_t newest_tli, uint64_t replay_lsn);
