/* agent/state/state: what was saved comes back; anything else is an error and leaves the file. */
#include "agent/state/state.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/unit.h"

struct world {
    struct state_binding b;
    char path[300];
};

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));

    STR_COPY(w->b.directory, "/tmp/pgtandem-state.XXXXXX");
    assert_non_null(mkdtemp(w->b.directory));
    STR_COPY(w->b.machine, "0123456789abcd-db01");
    w->b.uid = geteuid();
    STR_COPY(w->b.register_name, "_pgtandem.db.ia2.test");
    w->b.sysid = 7300000000000000001U;
    STR_PRINTF(w->path, "%s/state.json", w->b.directory);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char lock[300];

    STR_PRINTF(lock, "%s/lock", w->b.directory);
    unlink(lock);
    unlink(w->path);
    rmdir(w->b.directory);
    mem_free(w);
    return 0;
}

static struct agent_state example(const struct world *w)
{
    struct agent_state s;

    assert_int_equal(state_load(&w->b, &s, NULL), 0);
    s.epoch = 8;
    s.seq = 3;
    STR_COPY(s.txn, "00112233445566ff");
    s.seen.epoch = 8;
    s.seen.state = REGISTER_FLIP;
    STR_COPY(s.seen.owner, "db01");
    register_from_add(&s.seen, "db02", GRADE_G1);
    s.seen.sysid = w->b.sysid;
    s.fenced = true;
    s.fence_was_primary = true;
    s.fence_tli = 5;
    s.fence_lsn = 0x1600000028;
    STR_COPY(s.fence_reason, "kernel \"update\"\n");
    s.cron_on = true;
    STR_COPY(s.upstream.node, "db02");
    s.upstream.port = 5432;
    return s;
}

static char *content(const struct world *w, struct arena *a, size_t *ret_len)
{
    char *text;

    assert_int_equal(file_read(w->path, 65536, a, &text, ret_len, NULL), 0);
    return text;
}

static void test_absent_is_fresh(void **state)
{
    struct world *w = *state;
    struct agent_state s;

    assert_int_equal(state_load(&w->b, &s, NULL), 0);
    assert_int_equal(s.epoch, 0);
    assert_string_equal(s.machine, w->b.machine);
    assert_true(s.sysid == w->b.sysid);
    assert_false(s.fenced || s.held || s.promoting || s.cron_on);
    assert_false(file_exists(w->path));
}

static void test_comes_back(void **state)
{
    struct world *w = *state;
    struct agent_state s = example(w), back;
    struct stat st;

    assert_int_equal(state_save(&w->b, &s, NULL), 0);
    assert_int_equal(state_load(&w->b, &back, NULL), 0);
    assert_memory_equal(&back, &s, sizeof(s));
    assert_int_equal(stat(w->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void refuse(const struct world *w, const struct state_binding *b, const char *word)
{
    AUTO(arena) a = arena_new();
    size_t before_len, after_len;
    char *before = content(w, a, &before_len);
    struct agent_state s, untouched;
    struct err e = {0};

    memset(&s, 'x', sizeof(s));
    memset(&untouched, 'x', sizeof(untouched));
    assert_int_equal(state_load(b, &s, &e), ERR_INVALID);
    assert_memory_equal(&s, &untouched, sizeof(s));
    if (!strstr(e.msg, word))
        fail_msg("'%s' is not in: %s", word, e.msg);
    assert_true(e.hint[0]);
    char *after = content(w, a, &after_len);
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before, after, before_len);
}

static void put(const struct world *w, const char *bytes, size_t len)
{
    assert_int_equal(file_replace(w->path, bytes, len, 0600, NULL), 0);
}

static void test_torn_at_every_byte(void **state)
{
    AUTO(arena) a = arena_new();
    struct world *w = *state;
    struct agent_state s = example(w);
    size_t len;

    assert_int_equal(state_save(&w->b, &s, NULL), 0);
    char *text = content(w, a, &len);
    for (size_t cut = 0; cut < len; cut++) {
        put(w, text, cut);
        refuse(w, &w->b, "torn");
    }
    put(w, arena_printf(a, "%s\n", text), len + 1);
    refuse(w, &w->b, "torn");
}

static void test_every_flipped_byte(void **state)
{
    AUTO(arena) a = arena_new();
    struct world *w = *state;
    struct agent_state s = example(w);
    size_t len;

    assert_int_equal(state_save(&w->b, &s, NULL), 0);
    char *text = content(w, a, &len);
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)(text[i] ^ 1);
        put(w, text, len);
        refuse(w, &w->b, "");
        text[i] = (char)(text[i] ^ 1);
    }
}

