/*
 * Configuration, key file, journal and certificate files broken in every way that a disk, an editor
 * or a prankster knows: the reader says which file and where, never waits, and leaves it as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/config.h"
#include "controller/journal/journal.h"
#include "dnsupdate/keyfile.h"
#include "tests/unit/proto/pki.h"
#include "tests/unit/unit.h"

static char directory[] = "/tmp/pgtandem-test-broken-XXXXXX";
static char path[sizeof(directory) + 20];
static char *samples[4]; /* a good file for each reader */

/* ---- the readers ----------------------------------------------------------------------------- */

static int read_config(struct err *e)
{
    struct config *c = mem_alloc(sizeof(*c));
    int rc = config_load(path, c, e);

    mem_free(c);
    return rc;
}

static int read_keys(struct err *e)
{
    struct tsig_key key;

    return keyfile_load(path, "ctl", &key, e);
}

static int read_journal(struct err *e)
{
    struct journal_file *f = NULL;
    int rc = journal_read(path, &f, e);

    journal_file_free(f);
    return rc;
}

static int read_tls(struct err *e)
{
    struct tls_files f = pki_files("our", "controller-ctl");
    struct tls_context *tls = NULL;
    int rc;

    STR_COPY(f.key, path);
    rc = tls_context_new(&f, "ia2", PEER_CONTROLLER, "", &tls, e);
    tls_context_free(tls);
    return rc;
}

enum { CONFIG, KEYS, JOURNAL, TLS_KEY, READERS };
static int (*const readers[READERS])(struct err *e) = {read_config, read_keys, read_journal,
                                                       read_tls};

/* ---- files ----------------------------------------------------------------------------------- */

static void put(const void *bytes, size_t len)
{
    unlink(path);
    assert_int_equal(file_replace(path, bytes, len, 0600, NULL), 0);
}

/* Refused with these words (NULL: accepted), the path in the message, and no byte changed. */
static void refuses(int reader, const char *words)
{
    AUTO(arena) a = arena_new();
    struct err e = {.code = 0};
    char *before = NULL, *after = NULL;
    size_t len = 0, len_after = 0;
    bool regular = file_read(path, 1 << 24, a, &before, &len, NULL) == 0;
    int rc = readers[reader](&e);

    if (!words) {
        if (rc != 0)
            fail_msg("reader %d: %s", reader, e.msg);
    } else if (rc >= 0 || !strstr(e.msg, path) || !strstr(e.msg, words)) {
        fail_msg("reader %d: expected \"%s\", got %d \"%s\"", reader, words, rc, e.msg);
    }
    if (!regular)
        return;
    assert_int_equal(file_read(path, 1 << 24, a, &after, &len_after, NULL), 0);
    assert_int_equal(len, len_after);
    assert_memory_equal(before, after, len);
}

static char *good_journal(struct arena *a)
{
    struct journal *j = NULL;
    char *text, lock[100];

    assert_int_equal(journal_open(directory, "0123456789abcdef", NULL, &j, NULL), 0);
    assert_int_equal(journal_intent(j, "fence", "db02", NULL, NULL), 0);
    assert_int_equal(journal_end(j, NULL, NULL), 0);
    char *name = arena_strdup(a, journal_path(j));
    journal_close(j);
    assert_int_equal(file_read(name, 1 << 20, a, &text, NULL, NULL), 0);
    unlink(name);
    STR_PRINTF(lock, "%s/lock", directory);
    unlink(lock);
    return mem_strdup(text);
}

static int set_up(void **state)
{
    AUTO(arena) a = arena_new();
    struct tls_files f;
    char *text;

    if (pki_setup(state) != 0 || !mkdtemp(directory))
        return -1;
    STR_PRINTF(path, "%s/file", directory);
    f = pki_files("our", "controller-ctl");
    if (file_read(f.key, 1 << 16, a, &text, NULL, NULL) < 0)
        return -1;
    samples[CONFIG] = mem_strdup(config_sample(a));
    samples[KEYS] =
        mem_strdup("key \"ctl\" {\n algorithm hmac-sha256;\n secret \"YWJjZA==\";\n};\n");
    samples[JOURNAL] = good_journal(a);
    samples[TLS_KEY] = mem_strdup(text);
    return 0;
}

static int tear_down(void **state)
{
    for (int i = 0; i < READERS; i++)
        mem_free(samples[i]);
    unlink(path);
    return rmdir(directory) | pki_teardown(state);
}

/* ---- the tests ------------------------------------------------------------------------------- */

static void test_good_ones(void **state)
{
    (void)state;
    for (int i = 0; i < READERS; i++) {
        put(samples[i], strlen(samples[i]));
        refuses(i, NULL);
    }
}

/* in the place of the file */
static void test_no_file(void **state)
{
    char target[sizeof(path) + 10];

    (void)state;
    for (int i = 0; i < READERS; i++) {
        unlink(path);
        refuses(i, "No such file");
        assert_int_equal(mkdir(path, 0700), 0);
        refuses(i, "is a directory, not a regular file");
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        refuses(i, "is a FIFO, not a regular file");
        int fd = open(path, O_RDWR | O_CLOEXEC); /* with somebody who could write into it */
        refuses(i, "is a FIFO, not a regular file");
        close(fd);
        unlink(path);
        STR_PRINTF(target, "%s.real", path);
        put(samples[i], strlen(samples[i]));
        assert_int_equal(rename(path, target), 0);
        assert_int_equal(symlink(target, path), 0);
        refuses(i, i == KEYS || i == TLS_KEY ? "is a symbolic link" : NULL);
        unlink(path);
        unlink(target);
    }
}

