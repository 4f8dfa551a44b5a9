/* controller/journal/journal: what was written is read back; damage is told; a crash or a full disk
 * cuts, no more. */
#include "controller/journal/audit.h"
#include "controller/journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/controller/journal/journal_dir.h"
#include "tests/unit/unit.h"

/* A command's journal as the engine writes it; returns its path. */
static char *write_one(struct arena *a, const char *txn, bool ended)
{
    struct journal *j = NULL;
    json_t *begin = json_pack("{s:s, s:s}", "verb", "switchover", "reason", "caf\xc3\xa9 \"x\"");
    json_t *data = json_pack("{s:s}", "lsn", "0/3000148");

    assert_int_equal(journal_open(directory, txn, begin, &j, NULL), 0);
    char *path = arena_strdup(a, journal_path(j));
    assert_int_equal(journal_intent(j, "fence", "db02", NULL, NULL), 0);
    assert_int_equal(journal_result(j, "fence", "db02", data, NULL), 0);
    assert_int_equal(journal_note(j, "", "", NULL, NULL), 0);
    if (ended)
        assert_int_equal(journal_end(j, data, NULL), 0);
    journal_close(j);
    json_decref(begin);
    json_decref(data);
    return path;
}

/* not inline: gcc 12 then takes what it returns for a pointer to its own variable */
static __attribute__((noinline)) char *contents(struct arena *a, const char *path, size_t *ret_len)
{
    char *text;

    assert_int_equal(file_read(path, 1 << 20, a, &text, ret_len, NULL), 0);
    return text;
}

static void put(const char *path, const char *text, size_t len)
{
    assert_int_equal(file_replace(path, text, len, 0600, NULL), 0);
}

static void reads_back(void **state)
{
    AUTO(arena) a = arena_new();
    struct journal_file *f;
    struct stat st;

    (void)state;
    char *path = write_one(a, "0123456789abcdef", true);
    assert_int_equal(journal_read(path, &f, NULL), 0);
    assert_string_equal(f->txn, "0123456789abcdef");
    assert_int_equal(f->n_records, 5);
    assert_true(f->ended);
    assert_false(f->torn);
    assert_int_equal(f->records[0].kind, JOURNAL_BEGIN);
    assert_string_equal(f->records[0].prev, JOURNAL_NO_PREVIOUS);
    assert_string_equal(json_string_value(json_object_get(f->records[0].data, "reason")),
                        "caf\xc3\xa9 \"x\"");
    assert_string_equal(f->records[1].step, "fence");
    assert_string_equal(f->records[1].node, "db02");
    assert_null(f->records[1].data);
    assert_string_equal(f->records[2].prev, f->records[1].hash);
    assert_true(f->records[4].wall_ms > 1700000000000);
    journal_file_free(f);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(st.st_size < 4096); /* what was reserved has been cut off */
}

/* While it runs, and after a crash, the reserved NULs follow the lines. */
static void reserved_space_is_skipped(void **state)
{
    AUTO(arena) a = arena_new();
    struct journal *j = NULL;
    struct journal_file *f;
    struct stat st;

    (void)state;
    assert_int_equal(journal_open(directory, "00000000000000aa", NULL, &j, NULL), 0);
    assert_int_equal(stat(journal_path(j), &st), 0);
    assert_int_equal(st.st_size, 256 * 1024);
    assert_int_equal(journal_read(journal_path(j), &f, NULL), 0);
    assert_int_equal(f->n_records, 1);
    assert_false(f->torn);
    assert_false(f->ended);
    journal_file_free(f);
    journal_close(j);
    (void)a;
}

static void cut_at_every_byte(void **state)
{
    AUTO(arena) a = arena_new();
    size_t len;

    (void)state;
    char *path = write_one(a, "0123456789abcdef", true);
    char *text = contents(a, path, &len);
    for (size_t cut = 0; cut <= len; cut++) {
        struct journal_file *f;
        size_t lines = 0;

        for (size_t i = 0; i < cut; i++)
            lines += text[i] == '\n';
        put(path, text, cut);
        assert_int_equal(journal_read(path, &f, NULL), 0);
        assert_int_equal(f->n_records, lines);
        assert_int_equal(f->torn, cut > 0 && text[cut - 1] != '\n');
        assert_int_equal(f->ended, cut == len);
        journal_file_free(f);
    }
}

