/*
 * The writer. A line is written at `offset` in one pwrite, into space that posix_fallocate
 * reserved; only a line that is whole moves `offset`, so that a failed write is overwritten by the
 * next one and never glued to it. The reserved rest (NULs) is cut off at the end; after a crash the
 * reader skips it.
 */
#include "controller/journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"

const char *const journal_kind_names[] = {"begin", "intent", "result", "note", "end", NULL};

enum { PREALLOCATE_BYTES = 256 * 1024, STAMP_BYTES = 20 };

struct journal {
    char path[512];
    int fd;
    int lock_fd;
    off_t offset; /* end of the last whole line */
    off_t allocated;
    int64_t n;                     /* lines written */
    char hash[JOURNAL_HASH_BYTES]; /* of the last one */
};

void journal_hash(const void *bytes, size_t len, char ret_hex[JOURNAL_HASH_BYTES])
{
    if (!sha256_hex(bytes, len, ret_hex))
        str_copy(ret_hex, JOURNAL_HASH_BYTES, JOURNAL_NO_PREVIOUS);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void format_line(const struct journal *j, enum journal_kind kind, const char *step,
                        const char *node, json_t *data, struct buf *line, char *ret_hash)
{
    char at[CLOCK_TEXT_BYTES];
    json_t *o =
        json_pack("{s:I, s:s, s:I, s:s, s:s, s:s}", "n", (json_int_t)(j->n + 1), "at",
                  clock_text(clock_wall_ms(), at), "mono_us", (json_int_t)clock_mono_us(), "kind",
                  journal_kind_names[kind], "step", step ? step : "", "node", node ? node : "");

    if (data)
        json_object_set(o, "data", data);
    json_object_set_new(o, "prev", json_string(j->hash));

    AUTO(str) text = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII);

    json_decref(o);
    if (!text) { /* not UTF-8 somewhere in `data`: better a line without it than none */
        buf_str(line, "");
        return;
    }
    buf_add(line, text, strlen(text) - 1); /* without the brace */
    journal_hash(line->data, line->len, ret_hash);
    buf_printf(line, ",\"hash\":\"%s\"}\n", ret_hash);
}

static int write_whole(const struct journal *j, const char *bytes, size_t len, struct err *reterr)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(j->fd, bytes + done, len - done, j->offset + (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_sys(reterr, n < 0 ? errno : ENOSPC,
                           "free space there; the command itself goes on by observation",
                           "cannot write the journal %s", j->path);
        done += (size_t)n;
    }
    return 0;
}

static int reserve(struct journal *j, struct err *reterr)
{
    int sys = posix_fallocate(j->fd, j->offset, PREALLOCATE_BYTES);

    if (sys)
        return err_sys(reterr, sys, "free space there: nothing begins without its journal",
                       "cannot reserve %d KiB for the journal %s", PREALLOCATE_BYTES / 1024,
                       j->path);
    j->allocated = j->offset + PREALLOCATE_BYTES;
    return 0;
}

static int sync_data(const struct journal *j, struct err *reterr)
{
    if (fdatasync(j->fd) == 0)
        return 0;
    return err_sys(reterr, errno,
                   "a disk that fails: see the kernel's log (`dmesg`); nothing goes on unwritten",
                   "cannot sync the journal %s", j->path);
}

static int append(struct journal *j, enum journal_kind kind, const char *step, const char *node,
                  json_t *data, bool sync, struct err *reterr)
{
    char hash[JOURNAL_HASH_BYTES];
    struct buf line;
    int rc;

    if (!j) /* a command without a journal (dry run) */
        return 0;
    buf_init(&line, JOURNAL_LINE_CAP_BYTES);
    format_line(j, kind, step, node, data, &line, hash);
    if (line.len == 0 || !buf_ok(&line)) {
        json_t *what = json_pack("{s:s}", "dropped", line.len ? "too long" : "not UTF-8");

        buf_clear(&line);
        format_line(j, kind, step, node, what, &line, hash);
        json_decref(what);
    }
    if (j->offset + (off_t)line.len > j->allocated)
        (void)reserve(j, NULL); /* in the middle of a command: try without */
    rc = write_whole(j, line.data, line.len, reterr);
    if (rc == 0) {
        j->offset += (off_t)line.len;
        j->n++;
        STR_COPY(j->hash, hash);
        rc = sync ? sync_data(j, reterr) : 0;
    }
    buf_free(&line);
    return rc;
}

int journal_intent(struct journal *j, const char *step, const char *node, json_t *data,
                   struct err *reterr)
{
    return append(j, JOURNAL_INTENT, step, node, data, true, reterr);
}

int journal_announced(struct journal *j, const char *step, const char *node, json_t *data,
                      struct err *reterr)
{
    return append(j, JOURNAL_INTENT, step, node, data, false, reterr);
}

int journal_result(struct journal *j, const char *step, const char *node, json_t *data,
                   struct err *reterr)
{
    return append(j, JOURNAL_RESULT, step, node, data, false, reterr);
}

