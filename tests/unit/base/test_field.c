/* base/field: a struct to JSON and back, and every kind of JSON that is refused. */
#include "base/field.h"

#include <string.h>

#include "base/err.h"
#include "base/lsn.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/unit.h"

struct sender {
    char name[8];
    int state;
    uint64_t sent;
};

struct place {
    int64_t floor;
    bool lit;
};

struct report {
    char node[16];
    char *note;
    bool writable;
    int64_t lag_bytes;
    uint64_t sysid;
    uint64_t receive;
    int role;
    struct place place;
    struct sender senders[2];
    size_t n_senders;
    int not_a_field;
};

static const char *const roles[] = {"unknown", "primary", "standby", NULL};
static const char *const states[] = {"startup", "catchup", "streaming", NULL};

/* clang-format off */
static const struct field sender_fields[] = {
    F_STRING(struct sender, name,  FIELD_REQUIRED, NULL, "application_name"),
    F_ENUM(struct sender,   state, 0, states, "startup", "pg_stat_replication.state"),
    F_LSN(struct sender,    sent,  0, "sent_lsn"),
};
static FIELD_TABLE(sender_table, struct sender, "sender", sender_fields);

static const struct field place_fields[] = {
    F_INT(struct place,  floor, 0, -2, 40, "3", "storeys above the ground"),
    F_BOOL(struct place, lit,   0, "on", "light"),
};
static FIELD_TABLE(place_table, struct place, "place", place_fields);

static const struct field report_fields[] = {
    F_STRING(struct report, node,      FIELD_REQUIRED, NULL, "its name"),
    F_TEXT(struct report,   note,      0, 32, "free text"),
    F_BOOL(struct report,   writable,  0, NULL, "accepts commits"),
    F_INT(struct report,    lag_bytes, 0, 0, INT64_MAX, "100", "bytes behind"),
    F_ID(struct report,     sysid,     0, "system identifier"),
    F_LSN(struct report,    receive,   0, "pg_last_wal_receive_lsn"),
    F_ENUM(struct report,   role,      0, roles, "unknown", "what it is"),
    F_STRUCT(struct report, place,     0, &place_table, "where it stands"),
    F_LIST(struct report,   senders,   n_senders, 0, &sender_table, "who streams from it"),
};
static FIELD_TABLE(report_table, struct report, "report", report_fields);
/* clang-format on */

static const struct report example = {
    .node = "db01",
    .writable = true,
    .lag_bytes = INT64_MAX,
    .sysid = UINT64_MAX,
    .receive = 0x16B374D848,
    .role = 2,
    .place = {.floor = -1, .lit = false},
    .senders = {{"vm", 2, 1}, {"db02", 0, 0xFFFFFFFFFFFFFFFF}},
    .n_senders = 2,
};

static const char example_text[] =
    "{\"node\":\"db01\",\"note\":null,\"writable\":true,\"lag_bytes\":9223372036854775807,"
    "\"sysid\":\"18446744073709551615\",\"receive\":\"16/B374D848\",\"role\":\"standby\","
    "\"place\":{\"floor\":-1,\"lit\":false},"
    "\"senders\":[{\"name\":\"vm\",\"state\":\"streaming\",\"sent\":\"0/1\"},"
    "{\"name\":\"db02\",\"state\":\"startup\",\"sent\":\"FFFFFFFF/FFFFFFFF\"}]}";

static int parse(const char *text, struct report *r, struct arena *a, struct err *e)
{
    return field_from_text(&report_table, text, strlen(text), r, a, e);
}

static void test_round_trip(void **state)
{
    AUTO(arena) a = arena_new();
    struct report r = {.not_a_field = 7};
    struct err e = {0};

    (void)state;
    assert_string_equal(field_to_text(&report_table, &example, a), example_text);
    assert_int_equal(parse(example_text, &r, a, &e), 0);
    assert_string_equal(field_to_text(&report_table, &r, a), example_text);
    assert_null(r.note);
    assert_true(r.sysid == UINT64_MAX);
    assert_true(r.receive == 0x16B374D848);
    assert_int_equal(r.n_senders, 2);
    assert_int_equal(r.senders[0].state, 2);
    assert_int_equal(r.not_a_field, 7);
}