static void test_whose(void **state)
{
    (void)state;
    for (int i = KEYS; i < READERS; i++) {
        if (i == JOURNAL)
            continue;
        put(samples[i], strlen(samples[i]));
        assert_int_equal(chmod(path, 0644), 0);
        refuses(i, "has mode 0644: others can reach it");
        assert_int_equal(chmod(path, 0600), 0);
        if (geteuid() == 0) {
            assert_int_equal(chown(path, 12345, 0), 0);
            refuses(i, "belongs to uid 12345");
        }
    }
}

static void test_empty_and_huge(void **state)
{
    static const char *const empty[] = {"required section", "holds no key", NULL, "private key"};
    static const char *const huge[] = {"is longer than 262144 bytes", "is longer than 65536 bytes",
                                       "is longer than 16777216 bytes",
                                       "is longer than 16384 bytes"};

    (void)state;
    for (int i = 0; i < READERS; i++) {
        put("", 0);
        refuses(i, empty[i]);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        assert_int_equal(ftruncate(fd, 100 << 20), 0); /* zeros to the end of 100 MiB */
        assert_int_equal(pwrite(fd, "x", 1, (100 << 20) - 1), 1);
        close(fd);
        refuses(i, huge[i]);
    }
}

/* Each sample with something put in at `at` of its bytes; words for each reader. */
static void with(const char *bytes, size_t len, const char *const words[READERS])
{
    for (int i = 0; i < READERS; i++) {
        AUTO(arena) a = arena_new();
        size_t rest = strlen(samples[i]);
        char *text = arena_alloc(a, len + rest);

        memcpy(text, bytes, len);
        memcpy(text + len, samples[i], rest);
        put(text, len + rest);
        refuses(i, words[i]);
    }
}

static void test_what_editors_do(void **state)
{
    static const char *const bom[] = {"file:1: the file begins with a byte order mark",
                                      "line 1: the file begins with a byte order mark", "line 1: ",
                                      NULL}; /* PEM: what stands before -----BEGIN is a comment */
    static const char *const nul[] = {"file:1: the line holds a NUL byte", "holds a zero byte",
                                      "line 1: ", NULL};
    static const char *const binary[] = {"file:1: the line holds a control character, 0x01",
                                         "line 1: ", "line 1: ", NULL};

    (void)state;
    with("\xef\xbb\xbf", 3, bom);
    with("a\0b\n", 4, nul);
    with("\x01\x80\xff\n", 4, binary);
}

/* carriage returns, and no newline at the end */
static void test_other_line_ends(void **state)
{
    (void)state;
    for (int i = 0; i < READERS; i++) {
        AUTO(arena) a = arena_new();
        char *text = arena_alloc(a, 2 * strlen(samples[i]) + 1), *to = text;

        for (const char *from = samples[i]; *from; from++) {
            if (*from == '\n')
                *to++ = '\r';
            *to++ = *from;
        }
        put(text, strlen(text));
        refuses(i, i == JOURNAL ? "line 1: it does not end in its hash" : NULL);
        put(samples[i], strlen(samples[i]) - 1);
        refuses(i, NULL); /* a journal's torn line is told by `torn`, and no error */
    }
}

static void test_lines(void **state)
{
    AUTO(arena) a = arena_new();
    char *text = arena_printf(a, "[cluster]\nname = %01100d\n", 1);

    (void)state;
    put(text, strlen(text));
    refuses(CONFIG, "file:2: the line has 1107 bytes; at most 400 are allowed");
    text = arena_printf(a, "key \"ctl\" {\n algorithm hmac-sha256;\n secret \"%0600d\"; };", 1);
    put(text, strlen(text));
    refuses(KEYS, "line 3: a value of more than 511 bytes");
    text = arena_printf(a, "%s%s", samples[KEYS], samples[KEYS]);
    put(text, strlen(text));
    refuses(KEYS, "several keys (\"ctl\" and \"ctl\")");
    text = arena_printf(a, "[cluster]\nname = a\nname = b\n");
    put(text, strlen(text));
    refuses(CONFIG, "file:3: key 'name' in [cluster]: duplicate: first in line 2");
    text = arena_printf(a, "[cluster]\nname = a\n[cluster]\n");
    put(text, strlen(text));
    refuses(CONFIG, "file:3: duplicate section [cluster]: first in line 1");
}

/* every byte of a journal, one bit of it: told with its line (the last newline: torn) */
static void test_flipped_journal(void **state)
{
    AUTO(arena) a = arena_new();
    char *text = arena_strdup(a, samples[JOURNAL]);
    size_t len = strlen(text);

    (void)state;
    for (size_t i = 0; i + 1 < len; i++) {
        text[i] = (char)(text[i] ^ 2);
        put(text, len);
        refuses(JOURNAL, ", line ");
        text[i] = (char)(text[i] ^ 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_ones),       cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_whose),           cmocka_unit_test(test_empty_and_huge),
        cmocka_unit_test(test_what_editors_do), cmocka_unit_test(test_other_line_ends),
        cmocka_unit_test(test_lines),           cmocka_unit_test(test_flipped_journal),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
