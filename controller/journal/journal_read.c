/* The reader: reports all damage but a cut-off end of the last line, as a crash may leave it. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/journal/journal.h"

enum {
    FILE_CAP_BYTES = 16 * 1024 * 1024,
    JOURNAL_FORMAT = 1, /* of a record without the key "format"; a later one will have it */
};

/* The first damage is kept, all are counted. */
static void damaged(struct journal_file *f, size_t line, const char *what)
{
    if (f->n_damaged++ == 0)
        err_set(&f->damage, ERR_INVALID,
                "keep the file as it is and compare it with a copy; commands go on without it",
                "%s, line %zu: %s", f->path, line, what);
}

/* ---- one line -------------------------------------------------------------------------------- */

static bool get_text(const json_t *o, const char *key, char *ret_text, size_t bytes)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s && str_copy(ret_text, bytes, s);
}

/* "2026-01-28T03:14:15.123Z" */
static int64_t parse_at(const char *at)
{
    struct tm tm = {.tm_isdst = 0};
    const char *rest = strptime(at, "%Y-%m-%dT%H:%M:%S", &tm);
    char digits[4] = "";
    long long ms = 0;

    if (rest && *rest == '.') {
        (void)str_copy(digits, sizeof(digits), rest + 1);
        (void)str_to_int(digits, 0, 999, &ms);
    }
    return rest ? (int64_t)timegm(&tm) * 1000 + ms : 0;
}

static bool parse_kind(const char *name, int *ret_kind)
{
    for (int i = 0; journal_kind_names[i]; i++)
        if (strcmp(journal_kind_names[i], name) == 0) {
            *ret_kind = i;
            return true;
        }
    return false;
}

/* What is wrong with the line, or NULL. On success r->data is a reference of its own. */
static const char *parse_record(const char *line, size_t len, struct journal_record *r)
{
    static const char tail[] = ",\"hash\":\"";
    const size_t tail_bytes = sizeof(tail) - 1 + 64 + 2; /* …hash"} */
    char kind[16], at[40], hash[JOURNAL_HASH_BYTES];

    if (len <= tail_bytes || memcmp(line + len - tail_bytes, tail, sizeof(tail) - 1) != 0)
        return "it does not end in its hash";
    journal_hash(line, len - tail_bytes, hash);
    if (memcmp(line + len - 66, hash, 64) != 0)
        return "its hash is not the one of its bytes: it was changed or damaged";

    json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    const char *wrong = NULL;

    if (json_integer_value(json_object_get(o, "format")) > JOURNAL_FORMAT)
        wrong = "a newer version of pgtandem has written it: read it with that version";
    else if (!get_text(o, "kind", kind, sizeof(kind)) || !parse_kind(kind, &r->kind) ||
             !get_text(o, "at", at, sizeof(at)) || !get_text(o, "step", r->step, sizeof(r->step)) ||
             !get_text(o, "node", r->node, sizeof(r->node)) ||
             !get_text(o, "prev", r->prev, sizeof(r->prev)) ||
             !get_text(o, "hash", r->hash, sizeof(r->hash)))
        wrong = "it is not a journal's record";
    r->n = json_integer_value(json_object_get(o, "n"));
    r->mono_us = json_integer_value(json_object_get(o, "mono_us"));
    if (!wrong) {
        r->wall_ms = parse_at(at);
        r->data = json_incref(json_object_get(o, "data"));
    }
    json_decref(o);
    return wrong;
}

/* ---- one file -------------------------------------------------------------------------------- */

static void take_line(struct journal_file *f, size_t number, const char *line, size_t len)
{
    struct journal_record r = {.n = 0};
    const char *wrong = parse_record(line, len, &r);
    const struct journal_record *last = f->n_records ? &f->records[f->n_records - 1] : NULL;

    if (wrong) {
        json_decref(r.data);
        damaged(f, number, wrong);
        return;
    }
    if (last && strcmp(r.prev, last->hash) != 0 && f->n_damaged == 0)
        damaged(f, number, "it does not follow the line before it: lines were taken out or put in");
    else if (r.n != (last ? last->n : 0) + 1 && f->n_damaged == 0)
        damaged(f, number, "its number is not the next one");
    f->records = mem_realloc(f->records, (f->n_records + 1) * sizeof(*f->records));
    f->records[f->n_records++] = r;
    f->ended = f->ended || r.kind == JOURNAL_END;
}