static void test_defaults(void **state)
{
    AUTO(arena) a = arena_new();
    struct report r;
    struct err e = {0};

    (void)state;
    memset(&r, 0xff, sizeof(r));
    assert_int_equal(parse("{\"node\":\"x\",\"senders\":[{\"name\":\"a\"}]}", &r, a, &e), 0);
    assert_string_equal(r.node, "x");
    assert_null(r.note);
    assert_false(r.writable);
    assert_int_equal(r.lag_bytes, 100);
    assert_int_equal(r.role, 0);
    assert_int_equal(r.place.floor, 3);
    assert_true(r.place.lit);
    assert_int_equal(r.n_senders, 1);
    assert_int_equal(r.senders[0].state, 0);
    assert_int_equal(r.senders[0].sent, 0);

    field_defaults(&report_table, &r);
    assert_string_equal(r.node, "");
    assert_int_equal(r.n_senders, 0);
}

static void test_text_is_kept_whole(void **state)
{
    AUTO(arena) a = arena_new();
    struct report r = {0};
    struct err e = {0};
    static const char text[] = "{\"node\":\"x\",\"note\":\"a\\n\\\"b\\u00e9 \\t\"}";

    (void)state;
    assert_int_equal(parse(text, &r, a, &e), 0);
    assert_string_equal(r.note, "a\n\"b\xc3\xa9 \t");
    const char *again = field_to_text(&report_table, &r, a);
    assert_null(strchr(again, '\n')); /* one line: the journal depends on it */
    struct report second = {0};
    assert_int_equal(parse(again, &second, a, &e), 0);
    assert_string_equal(second.note, r.note);
}

static void test_text_that_is_not_utf8(void **state)
{
    struct report r = {.node = "caf\xe9"};

    (void)state;
    json_t *json = field_to_json(&report_table, &r);
    assert_string_equal(json_string_value(json_object_get(json, "node")), "caf?");
    json_decref(json);
}

/* the rest of the message is in jansson's words */
static void test_not_json(void **state)
{
    static const char *const texts[] = {
        "",
        "{\"node\":\"x\"",
        "{\"node\":\"x\"} {}",
        "{\"node\":\"x\",\"node\":\"y\"}",
        "{\"node\":\"a\\u0000b\"}",
        "{\"node\":\"\xff\"}",
        "{\"node\":\"x\",\"lag_bytes\":9223372036854775808}",
    };
    AUTO(arena) a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct report r = example;
        struct err e = {0};

        assert_int_equal(parse(texts[i], &r, a, &e), ERR_INVALID);
        assert_non_null(strstr(e.msg, "report: not JSON: line 1, column "));
        assert_memory_equal(&r, &example, sizeof(r));
    }
}

struct refusal {
    const char *json;
    const char *message;
};

/* clang-format off */
static const struct refusal refusals[] = {
    /* what it is given                        what it says */
    {"[]",                                     "report: must be an object, it is a list"},
    {"{}",                                     "report: node: required key is missing"},
    {"{\"node\":null}",                        "report: node: must be a string, it is null"},
    {"{\"node\":7}",                           "report: node: must be a string, it is an integer"},
    {"{\"node\":\"0123456789abcdef\"}",        "report: node: 16 bytes are too long; at most 15 fit"},
    {"{\"node\":\"x\",\"nodes\":1}",           "report: nodes: unknown key"},
    {"{\"node\":\"x\",\"note\":1}",            "report: note: must be a string or null, it is an integer"},
    {"{\"node\":\"x\",\"note\":\"123456789012345678901234567890123\"}",
                                               "report: note: 33 bytes are too long; at most 32 fit"},
    {"{\"node\":\"x\",\"writable\":\"yes\"}",  "report: writable: must be true or false, it is a string"},
    {"{\"node\":\"x\",\"writable\":null}",     "report: writable: must be true or false, it is null"},
    {"{\"node\":\"x\",\"lag_bytes\":-1}",      "report: lag_bytes: must be from 0 to 9223372036854775807, it is -1"},
    {"{\"node\":\"x\",\"lag_bytes\":1.0}",     "report: lag_bytes: must be an integer, it is a real"},
    {"{\"node\":\"x\",\"lag_bytes\":\"1\"}",   "report: lag_bytes: must be an integer, it is a string"},
    {"{\"node\":\"x\",\"lag_bytes\":null}",    "report: lag_bytes: must be an integer, it is null"},
    {"{\"node\":\"x\",\"sysid\":7301}",        "report: sysid: must be a string, it is an integer"},
    {"{\"node\":\"x\",\"sysid\":\"-1\"}",      "report: sysid: '-1' is not an identifier of decimal digits"},
    {"{\"node\":\"x\",\"sysid\":\"18446744073709551616\"}",
                                               "report: sysid: '18446744073709551616' is not an identifier of decimal digits"},
    {"{\"node\":\"x\",\"receive\":\"0\"}",     "report: receive: '0' is not an LSN such as 0/3000148"},
    {"{\"node\":\"x\",\"role\":\"leader\"}",   "report: role: 'leader' is none of: unknown, primary, standby"},
    {"{\"node\":\"x\",\"role\":1}",            "report: role: must be a string, it is an integer"},
    {"{\"node\":\"x\",\"place\":[]}",          "report: place: must be an object, it is a list"},
    {"{\"node\":\"x\",\"place\":{\"floor\":41}}", "report: place.floor: must be from -2 to 40, it is 41"},
    {"{\"node\":\"x\",\"place\":{\"door\":1}}", "report: place.door: unknown key"},
    {"{\"node\":\"x\",\"senders\":{}}",        "report: senders: must be a list, it is an object"},
    {"{\"node\":\"x\",\"senders\":[1]}",       "report: senders[0]: must be an object, it is an integer"},
    {"{\"node\":\"x\",\"senders\":[{\"name\":\"a\"},{}]}", "report: senders[1].name: required key is missing"},
    {"{\"node\":\"x\",\"senders\":[{\"name\":\"a\",\"state\":\"gone\"}]}",
                                               "report: senders[0].state: 'gone' is none of: startup, catchup, streaming"},
    {"{\"node\":\"x\",\"senders\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}]}",
                                               "report: senders: at most 2 fit, there are 3"},
};
/* clang-format on */

