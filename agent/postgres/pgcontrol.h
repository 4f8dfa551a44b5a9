/*
 * PostgreSQL's control file, global/pg_control, read directly: what pg_controldata would say,
 * without a child process, in the path where milliseconds count.
 *
 * Layout: PostgreSQL's src/include/catalog/pg_control.h (struct ControlFileData), native byte order
 * and alignment. What is read here is at the same offsets in versions 1201 (PostgreSQL 12),
 * 1300 (13 to 16), 1700 and 1800; only the place of the CRC-32C, which covers all before it,
 * differs. A version that is not in the table is refused rather than guessed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct pgcontrol {
    uint64_t sysid;
    int64_t version;           /* of the format: 1201, 1300, … */
    int state;                 /* enum pg_control_state */
    int64_t changed_s;         /* "pg_control last modified": seconds since 1970 */
    uint64_t checkpoint;       /* Latest checkpoint location */
    int64_t tli;               /* Latest checkpoint's TimeLineID */
    uint64_t min_recovery_lsn; /* Minimum recovery ending location */
    int64_t min_recovery_tli;  /* Min recovery ending loc's timeline; 0 none */
    int64_t wal_segment_bytes;
    bool wal_log_hints, checksums;
};

/* Pure. ERR_INVALID: too short, a version that is not known, or a false CRC. */
int pgcontrol_parse(const void *bytes, size_t len, struct pgcontrol *ret_control,
                    struct err *reterr);

/* Read PGDATA/global/pg_control. The server writes it in place, so a reader can meet half of a
 * write and a false CRC: it is then read again, a few milliseconds at most. */
int pgcontrol_read(const char *data_directory, struct pgcontrol *ret_control, struct err *reterr);
