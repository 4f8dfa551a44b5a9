/* proto/messages, proto/hello: every field makes the round trip, the worst reply fits a frame. */
#include "proto/messages.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/frame.h"
#include "proto/hello.h"
#include "tests/unit/unit.h"

/* ---- filling any struct by its table --------------------------------------------------------- */

/* `fill` is repeated in strings, lists are full, numbers are at their upper bound; each member gets
 * another value, so that two mixed up members would be found */
static void fill(const struct field_table *t, void *obj, char letter, unsigned *counter)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct field *f = &t->fields[i];
        char *member = (char *)obj + f->offset;
        unsigned n = ++*counter;
        size_t names = 0, count = (size_t)f->max;

        switch (f->type) {
        case FIELD_STRING:
            memset(member, letter ? letter : 'a' + (char)(n % 26), f->size - 1);
            break;
        case FIELD_TEXT:
            *(char **)member = NULL;
            break;
        case FIELD_BOOL:
            *(bool *)member = letter ? false : n % 2; /* "false" is the longer one */
            break;
        case FIELD_INT:
            *(int64_t *)member = f->max - (letter ? 0 : n % 5);
            break;
        case FIELD_ID:
        case FIELD_LSN:
            *(uint64_t *)member = UINT64_MAX - (letter ? 0 : n);
            break;
        case FIELD_ENUM:
            while (f->names[names])
                names++;
            *(int *)member = (int)(n % names);
            break;
        case FIELD_STRUCT:
            fill(f->sub, member, letter, counter);
            break;
        case FIELD_LIST:
            for (size_t k = 0; k < count; k++)
                fill(f->sub, member + k * f->size, letter, counter);
            memcpy((char *)obj + f->count_offset, &count, sizeof(count));
            break;
        }
    }
}

static void round_trip(const struct field_table *t)
{
    AUTO(arena) a = arena_new();
    void *sent = arena_alloc(a, t->size), *got = arena_alloc(a, t->size);
    unsigned counter = 0;
    struct err e;

    fill(t, sent, 0, &counter);
    char *text = field_to_text(t, sent, a);
    if (field_from_text(t, text, strlen(text), got, a, &e) < 0)
        fail_msg("%s", e.msg);
    assert_string_equal(field_to_text(t, got, a), text);
    assert_memory_equal(sent, got, t->size); /* no member is forgotten in the table */
}

static void test_every_field_makes_the_round_trip(void **state)
{
    (void)state;
    round_trip(&hello_table);
    round_trip(&request_table);
    round_trip(&node_obs_table);
    round_trip(&reply_table);
}

/* Does the table name each byte of the struct? Set all bytes that no field describes, compare. */
static size_t described(const struct field_table *t)
{
    size_t bytes = 0;

    for (size_t i = 0; i < t->count; i++) {
        const struct field *f = &t->fields[i];
        switch (f->type) {
        case FIELD_STRING:
            bytes += f->size;
            break;
        case FIELD_TEXT:
            bytes += sizeof(char *);
            break;
        case FIELD_BOOL:
            bytes += sizeof(bool);
            break;
        case FIELD_INT:
            bytes += sizeof(int64_t);
            break;
        case FIELD_ID:
        case FIELD_LSN:
            bytes += sizeof(uint64_t);
            break;
        case FIELD_ENUM:
            bytes += sizeof(int);
            break;
        case FIELD_STRUCT:
            bytes += f->sub->size;
            break;
        case FIELD_LIST:
            bytes += (size_t)f->max * f->size + sizeof(size_t);
            break;
        }
        if (f->sub)
            assert_true(described(f->sub) <= f->sub->size);
    }
    return bytes;
}

static void check_described(const struct field_table *t)
{
    /* padding: less than 8 bytes for each member is a generous bound, a forgotten string is not */
    if (t->size - described(t) > 40)
        fail_msg("%s: %zu of %zu bytes are described", t->name, described(t), t->size);
    for (size_t i = 0; i < t->count; i++)
        if (t->fields[i].sub)
            check_described(t->fields[i].sub);
}

static void test_no_member_is_forgotten(void **state)
{
    (void)state;
    check_described(&hello_table);
    check_described(&request_table);
    check_described(&reply_table);
}

static void test_each_field_has_help(void **state)
{
    const struct field_table *tables[] = {&hello_table, &request_table, &reply_table,
                                          &node_obs_table};

    (void)state;
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < tables[i]->count; k++)
            assert_non_null(tables[i]->fields[k].help);
}

/* ---- size ------------------------------------------------------------------------------------ */