int journal_note(struct journal *j, const char *step, const char *node, json_t *data,
                 struct err *reterr)
{
    return append(j, JOURNAL_NOTE, step, node, data, false, reterr);
}

int journal_end(struct journal *j, json_t *data, struct err *reterr)
{
    return append(j, JOURNAL_END, "", "", data, true, reterr);
}

const char *journal_path(const struct journal *j)
{
    return j ? j->path : "";
}

/* ---- opening and closing --------------------------------------------------------------------- */

/* "20260128T031415.123", the first part of a file's name: names sort in the order of writing */
static void stamp_text(int64_t wall_ms, char ret_stamp[STAMP_BYTES])
{
    time_t s = (time_t)(wall_ms / 1000);
    struct tm tm;
    char text[64];

    gmtime_r(&s, &tm);
    strftime(text, sizeof(text), "%Y%m%dT%H%M%S", &tm);
    str_printf(ret_stamp, STAMP_BYTES, "%.15s.%03d", text, (int)(wall_ms % 1000));
}

static int64_t stamp_parse(const char *name)
{
    struct tm tm = {.tm_isdst = 0};
    const char *rest = strptime(name, "%Y%m%dT%H%M%S", &tm);
    long long ms;
    char digits[4];

    if (!rest || *rest != '.')
        return 0;
    str_copy(digits, sizeof(digits), rest + 1);
    return (int64_t)timegm(&tm) * 1000 + (str_to_int(digits, 0, 999, &ms) ? ms : 0);
}

/* The chain goes on from the last file's last whole line, even if that file is damaged: the damage
 * is for `audit verify` to report, not a reason to refuse a command. Returns that file's time. */
static int64_t find_previous(const char *directory, char ret_hash[JOURNAL_HASH_BYTES])
{
    AUTO(arena) a = arena_new();
    char **paths;
    size_t n;

    str_copy(ret_hash, JOURNAL_HASH_BYTES, JOURNAL_NO_PREVIOUS);
    if (journal_list(directory, a, &paths, &n, NULL) < 0 || n == 0)
        return 0;
    for (size_t i = n; i > 0; i--) {
        struct journal_file *f;

        if (journal_scan(paths[i - 1], &f, NULL) < 0)
            continue;
        if (f->n_records)
            str_copy(ret_hash, JOURNAL_HASH_BYTES, f->records[f->n_records - 1].hash);
        bool found = f->n_records > 0;
        journal_file_free(f);
        if (found)
            break;
    }
    return stamp_parse(strrchr(paths[n - 1], '/') + 1);
}

static int create(struct journal *j, const char *directory, const char *txn, struct err *reterr)
{
    char stamp[STAMP_BYTES];
    int64_t now = clock_wall_ms(), last = find_previous(directory, j->hash);

    stamp_text(now > last ? now : last + 1, stamp); /* also when the clock went back */
    if (!STR_PRINTF(j->path, "%s/%s-%s" JOURNAL_SUFFIX, directory, stamp, txn))
        return err_set(reterr, ERR_TOO_LONG, "set a shorter [journal] directory",
                       "the journal's path is too long (%zu bytes at most): %s",
                       sizeof(j->path) - 1, directory);
    j->fd = open(j->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (j->fd < 0)
        return err_sys(reterr, errno, "[journal] directory must be writable for this user",
                       "cannot create the journal %s", j->path);
    int rc = reserve(j, reterr);
    if (rc == 0)
        rc = file_sync_dir_of(j->path, reterr);
    if (rc < 0)
        (void)unlink(j->path);
    return rc;
}

int journal_open(const char *directory, const char *txn, json_t *data, struct journal **ret_journal,
                 struct err *reterr)
{
    struct journal *j = mem_alloc(sizeof(*j));
    char lock[512];
    int rc;

    j->fd = j->lock_fd = -1;
    rc = file_make_dir(directory, 0700, reterr);
    if (rc == 0 && !STR_PRINTF(lock, "%s/lock", directory))
        rc = err_set(reterr, ERR_TOO_LONG, NULL, "the journal's path is too long: %s", directory);
    if (rc == 0) {
        rc = file_lock(lock, 0, &j->lock_fd, reterr);
        if (rc == ERR_HELD)
            err_set_hint(reterr, "another command is at work on this controller: wait for its end");
    }
    if (rc == 0)
        rc = create(j, directory, txn, reterr);
    if (rc == 0) {
        rc = append(j, JOURNAL_BEGIN, "", "", data, true, reterr);
        if (rc < 0)
            (void)unlink(j->path);
    }
    if (rc < 0) {
        j->offset = 0;
        journal_close(j);
        return rc;
    }
    *ret_journal = j;
    return 0;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0) {
        if (ftruncate(j->fd, j->offset) == 0)
            (void)fdatasync(j->fd);
        close(j->fd);
    }
    if (j->lock_fd >= 0)
        close(j->lock_fd);
    mem_free(j);
}