static void flipped_byte_is_told(void **state)
{
    AUTO(arena) a = arena_new();
    size_t len;

    (void)state;
    char *path = write_one(a, "0123456789abcdef", true);
    char *text = contents(a, path, &len);
    for (size_t i = 0; i < len; i++) {
        struct journal_file *f = NULL;
        struct err e = {.code = 0};

        text[i] ^= 1;
        put(path, text, len);
        text[i] ^= 1;
        int rc = journal_read(path, &f, &e);
        if (rc == 0) { /* the last newline: then the last line is torn */
            assert_int_equal(i, len - 1);
            assert_true(f->torn);
            journal_file_free(f);
            continue;
        }
        assert_int_equal(rc, ERR_INVALID);
        assert_non_null(strstr(e.msg, ", line "));
    }
}

static void missing_line_is_told(void **state)
{
    AUTO(arena) a = arena_new();
    struct journal_file *f;
    size_t len;

    (void)state;
    char *path = write_one(a, "0123456789abcdef", true);
    char *text = contents(a, path, &len);
    size_t first = strcspn(text, "\n") + 1, second = strcspn(text + first, "\n") + 1;
    char *without = arena_printf(a, "%.*s%s", (int)first, text, text + first + second);

    put(path, without, strlen(without));
    assert_int_equal(journal_read(path, &f, NULL), ERR_INVALID);
}

/* ---- the audit ------------------------------------------------------------------------------- */

static const char *fault(const struct audit *t)
{
    for (size_t i = 0; i < t->n_findings; i++)
        if (t->findings[i].fault)
            return t->findings[i].text;
    return "";
}

static struct audit audit(struct arena *a, const char *from)
{
    struct audit t;

    assert_int_equal(audit_run(directory, from, a, &t, NULL), 0);
    return t;
}

static void chain_over_files(void **state)
{
    AUTO(arena) a = arena_new();
    size_t len, n;
    char **paths;

    (void)state;
    char *first = write_one(a, "0000000000000001", true);
    char *second = write_one(a, "0000000000000002", false);
    write_one(a, "0000000000000003", true);
    assert_int_equal(journal_list(directory, a, &paths, &n, NULL), 0);
    assert_int_equal(n, 3);
    assert_string_equal(paths[0], first); /* oldest first, though in the same second */
    assert_string_equal(paths[1], second);
    struct audit t = audit(a, NULL);
    assert_int_equal(t.n_faults, 0);
    assert_int_equal(t.n_findings, 1); /* the second has no end */
    assert_int_equal(t.files, 3);
    assert_int_equal(t.records, 14);
    assert_string_equal(t.newest_path, paths[2]);
    assert_int_equal(t.newest_n, 5);
    assert_int_equal(strlen(t.newest), 64);

    char *text = contents(a, second, &len);
    unlink(second);
    t = audit(a, NULL);
    assert_int_equal(t.n_faults, 1);
    assert_string_equal(t.findings[0].path, paths[2]);
    assert_non_null(strstr(fault(&t), "a journal between the two is missing"));
    put(second, text, len);
    assert_int_equal(audit(a, NULL).n_faults, 0);
    put(second, text, len - 2); /* a torn last line that the next file knows whole */
    assert_int_equal(audit(a, NULL).n_faults, 1);
    put(second, text, len);
    unlink(first);
    t = audit(a, NULL);
    assert_int_equal(t.n_faults, 1);
    assert_non_null(strstr(fault(&t), "older journals were removed"));
    assert_int_equal(audit(a, t.first_prev).n_faults, 0); /* on purpose: judged from there */
}

/* The chain goes on from the last whole line after a crash. */
static void goes_on_after_a_torn_line(void **state)
{
    AUTO(arena) a = arena_new();
    size_t len;

    (void)state;
    char *path = write_one(a, "0000000000000001", true);
    char *text = contents(a, path, &len);
    put(path, text, len - 10);
    struct audit t = audit(a, NULL);
    assert_int_equal(t.n_faults, 0);
    assert_non_null(strstr(t.findings[0].text, "line 5 is torn"));
    write_one(a, "0000000000000002", true);
    t = audit(a, NULL);
    assert_int_equal(t.n_faults, 0);
    assert_int_equal(t.records, 9);
}