static void test_the_worst_reply_fits(void **state)
{
    /* a control character is the longest in JSON: \u0001; a quote is the worst that is printable */
    static const struct {
        char letter;
        size_t at_most;
    } cases[] = {{'\1', FRAME_CAP_BYTES}, {'"', 40000}, {'x', 30000}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        AUTO(arena) a = arena_new();
        struct reply *r = arena_alloc(a, sizeof(*r));
        unsigned counter = 0;
        fill(&reply_table, r, cases[i].letter, &counter);
        size_t len = strlen(field_to_text(&reply_table, r, a));
        print_message("worst reply of %s: %zu bytes\n",
                      i == 0   ? "controls"
                      : i == 1 ? "quotes"
                               : "letters",
                      len);
        assert_true(len <= cases[i].at_most);
    }
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void test_refusals_name_the_key(void **state)
{
    static const char *const cases[][2] = {
        {"{\"ok\":true,\"surprise\":1}", "surprise: unknown key"},
        {"{\"ok\":true,\"ok\":true}", "duplicate"},
        {"{}", "ok: required key is missing"},
        {"{\"ok\":1}", "ok: must be true or false"},
        {"{\"ok\":true,\"obs\":{\"pg\":{\"slots\":[{\"name\":\"a\"},{\"nam\":1}]}}}",
         "obs.pg.slots[1].nam: unknown key"},
        {"{\"ok\":true,\"obs\":{\"pg\":{\"role\":\"king\"}}}", "obs.pg.role"},
        {"{\"ok\":true,\"obs\":{\"pg\":{\"tli\":4294967296}}}", "obs.pg.tli"},
        {"{\"ok\":true,\"obs\":{\"pg\":{\"tli\":-1}}}", "obs.pg.tli"},
        {"{\"ok\":true,\"obs\":{\"evidence\":[{},{}]}}", "obs.evidence: at most 1 fit"},
        {"{\"ok\":true,\"obs\":{\"node\":\"a-name-that-is-longer-than-24\"}}", "obs.node"},
    };
    AUTO(arena) a = arena_new();
    struct reply *r = arena_alloc(a, sizeof(*r));
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(field_from_text(&reply_table, cases[i][0], strlen(cases[i][0]), r, a, &e) < 0);
        if (!strstr(e.msg, cases[i][1]))
            fail_msg("expected \"%s\", got \"%s\"", cases[i][1], e.msg);
    }
}

static void test_verbs(void **state)
{
    (void)state;
    assert_false(verb_changes(VERB_OBSERVE));
    assert_false(verb_changes(VERB_EVIDENCE));
    assert_false(verb_changes(VERB_CRON_SHOW));
    assert_true(verb_changes(VERB_ARM));
    assert_true(verb_changes(VERB_CRON_WRITE));
    assert_false(verb_changes(VERB_COUNT));
    assert_false(verb_changes((enum verb) - 1));
    assert_string_equal(verb_names[VERB_CRON_WRITE], "cron-write");
    assert_null(verb_names[VERB_COUNT]);
}

/* ---- hello ----------------------------------------------------------------------------------- */

static int read_hello(const char *json, struct err *e)
{
    struct hello ours, theirs;

    hello_fill(&ours, PEER_CONTROLLER, "ia2", "ctl");
    return hello_read(json, strlen(json), &ours, &theirs, e);
}

static void test_hello_versions(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(read_hello("{\"version_min\":1,\"version_max\":4,\"cluster\":\"ia2\","
                                "\"role\":\"agent\",\"node\":\"db01\"}",
                                &e),
                     0);
    /* of another age: its keys are not judged, its versions are named */
    assert_int_equal(
        read_hello("{\"version_min\":4,\"version_max\":5,\"software\":\"pgtandem 2.0\","
                   "\"colour\":\"blue\"}",
                   &e),
        ERR_PROTOCOL);
    assert_string_equal(e.msg, "no common protocol version: the peer (pgtandem 2.0) speaks 4 to 5, "
                               "we (pgtandem 0.1.0) speak 1 to 3");
    /* of ours: they are */
    assert_int_equal(read_hello("{\"version_min\":1,\"version_max\":1,\"colour\":\"blue\"}", &e),
                     ERR_PROTOCOL);
    assert_non_null(strstr(e.msg, "colour"));
    assert_int_equal(read_hello("{\"version_min\":\"1\",\"version_max\":1}", &e), ERR_PROTOCOL);
    assert_int_equal(read_hello("[1,2]", &e), ERR_PROTOCOL);
    assert_int_equal(read_hello("7", &e), ERR_PROTOCOL);
}

static void test_hello_says_what_the_certificate_says(void **state)
{
    struct hello h;

    (void)state;
    hello_fill(&h, PEER_AGENT, "ia2", "db01");
    assert_int_equal(hello_check_identity(&h, "ia2", PEER_AGENT, "db01", NULL), 0);
    assert_int_equal(hello_check_identity(&h, "ia3", PEER_AGENT, "db01", NULL), ERR_PROTOCOL);
    assert_int_equal(hello_check_identity(&h, "ia2", PEER_AGENT, "db02", NULL), ERR_PROTOCOL);
    assert_int_equal(hello_check_identity(&h, "ia2", PEER_CONTROLLER, "", NULL), ERR_PROTOCOL);
    hello_fill(&h, PEER_CONTROLLER, "ia2", "a-host-with-a-name-longer-than-24-letters");
    assert_int_equal(hello_check_identity(&h, "ia2", PEER_CONTROLLER, "", NULL), 0);
}

/* every one-line string, also inside lists; the one text stays as it is */
static void test_made_printable(void **state)
{
    AUTO(arena) a = arena_new();
    struct reply *r = arena_alloc(a, sizeof(*r));

    (void)state;
    STR_COPY(r->msg, "a\x1b[2Jb");
    STR_COPY(r->obs.pg.problem, "x\ny");
    STR_COPY(r->obs.pg.senders[0].state, "\b");
    r->obs.pg.n_senders = 1;
    r->text = arena_strdup(a, "* * * * *\ttrue\n");
    field_make_printable(&reply_table, r);
    assert_string_equal(r->msg, "a?[2Jb");
    assert_string_equal(r->obs.pg.problem, "x y");
    assert_string_equal(r->obs.pg.senders[0].state, "?");
    assert_string_equal(r->text, "* * * * *\ttrue\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_makes_the_round_trip),
        cmocka_unit_test(test_no_member_is_forgotten),
        cmocka_unit_test(test_each_field_has_help),
        cmocka_unit_test(test_the_worst_reply_fits),
        cmocka_unit_test(test_refusals_name_the_key),
        cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_hello_versions),
        cmocka_unit_test(test_hello_says_what_the_certificate_says),
        cmocka_unit_test(test_made_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
