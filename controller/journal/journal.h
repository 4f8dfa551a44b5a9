/*
 * The journal: the audit log of everything that changes something, and a hint for speed (safety
 * lives in the ownership record and in the agents: docs/protocol.md).
 *
 * One file for each command, `<utc time>-<txn>.journal`, JSON lines:
 *     {"n":3,"at":"…Z","mono_us":…,"kind":"intent","step":"fence","node":"db02","data":{…},
 *      "prev":"<hash of the line before>","hash":"<sha256 of this line up to here>"}
 * kinds: begin, intent, result, note, end. The first record carries the last hash of the previous
 * file (`prev`; 64 zeros in the very first), so that the files form one chain. A line's own hash is
 * in it, so that a byte flipped in the last line shows too.
 *
 * Invariants
 *   J1  an intent is on disk (fdatasync) before its act, its own or an earlier one that announced
 *       it (`then` in its data); a result may share its fsync with the next intent; `end` is
 *       synced.
 *   J2  the file is preallocated when it is opened, so that a full disk stops the command before it
 *       begins, not in its middle; should a write fail all the same, the error is logged and the
 *       command goes on by observation (the journal is not where safety lives).
 *   J3  a torn last line is not an error: it is cut off by the reader and reported.
 *   J4  one writer: the directory's lock is held for the length of the command.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct arena;

enum journal_kind { JOURNAL_BEGIN, JOURNAL_INTENT, JOURNAL_RESULT, JOURNAL_NOTE, JOURNAL_END };
extern const char *const journal_kind_names[];

struct journal;

/* Lock the directory (ERR_HELD names the pid that has it), preallocate, write `begin` with `data`
 * (command, who, why, configuration's hash). `data` is borrowed; may be NULL everywhere below. */
int journal_open(const char *directory, const char *txn, json_t *data, struct journal **ret_journal,
                 struct err *reterr);
void journal_close(struct journal *j); /* NULL is fine; does not write `end` */

/* Durable when it returns 0. */
int journal_intent(struct journal *j, const char *step, const char *node, json_t *data,
                   struct err *reterr);
/* An intent that an earlier, durable one has announced: written, durable with the next that
 * syncs. */
int journal_announced(struct journal *j, const char *step, const char *node, json_t *data,
                      struct err *reterr);
/* Written, durable with the next intent or end. */
int journal_result(struct journal *j, const char *step, const char *node, json_t *data,
                   struct err *reterr);
int journal_note(struct journal *j, const char *step, const char *node, json_t *data,
                 struct err *reterr);
int journal_end(struct journal *j, json_t *data, struct err *reterr);
const char *journal_path(const struct journal *j);

/* The pid of the command that is writing here now, 0 if there is none. Only a look (the lock is not
 * touched): for `status`. */
int journal_writer(const char *directory);

/* ---- reading ------------------------------------------------------------------------------ */

struct journal_record {
    int64_t n;
    int64_t wall_ms, mono_us;
    int kind; /* enum journal_kind */
    char step[32];
    char node[32];
    json_t *data; /* owned by the file */
    char prev[65];
    char hash[65]; /* of this line */
};
struct journal_file {
    char path[512];
    char txn[20];
    struct journal_record *records;
    size_t n_records;
    bool torn;         /* the last line was cut */
    bool ended;        /* has its `end` */
    struct err damage; /* the first thing that is wrong, with its line; code 0: nothing is */
    size_t n_damaged;  /* lines that are wrong; those that cannot be read have no record */
};
/* Read one file. ERR_INVALID names line and reason for a broken chain or line (not for a torn last
 * line). Free with journal_file_free. */
int journal_read(const char *path, struct journal_file **ret_file, struct err *reterr);
/* The same from text in memory; errors show `path` as the file. */
int journal_parse(const char *path, const char *text, size_t len, struct journal_file **ret_file,
                  struct err *reterr);
/* The same, but damage is recorded in the file, and every record that can be read is there: for
 * people who look at it. */
int journal_scan(const char *path, struct journal_file **ret_file, struct err *reterr);
/* One that could not be read at all, with why as its damage. */
struct journal_file *journal_unread(const char *path, const struct err *e);
void journal_file_free(struct journal_file *f);

/* Paths of all journals, oldest first, in the arena. An absent directory gives 0 of them. */
int journal_list(const char *directory, struct arena *a, char ***ret_paths, size_t *ret_n,
                 struct err *reterr);

/* ---- the line (shared by writer and reader) ------------------------------------------------- */

enum { JOURNAL_HASH_BYTES = 65, JOURNAL_LINE_CAP_BYTES = 256 * 1024 };
#define JOURNAL_SUFFIX ".journal"
#define JOURNAL_NO_PREVIOUS "0000000000000000000000000000000000000000000000000000000000000000"

void journal_hash(const void *bytes, size_t len, char ret_hex[JOURNAL_HASH_BYTES]);
const char *journal_name(const char *path); /* without its directory */
