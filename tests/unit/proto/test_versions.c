/* proto/messages: a program of protocol 1 is told what protocol 1 knew, and not a key more. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/messages.h"
#include "tests/unit/unit.h"

enum { KEY_BYTES = 256 };

/* The keys of protocol 1, for ever: programs of that version refuse any other. Who has come here
 * because this test failed has added a row without `.since = 2`. */
static const char *const protocol_1[] = {
#include "tests/unit/proto/protocol_1.inc"
};

/* What a reader of that version takes: how long a text, how many elements, which names. The verbs
 * have a version each; a role's certificate is refused by whoever does not know that role. */
static void add_bounds(const struct field *f, char key[KEY_BYTES])
{
    size_t used = strlen(key);

    if (f->type == FIELD_STRING)
        str_printf(key + used, KEY_BYTES - used, " %zu", f->size);
    if (f->type == FIELD_TEXT || f->type == FIELD_LIST)
        str_printf(key + used, KEY_BYTES - used, " %lld", (long long)f->max);
    if (f->type != FIELD_ENUM || f->names == verb_names || f->names == peer_role_names)
        return;
    for (size_t i = 0; f->names[i]; i++)
        str_printf(key + strlen(key), KEY_BYTES - strlen(key), "%s%s", i ? ", " : " ", f->names[i]);
}

static void depth_first(const struct field_table *t, const char *path, int version,
                        const char **keys, size_t *n, struct arena *a)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct field *f = &t->fields[i];
        char *key = arena_alloc(a, KEY_BYTES), *shown = arena_alloc(a, KEY_BYTES);

        if (f->since > version)
            continue;
        str_printf(key, KEY_BYTES, "%s.%s", path, f->name);
        str_copy(shown, KEY_BYTES, key);
        add_bounds(f, shown);
        keys[(*n)++] = shown;
        if (f->sub)
            depth_first(f->sub, key, version, keys, n, a);
    }
}

static void test_protocol_1_stays_as_it_is(void **state)
{
    AUTO(arena) a = arena_new();
    const char *keys[512];
    size_t n = 0;

    (void)state;
    depth_first(&hello_table, "hello", 1, keys, &n, a);
    depth_first(&request_table, "request", 1, keys, &n, a);
    depth_first(&reply_table, "reply", 1, keys, &n, a);
    for (size_t i = 0; i < n || i < sizeof(protocol_1) / sizeof(protocol_1[0]); i++) {
        if (i >= n || i >= sizeof(protocol_1) / sizeof(protocol_1[0]) ||
            strcmp(keys[i], protocol_1[i]) != 0)
            fail_msg("protocol 1 has \"%s\" where the table has \"%s\" for it",
                     i < sizeof(protocol_1) / sizeof(protocol_1[0]) ? protocol_1[i] : "(its end)",
                     i < n ? keys[i] : "(its end)");
    }
}

static void check_rows(const struct field_table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct field *f = &t->fields[i];

        assert_true(f->since <= PROTO_VERSION);
        if (f->since > PROTO_VERSION_MIN && f->flags & FIELD_REQUIRED)
            fail_msg("%s.%s is required, and an older peer does not have it", t->name, f->name);
        if (f->sub)
            check_rows(f->sub);
    }
}

static void test_no_newer_row_is_required(void **state)
{
    (void)state;
    check_rows(&request_table);
    check_rows(&reply_table);
    for (size_t i = 0; i < hello_table.count; i++)
        assert_int_equal(hello_table.fields[i].since, 0); /* the hello comes before the version */
    for (int v = 0; v < VERB_COUNT; v++)
        assert_in_range(verb_since((enum verb)v), 1, PROTO_VERSION);
}

static void test_an_older_reader_gets_no_newer_key(void **state)
{
    AUTO(arena) a = arena_new();
    struct reply *sent = arena_alloc(a, sizeof(*sent)), *got = arena_alloc(a, sizeof(*got));
    struct err e;

    (void)state;
    sent->ok = true;
    sent->obs.mode = MODE_OBSERVE;
    sent->obs.certificate_days = 12;
    char *now = field_to_text_at(&reply_table, sent, PROTO_VERSION, a);
    char *then = field_to_text_at(&reply_table, sent, 1, a);
    assert_non_null(strstr(now, "\"mode\":\"observe\""));
    assert_null(strstr(then, "\"mode\""));
    assert_null(strstr(then, "certificate_days"));
    /* and what an older writer did not say is at its default here */
    assert_int_equal(field_from_text(&reply_table, then, strlen(then), got, a, &e), 0);
    assert_int_equal(got->obs.mode, MODE_ACT);
    assert_int_equal(got->obs.certificate_days, -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocol_1_stays_as_it_is),
        cmocka_unit_test(test_no_newer_row_is_required),
        cmocka_unit_test(test_an_older_reader_gets_no_newer_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