/* Which file, which line; the other journals, and the rest of this one, are there all the same. */
static void damage_is_told_and_the_rest_is_read(void **state)
{
    AUTO(arena) a = arena_new();
    struct journal_file *f;
    size_t len;

    (void)state;
    char *path = write_one(a, "0000000000000001", true);
    char *text = contents(a, path, &len);
    text[strstr(text, "0/3000148") - text] = '1';
    put(path, text, len);
    write_one(a, "0000000000000002", true);
    struct audit t = audit(a, NULL);
    assert_int_equal(t.n_faults, 1);
    assert_string_equal(t.findings[0].path, path);
    assert_non_null(strstr(fault(&t), "line 3: its hash is not the one of its bytes"));
    assert_int_equal(journal_scan(path, &f, NULL), 0);
    assert_int_equal(f->n_records, 4);
    assert_int_equal(f->n_damaged, 1);
    assert_true(f->ended);
    journal_file_free(f);
}

/* A downgrade: what a newer program has written is whole, and told as what it is. */
static void a_newer_format(void **state)
{
    AUTO(arena) a = arena_new();
    struct journal_file *f;
    struct err e = {0};
    char hash[JOURNAL_HASH_BYTES];

    (void)state;
    const char *line = arena_printf(a,
                                    "{\"format\":2,\"n\":1,\"at\":\"2026-01-28T03:14:15.123Z\","
                                    "\"kind\":\"shift\",\"prev\":\"%s\"",
                                    JOURNAL_NO_PREVIOUS);
    journal_hash(line, strlen(line), hash);
    const char *text = arena_printf(a, "%s,\"hash\":\"%s\"}\n", line, hash);
    assert_int_equal(journal_parse("x.journal", text, strlen(text), &f, &e), ERR_INVALID);
    assert_non_null(strstr(e.msg, "a newer version of pgtandem has written it"));
}

/* Whoever computes everything anew is found out by a hash that was noted before. */
static void noted_hash(void **state)
{
    AUTO(arena) a = arena_new();
    struct audit t;
    struct err e;

    (void)state;
    char *path = write_one(a, "0000000000000001", true);
    t = audit(a, NULL);
    char *noted = arena_strndup(a, t.newest, 16);
    write_one(a, "0000000000000002", true);
    t = audit(a, noted);
    assert_int_equal(t.n_faults, 0);
    assert_int_equal(t.records, 6); /* the noted one and what came after */
    unlink(path);
    write_one(a, "0000000000000003", true);        /* goes on from the second */
    assert_int_equal(audit(a, noted).n_faults, 0); /* the first one's prev is the noted one */
    assert_int_equal(audit_run(directory, "0123456789abcdef", a, &t, &e), ERR_INVALID);
    assert_non_null(strstr(e.msg, "no record of the 2 journals"));
    assert_int_equal(audit_run(directory, "abc", a, &t, &e), ERR_USAGE);
}

static void long_journal_grows(void **state)
{
    AUTO(arena) a = arena_new();
    struct journal *j = NULL;
    struct journal_file *f;
    char big[3000];

    (void)state;
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    json_t *data = json_pack("{s:s}", "output", big);
    assert_int_equal(journal_open(directory, "00000000000000aa", NULL, &j, NULL), 0);
    for (int i = 0; i < 200; i++)
        assert_int_equal(journal_result(j, "step", "db01", data, NULL), 0);
    char *path = arena_strdup(a, journal_path(j));
    journal_close(j);
    json_decref(data);
    assert_int_equal(journal_read(path, &f, NULL), 0);
    assert_int_equal(f->n_records, 201);
    journal_file_free(f);
}

