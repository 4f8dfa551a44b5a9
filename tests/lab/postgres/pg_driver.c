/*
 * Drives agent/postgres/postgres.h from a script (tests/lab/test_postgres.py).
 *
 *     pg_driver NODE key=value…      the keys of postgres_config_table
 *
 * Reads commands from standard input, one a line; answers each with one line of JSON, which has at
 * least "ok" and "us", the microseconds it took. While it waits for a command the loop stands
 * still, as an agent's never does; `run MS` lets it run.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/postgres/postgres.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"

enum { WORDS_MAX = 12, LOOKS_MAX = 64 };

static struct loop *loop;
static struct postgres *pg;
static struct postgres_config config;

struct outcome {
    bool done;
    int waiting;
    struct err e;
    json_t *json;
    struct timer *timer;
};

static json_t *pg_json(const struct obs_pg *o)
{
    return field_to_json(field_find(&node_obs_table, "pg")->sub, o);
}

static void on_done(void *arg, const struct err *e)
{
    struct outcome *o = arg;

    if (e)
        o->e = *e;
    o->done = true;
}

static void on_look(void *arg, const struct obs_pg *seen)
{
    struct outcome *o = arg;

    json_decref(o->json);
    o->json = pg_json(seen);
    o->done = --o->waiting <= 0;
}

static void on_probe(void *arg, const struct postgres_probe_result *r)
{
    struct outcome *o = arg;
    char sysid[24];

    STR_PRINTF(sysid, "%llu", (unsigned long long)r->sysid);
    o->json = json_pack("{s:b, s:b, s:b, s:b, s:s, s:s}", "port_open", r->port_open, "connected",
                        r->connected, "writable", r->writable, "in_recovery", r->in_recovery,
                        "sysid", sysid, "problem", r->problem);
    o->done = true;
}

static void on_run(void *arg)
{
    struct outcome *o = arg;

    timer_free(o->timer);
    o->done = true;
}

static int64_t number(const char *word)
{
    long long n = 0;

    if (!word || !str_to_int(word, 0, INT64_MAX, &n)) {
        fprintf(stderr, "a number is wanted, not '%s'\n", word ? word : "");
        exit(2);
    }
    return n;
}

static size_t names(char *words, struct slot_name *ret_slots)
{
    size_t n = 0;
    char *at = words;

    if (strcmp(words, "-") == 0)
        return 0;
    while (at && n < CLUSTER_NODES_MAX) {
        char *comma = strchr(at, ',');

        if (comma)
            *comma++ = '\0';
        STR_COPY(ret_slots[n++].name, at);
        at = comma;
    }
    return n;
}

static void begin_slots(char **w, struct outcome *o)
{
    struct slot_name want[CLUSTER_NODES_MAX], drop[CLUSTER_NODES_MAX];
    size_t n_want = names(w[1], want), n_drop = names(w[2], drop);

    postgres_slots(pg, want, n_want, drop, n_drop, number(w[3]), on_done, o);
}

static void begin_looks(int n, int64_t timeout_ms, struct outcome *o)
{
    o->waiting = n;
    for (int i = 0; i < n; i++)
        postgres_look(pg, timeout_ms, on_look, o);
}

/* What is done at once is done here; what calls back is only begun. False: no such command. */
static bool begin(char **w, struct outcome *o)
{
    const char *c = w[0];
    struct upstream up = {.port = 0};

    if (strcmp(c, "look") == 0) {
        begin_looks(1, number(w[1]), o);
    } else if (strcmp(c, "looks") == 0) {
        begin_looks((int)number(w[1]), number(w[2]), o);
    } else if (strcmp(c, "stop") == 0) {
        postgres_stop(pg, strcmp(w[1], "immediate") == 0, number(w[2]), on_done, o);
    } else if (strcmp(c, "start") == 0) {
        postgres_start(pg, number(w[1]), on_done, o);
    } else if (strcmp(c, "restart") == 0) {
        postgres_restart(pg, number(w[1]), on_done, o);
    } else if (strcmp(c, "checkpoint") == 0) {
        postgres_checkpoint(pg, number(w[1]), on_done, o);
    } else if (strcmp(c, "promote") == 0) {
        postgres_promote(pg, number(w[1]), on_done, o);
    } else if (strcmp(c, "mark") == 0) {
        postgres_mark(pg, w[1], strcmp(w[2], "sync") == 0, number(w[3]), on_done, o);
    } else if (strcmp(c, "detach") == 0) {
        postgres_detach(pg, number(w[1]), on_done, o);
    } else if (strcmp(c, "follow") == 0) {
        STR_COPY(up.node, w[1]);
        STR_COPY(up.address, w[2]);
        up.port = number(w[3]);
        postgres_follow(pg, &up, w[4], number(w[5]), on_done, o);
    } else if (strcmp(c, "slots") == 0) {
        begin_slots(w, o);
    } else if (strcmp(c, "probe") == 0) {
        STR_COPY(up.address, w[1]);
        up.port = number(w[2]);
        postgres_probe(pg, &up, number(w[3]), on_probe, o);
    } else if (strcmp(c, "run") == 0) {
        o->timer = timer_start(loop, number(w[1]), on_run, o);
    } else {
        return false;
    }
    return true;
}