static void take_lines(struct journal_file *f, const char *text, size_t len)
{
    size_t number = 0;

    while (len && text[len - 1] == '\0') /* preallocated, or the tail that a crash left */
        len--;
    for (const char *p = text, *end = text + len; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));

        if (!newline) {
            f->torn = true;
            return;
        }
        take_line(f, ++number, p, (size_t)(newline - p));
        p = newline + 1;
    }
}

static void txn_of_path(const char *path, char *ret_txn, size_t bytes)
{
    const char *name = strrchr(path, '/');
    const char *dash = strchr(name ? name : path, '-');

    if (dash)
        (void)str_copy(ret_txn, bytes, dash + 1);
    char *dot = strrchr(ret_txn, '.');
    if (dot)
        *dot = '\0';
}

static struct journal_file *file_new(const char *path)
{
    struct journal_file *f = mem_alloc(sizeof(*f));
    char name[64] = "";

    STR_COPY(f->path, path);
    txn_of_path(path, name, sizeof(name));
    STR_COPY(f->txn, name);
    return f;
}

struct journal_file *journal_unread(const char *path, const struct err *e)
{
    struct journal_file *f = file_new(path);

    f->damage = *e;
    f->n_damaged = 1;
    return f;
}

int journal_scan(const char *path, struct journal_file **ret_file, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    char *text;
    size_t len;
    int rc = file_read(path, FILE_CAP_BYTES, a, &text, &len, reterr);

    if (rc < 0)
        return rc;
    struct journal_file *f = file_new(path);
    take_lines(f, text, len);
    *ret_file = f;
    return 0;
}

static int refuse_damaged(struct journal_file *f, struct journal_file **ret_file,
                          struct err *reterr)
{
    if (f->n_damaged > 0) {
        if (reterr)
            *reterr = f->damage;
        journal_file_free(f);
        return ERR_INVALID;
    }
    *ret_file = f;
    return 0;
}

int journal_parse(const char *path, const char *text, size_t len, struct journal_file **ret_file,
                  struct err *reterr)
{
    struct journal_file *f = file_new(path);

    take_lines(f, text, len);
    return refuse_damaged(f, ret_file, reterr);
}

int journal_read(const char *path, struct journal_file **ret_file, struct err *reterr)
{
    struct journal_file *f;
    int rc = journal_scan(path, &f, reterr);

    return rc < 0 ? rc : refuse_damaged(f, ret_file, reterr);
}

void journal_file_free(struct journal_file *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n_records; i++)
        json_decref(f->records[i].data);
    mem_free(f->records);
    mem_free(f);
}

/* ---- all files ------------------------------------------------------------------------------- */

static int is_journal(const struct dirent *e)
{
    size_t n = strlen(e->d_name), suffix = strlen(JOURNAL_SUFFIX);

    return n > suffix && strcmp(e->d_name + n - suffix, JOURNAL_SUFFIX) == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int journal_list(const char *directory, struct arena *a, char ***ret_paths, size_t *ret_n,
                 struct err *reterr)
{
    struct dirent **entries;
    int n = scandir(directory, &entries, is_journal, by_name);

    if (n < 0 && errno == ENOENT) {
        *ret_paths = NULL;
        *ret_n = 0;
        return 0;
    }
    if (n < 0)
        return err_sys(reterr, errno, "run it as the user that writes it",
                       "cannot read the journal's directory %s", directory);
    char **paths = arena_alloc(a, ((size_t)n + 1) * sizeof(*paths));
    for (int i = 0; i < n; i++) {
        paths[i] = arena_printf(a, "%s/%s", directory, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    *ret_paths = paths;
    *ret_n = (size_t)n;
    return 0;
}

const char *journal_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The lock's file keeps the last holder's pid; that process may be gone, and its number taken by
 * another program. */
int journal_writer(const char *directory)
{
    AUTO(arena) a = arena_new();
    char *text, *ours, path[64];
    long long pid;

    if (file_read(arena_printf(a, "%s/lock", directory), 64, a, &text, NULL, NULL) < 0)
        return 0;
    text[strcspn(text, "\n")] = '\0';
    if (!str_to_int(text, 1, INT32_MAX, &pid))
        return 0;
    STR_PRINTF(path, "/proc/%lld/comm", pid);
    if (pid == getpid() || file_read(path, 64, a, &text, NULL, NULL) < 0 ||
        file_read("/proc/self/comm", 64, a, &ours, NULL, NULL) < 0)
        return 0;
    return strcmp(text, ours) == 0 ? (int)pid : 0;
}