static void second_opener_is_refused(void **state)
{
    struct journal *j = NULL, *other = NULL;
    struct err e;
    char pid[32];

    (void)state;
    assert_int_equal(journal_open(directory, "00000000000000aa", NULL, &j, NULL), 0);
    pid_t child = fork();
    if (child == 0) {
        int rc = journal_open(directory, "00000000000000bb", NULL, &other, &e);

        STR_PRINTF(pid, "%d", (int)getppid());
        _exit(rc == ERR_HELD && strstr(e.msg, pid) ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    journal_close(j);
    assert_int_equal(journal_open(directory, "00000000000000bb", NULL, &other, NULL), 0);
    journal_close(other);
}

/* In a child, whose file size is limited. */
static int with_limit(rlim_t bytes, int (*fn)(void))
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        const struct rlimit limit = {bytes, bytes};

        signal(SIGXFSZ, SIG_IGN);
        _exit(setrlimit(RLIMIT_FSIZE, &limit) == 0 ? fn() : 99);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int open_is_refused(void)
{
    struct journal *j = NULL;
    struct err e = {.code = 0};
    int rc = journal_open(directory, "00000000000000aa", NULL, &j, &e);

    return rc == ERR_SYS && strstr(e.msg, "cannot reserve") && *e.hint ? 0 : 1;
}

static int goes_on_without(void)
{
    struct journal *j = NULL;
    char big[6000];
    int failures = 0;

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    json_t *data = json_pack("{s:s}", "output", big);
    if (journal_open(directory, "00000000000000bb", NULL, &j, NULL) < 0)
        return 2;
    for (int i = 0; i < 60; i++)
        failures += journal_result(j, "step", "db01", data, NULL) < 0;
    /* a short line still finds its place, right after the last whole one */
    int rc = journal_end(j, NULL, NULL);
    journal_close(j);
    json_decref(data);
    return failures > 0 && rc == 0 ? 0 : 3;
}

static void full_disk(void **state)
{
    AUTO(arena) a = arena_new();
    size_t n;
    struct journal_file *f;
    char **paths;

    (void)state;
    assert_int_equal(with_limit(64 * 1024, open_is_refused), 0);
    assert_int_equal(journal_list(directory, a, &paths, &n, NULL), 0);
    assert_int_equal(n, 0); /* nothing is left of it */

    assert_int_equal(with_limit(256 * 1024 + 2000, goes_on_without), 0);
    assert_int_equal(journal_list(directory, a, &paths, &n, NULL), 0);
    assert_int_equal(n, 1);
    assert_int_equal(journal_read(paths[0], &f, NULL), 0);
    assert_true(f->ended);
    journal_file_free(f);
    assert_int_equal(audit(a, NULL).n_faults, 0);
}

static void absent_directory_is_empty(void **state)
{
    AUTO(arena) a = arena_new();
    char **paths;
    size_t n = 7;

    (void)state;
    assert_int_equal(journal_list("/nonexistent/journal", a, &paths, &n, NULL), 0);
    assert_int_equal(n, 0);
}

/* It has its line and its place in the chain, whoever synced it. */
static void announced_intent(void **state)
{
    AUTO(arena) a = arena_new();
    struct journal *j = NULL;
    struct journal_file *f;
    json_t *then = json_pack("{s:[s]}", "then", "verify");

    (void)state;
    assert_int_equal(journal_open(directory, "0000000000000009", NULL, &j, NULL), 0);
    char *path = arena_strdup(a, journal_path(j));
    assert_int_equal(journal_intent(j, "fence", "db02", then, NULL), 0);
    assert_int_equal(journal_announced(j, "verify", "db01", NULL, NULL), 0);
    journal_close(j);
    json_decref(then);
    assert_int_equal(journal_read(path, &f, NULL), 0);
    assert_int_equal(f->n_records, 3);
    assert_int_equal(f->records[2].kind, JOURNAL_INTENT);
    assert_string_equal(f->records[2].step, "verify");
    assert_string_equal(f->records[2].prev, f->records[1].hash);
    journal_file_free(f);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(reads_back),
        TEST(reserved_space_is_skipped),
        TEST(cut_at_every_byte),
        TEST(flipped_byte_is_told),
        TEST(missing_line_is_told),
        TEST(chain_over_files),
        TEST(goes_on_after_a_torn_line),
        TEST(damage_is_told_and_the_rest_is_read),
        TEST(a_newer_format),
        TEST(noted_hash),
        TEST(long_journal_grows),
        TEST(second_opener_is_refused),
        TEST(full_disk),
        TEST(absent_directory_is_empty),
        TEST(announced_intent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