static bool at_once(char **w, struct outcome *o)
{
    const char *c = w[0];
    struct obs_pg seen;

    if (strcmp(c, "files") == 0) {
        postgres_look_files(&config, &seen);
        o->json = pg_json(&seen);
    } else if (strcmp(c, "signal") == 0 && strcmp(w[1], "create") == 0) {
        postgres_signal_create(&config, "fenced by the test; next: pgtandem status\n", &o->e);
    } else if (strcmp(c, "signal") == 0) {
        postgres_signal_remove(&config, &o->e);
    } else if (strcmp(c, "end-children") == 0) {
        postgres_end_children(pg);
    } else {
        return false;
    }
    o->done = true;
    return true;
}

static void print(const struct outcome *o, int64_t us)
{
    json_t *line = json_pack("{s:b, s:I}", "ok", o->e.code == 0, "us", (json_int_t)us);

    if (o->e.code != 0) {
        json_object_set_new(line, "code", json_string(err_name(o->e.code)));
        json_object_set_new(line, "msg", json_string(o->e.msg));
        json_object_set_new(line, "hint", json_string(o->e.hint));
    }
    if (o->json)
        json_object_set(line, "result", o->json);
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

static void run(char *text)
{
    char *w[WORDS_MAX + 1] = {NULL};
    int n = 0;
    struct outcome o = {.done = false};
    int64_t began = clock_mono_us();

    text[strcspn(text, "\n")] = '\0';
    for (char *at = text; *(at += strspn(at, " ")) && n < WORDS_MAX;) {
        w[n++] = at;
        at += strcspn(at, " ");
        if (*at)
            *at++ = '\0';
    }
    if (n == 0)
        return;
    if (!at_once(w, &o) && !begin(w, &o)) {
        fprintf(stderr, "no such command: %s\n", w[0]);
        exit(2);
    }
    if (!o.done)
        loop_wait(loop, &o.done, 120000, &o.e);
    print(&o, clock_mono_us() - began);
    json_decref(o.json);
}

static void configure(int argc, char **argv)
{
    field_defaults(&postgres_config_table, &config);
    for (int i = 2; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        const struct field *f;
        struct err e = {0};

        if (value)
            *value++ = '\0';
        f = field_find(&postgres_config_table, argv[i]);
        if (!value || !f || field_set(f, &config, value, NULL, &e) < 0) {
            fprintf(stderr, "%s: %s\n", argv[i], f ? e.msg : "no such key");
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    char line[1024];

    if (argc < 2) {
        fputs("pg_driver NODE key=value…\n", stderr);
        return 2;
    }
    configure(argc, argv);
    loop = loop_new();
    pg = postgres_new(loop, &config, argv[1]);
    while (fgets(line, sizeof(line), stdin))
        run(line);
    postgres_free(pg);
    loop_free(loop);
    return 0;
}