static void test_refusals(void **state)
{
    AUTO(arena) a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct report r = example;
        struct err e = {0};

        assert_int_equal(parse(refusals[i].json, &r, a, &e), ERR_INVALID);
        assert_string_equal(e.msg, refusals[i].message);
        assert_memory_equal(&r, &example, sizeof(r)); /* untouched */
        assert_int_equal(parse(refusals[i].json, &r, a, NULL), ERR_INVALID);
    }
}

/* a message that was cut anywhere on its way is never taken for a whole one */
static void test_cut_at_every_byte(void **state)
{
    AUTO(arena) a = arena_new();

    (void)state;
    for (size_t len = 0; len < strlen(example_text); len++) {
        struct report r = {0};

        assert_int_equal(field_from_text(&report_table, example_text, len, &r, a, NULL),
                         ERR_INVALID);
    }
}

static void test_a_string_with_nul_from_json(void **state)
{
    AUTO(arena) a = arena_new();
    struct report r = {0};
    struct err e = {0};
    json_t *json = json_pack("{s:s%}", "node", "a\0b", (size_t)3);

    (void)state;
    assert_non_null(json);
    assert_int_equal(field_from_json(&report_table, json, &r, a, &e), ERR_INVALID);
    assert_string_equal(e.msg, "report: node: holds a NUL byte");
    json_decref(json);
}

static int set(struct report *r, const char *name, const char *value, struct err *e)
{
    static struct arena *a;
    const struct field *f = field_find(&report_table, name);

    if (!a)
        a = arena_new();
    assert_non_null(f);
    int rc = field_set(f, r, value, a, e);
    if (strcmp(name, "note") != 0) {
        arena_free(a);
        a = NULL;
    }
    return rc;
}

static void test_set_and_get(void **state)
{
    /* clang-format off */
    static const char *const rows[][3] = {
        {"node", "vm", "vm"},     {"writable", "ON", "yes"}, {"writable", "0", "no"},
        {"writable", "True", "yes"}, {"lag_bytes", "0", "0"},   {"sysid", "7301", "7301"},
        {"receive", "0/3000148", "0/3000148"}, {"role", "primary", "primary"},
    };
    /* clang-format on */
    struct report r = {0};
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(set(&r, rows[i][0], rows[i][1], NULL), 0);
        assert_true(field_get(field_find(&report_table, rows[i][0]), &r, text, sizeof(text)));
        assert_string_equal(text, rows[i][2]);
    }
    assert_true(field_get(field_find(&report_table, "note"), &r, text, sizeof(text)));
    assert_string_equal(text, "");
    assert_false(field_get(field_find(&report_table, "receive"), &r, text, 4));

    struct field secret = *field_find(&report_table, "node");
    secret.flags |= FIELD_SECRET;
    assert_true(field_get(&secret, &r, text, sizeof(text)));
    assert_string_equal(text, "(secret)");
}