/* A downgrade: a newer program's file is whole, but this one does not know what it promises. */
static void test_a_newer_format(void **state)
{
    static const char json[] = "{\"format\":2,\"machine\":\"x\",\"shield\":true}";
    AUTO(arena) a = arena_new();
    struct world *w = *state;
    unsigned char sum[EVP_MAX_MD_SIZE];
    char hex[65];
    unsigned n;

    assert_int_equal(EVP_Digest(json, strlen(json), sum, &n, EVP_sha256(), NULL), 1);
    for (unsigned i = 0; i < n; i++)
        str_printf(hex + i * (size_t)2, 3, "%02x", sum[i]);
    const char *text = arena_printf(a, "%s\nsha256 %s\n", json, hex);
    put(w, text, strlen(text));
    refuse(w, &w->b,
           "a newer version of pgtandem has written it (format 2, this program reads up to 1)");
}

static void test_foreign(void **state)
{
    struct world *w = *state;
    struct agent_state s = example(w);
    struct state_binding other = w->b;

    assert_int_equal(state_save(&w->b, &s, NULL), 0);
    STR_COPY(other.machine, "0123456789abcd-db02");
    refuse(w, &other, "machine");
    other = w->b;
    other.uid++;
    refuse(w, &other, "uid");
    other = w->b;
    STR_COPY(other.register_name, "_pgtandem.other.test");
    refuse(w, &other, "register");
    other = w->b;
    other.sysid++;
    refuse(w, &other, "system identifier");
    other = w->b;
    other.sysid = 0; /* pg_control unreadable: the other three decide */
    assert_int_equal(state_load(&other, &s, NULL), 0);
}

static void test_wide_mode(void **state)
{
    struct world *w = *state;
    struct agent_state s = example(w);

    assert_int_equal(state_save(&w->b, &s, NULL), 0);
    assert_int_equal(chmod(w->path, 0620), 0);
    refuse(w, &w->b, "mode");
}

static void test_sysid_is_learnt_later(void **state)
{
    struct world *w = *state;
    struct state_binding blind = w->b;
    struct agent_state s;

    blind.sysid = 0;
    assert_int_equal(state_load(&blind, &s, NULL), 0);
    assert_int_equal(state_save(&blind, &s, NULL), 0);
    assert_int_equal(state_load(&w->b, &s, NULL), 0);
    assert_true(s.sysid == w->b.sysid);
}

static void test_no_directory_is_not_fresh(void **state)
{
    struct world *w = *state;
    struct state_binding gone = w->b;
    struct agent_state s;
    struct err e = {0};

    STR_COPY(gone.directory, "/tmp/pgtandem-state.none");
    assert_int_equal(state_load(&gone, &s, &e), ERR_INVALID);
    assert_non_null(strstr(e.msg, "is not there"));
}

/* Known bytes are not understood again; everything else about the file is looked at each time. */
static void test_what_is_known_is_still_looked_at(void **state)
{
    struct world *w = *state;
    struct agent_state s = example(w), back = {0};
    struct state_known known = {.len = 0};
    struct state_binding other = w->b;

    assert_int_equal(state_save(&w->b, &s, NULL), 0);
    for (int i = 0; i < 2; i++) {
        memset(&back, 0, sizeof(back));
        assert_int_equal(state_load_again(&w->b, &known, &back, NULL), 0);
        assert_memory_equal(&back, &s, sizeof(s));
    }
    other.sysid++; /* another data directory has come */
    assert_int_equal(state_load_again(&other, &known, &back, NULL), ERR_INVALID);
    assert_int_equal(chmod(w->path, 0620), 0);
    assert_int_equal(state_load_again(&w->b, &known, &back, NULL), ERR_INVALID);
    assert_int_equal(chmod(w->path, 0600), 0);
    s.epoch++; /* the guard, another program, has written */
    assert_int_equal(state_save(&w->b, &s, NULL), 0);
    assert_int_equal(state_load_again(&w->b, &known, &back, NULL), 0);
    assert_memory_equal(&back, &s, sizeof(s));
    assert_int_equal(truncate(w->path, 100), 0);
    assert_int_equal(state_load_again(&w->b, &known, &back, NULL), ERR_INVALID);
    assert_int_equal(unlink(w->path), 0);
    assert_int_equal(state_load_again(&w->b, &known, &back, NULL), 0);
    assert_int_equal(back.epoch, 0);
    state_forget(&known);
}

static void test_one_lock(void **state)
{
    struct world *w = *state;
    int first, second;
    struct err e = {0};

    assert_int_equal(state_lock(&w->b, 0, &first, NULL), 0);
    assert_int_equal(state_lock(&w->b, 0, &second, &e), ERR_HELD);
    close(first);
    assert_int_equal(state_lock(&w->b, 0, &second, NULL), 0);
    close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_absent_is_fresh, setup, teardown),
        cmocka_unit_test_setup_teardown(test_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_known_is_still_looked_at, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torn_at_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_flipped_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_newer_format, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wide_mode, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sysid_is_learnt_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_directory_is_not_fresh, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_lock, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