static void test_set_refuses(void **state)
{
    struct report r = example;
    struct err e = {0};

    (void)state;
    assert_int_equal(set(&r, "lag_bytes", "many", &e), ERR_INVALID);
    assert_string_equal(e.msg, "'many' is not a whole number from 0 to 9223372036854775807");
    assert_int_equal(set(&r, "writable", "maybe", &e), ERR_INVALID);
    assert_string_equal(e.msg, "'maybe' is neither yes nor no");
    assert_int_equal(set(&r, "place", "here", &e), ERR_INVALID);
    assert_memory_equal(&r, &example, sizeof(r));
    assert_null(field_find(&report_table, "absent"));
}

static void test_lsn(void **state)
{
    static const char *const bad[] = {"",     "/",    "0/",          "/0",  "0/0/0",
                                      " 0/0", "0/0 ", "123456789/0", "g/0", "0x1/0",
                                      "-1/0", "0",    "0/123456789"};
    uint64_t lsn = 42;
    char text[LSN_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(lsn_parse(bad[i], &lsn));
    assert_int_equal(lsn, 42);
    assert_true(lsn_parse("16/b374D848", &lsn));
    assert_true(lsn == 0x16B374D848);
    assert_string_equal(lsn_text(lsn, text), "16/B374D848");
    assert_string_equal(lsn_text(0, text), "0/0");
    assert_string_equal(lsn_text(UINT64_MAX, text), "FFFFFFFF/FFFFFFFF");
    assert_true(lsn_parse(text, &lsn));
    assert_true(lsn == UINT64_MAX);
}

/* ---- versions of a format -------------------------------------------------------------------- */

struct later_part {
    int64_t old;
    int64_t new;
};
struct later {
    int64_t old;
    bool force;
    int64_t hint;
    struct later_part parts[2];
    size_t n_parts;
};

static const struct field later_part_fields[] = {
    F_INT(struct later_part, old, 0, 0, 9, NULL, "of version 1"),
    F_INT(struct later_part, new, 0, 0, 9, "5", "came with 3", .since = 3),
};
static FIELD_TABLE(later_part_table, struct later_part, "part", later_part_fields);
static const struct field later_fields[] = {
    F_INT(struct later, old, 0, 0, 9, NULL, "of version 1"),
    F_BOOL(struct later, force, 0, NULL, "came with 2", .since = 2),
    F_INT(struct later, hint, FIELD_OMISSIBLE, 0, 9, NULL, "came with 2", .since = 2),
    F_LIST(struct later, parts, n_parts, 0, &later_part_table, "of version 1"),
};
static FIELD_TABLE(later_table, struct later, "later", later_fields);

static void test_an_older_format(void **state)
{
    AUTO(arena) a = arena_new();
    struct later l = {
        .old = 1, .force = true, .hint = 7, .parts = {{.old = 2, .new = 5}}, .n_parts = 1};
    const struct field *f;

    (void)state;
    assert_string_equal(field_to_text_at(&later_table, &l, 1, a),
                        "{\"old\":1,\"parts\":[{\"old\":2}]}");
    assert_string_equal(field_to_text_at(&later_table, &l, 2, a),
                        "{\"old\":1,\"force\":true,\"hint\":7,\"parts\":[{\"old\":2}]}");
    assert_string_equal(field_to_text_at(&later_table, &l, 3, a),
                        "{\"old\":1,\"force\":true,\"hint\":7,\"parts\":[{\"old\":2,\"new\":5}]}");
    assert_string_equal(field_to_text(&later_table, &l, a),
                        field_to_text_at(&later_table, &l, 3, a));

    assert_int_equal(field_version_needed(&later_table, &l, &f), 2);
    assert_string_equal(f->name, "force");
    l.force = false; /* at its default: nobody misses it; and a hint may be missed */
    assert_int_equal(field_version_needed(&later_table, &l, &f), 0);
    assert_null(f);
    l.force = true;
    l.parts[0].new = 6;
    assert_int_equal(field_version_needed(&later_table, &l, &f), 3);
    assert_string_equal(f->name, "new");
    l.n_parts = 0;
    assert_int_equal(field_version_needed(&later_table, &l, NULL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_text_is_kept_whole),
        cmocka_unit_test(test_text_that_is_not_utf8),
        cmocka_unit_test(test_not_json),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_a_string_with_nul_from_json),
        cmocka_unit_test(test_set_and_get),
        cmocka_unit_test(test_set_refuses),
        cmocka_unit_test(test_lsn),
        cmocka_unit_test(test_an_older_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
