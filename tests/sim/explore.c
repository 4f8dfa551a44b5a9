#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* Breadth first, so that the first violation has the shortest trace. Of a state that has been
 * visited only its hash, its parent and the way from it are kept; the frontier holds whole states.
 */
struct visited {
    uint64_t hash[2];
    uint32_t parent;
    uint16_t choice;
};

struct explorer {
    struct visited *table;
    size_t capacity; /* power of two */
    uint32_t *order; /* state number -> slot */
    size_t n, max;
    struct world *queue; /* ring of the frontier */
    uint32_t *queue_state;
    size_t queue_cap, head, tail, in_queue;
    size_t transitions, ends;
    bool complete;
    uint32_t current;
    uint16_t choice;
    size_t bad_state;
    uint16_t bad_choice;
    struct violation bad;
};

static uint64_t mix(uint64_t h, uint64_t x)
{
    h ^= x;
    h *= 0x9E3779B97F4A7C15ULL;
    return h ^ (h >> 29);
}

static void hash_world(const struct world *w, uint64_t ret[2])
{
    const unsigned char *p = (const unsigned char *)w;
    uint64_t a = 0x243F6A8885A308D3ULL, b = 0x13198A2E03707344ULL, x;
    size_t i = 0;

    for (; i + 8 <= sizeof(*w); i += 8) {
        memcpy(&x, p + i, 8);
        a = mix(a, x);
        b = mix(b, x + 0xD6E8FEB86659FD93ULL);
    }
    x = 0;
    memcpy(&x, p + i, sizeof(*w) - i);
    ret[0] = mix(a, x);
    ret[1] = mix(b, x) | 1; /* 0 marks a free slot */
}

static int compare_messages(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct message));
}

static int compare_updates(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct update));
}

/* Messages are a set: their places do not matter. */
static void canonical(struct world *w)
{
    qsort(w->msg, MESSAGES, sizeof(w->msg[0]), compare_messages);
    qsort(w->upd, UPDATES, sizeof(w->upd[0]), compare_updates);
}

static bool add(struct explorer *x, const struct world *w)
{
    uint64_t hash[2];
    size_t slot;

    hash_world(w, hash);
    for (slot = hash[0] & (x->capacity - 1); x->table[slot].hash[1];
         slot = (slot + 1) & (x->capacity - 1))
        if (x->table[slot].hash[0] == hash[0] && x->table[slot].hash[1] == hash[1])
            return false;
    if (x->n >= x->max || x->in_queue >= x->queue_cap) {
        x->complete = false;
        return false;
    }
    x->table[slot] = (struct visited){{hash[0], hash[1]}, x->current, x->choice};
    x->order[x->n] = (uint32_t)slot;
    x->queue[x->tail] = *w;
    x->queue_state[x->tail] = (uint32_t)x->n++;
    x->tail = (x->tail + 1) % x->queue_cap;
    x->in_queue++;
    return true;
}

static void consider(void *arg, const struct step_out *out)
{
    struct explorer *x = arg;
    struct world w = out->w;

    x->choice++;
    x->transitions++;
    if (x->bad.invariant)
        return;
    if (out->bad.invariant) {
        x->bad = out->bad;
        x->bad_state = x->current;
        x->bad_choice = x->choice;
        return;
    }
    canonical(&w);
    add(x, &w);
}

static void successors(const struct world *w, successor_fn fn, void *arg)
{
    world_successors(w, fn, arg);
    control_successors(w, fn, arg);
}

/* ---- trace --------------------------------------------------------------------------------- */

struct replay {
    uint16_t wanted, at;
    struct step_out out;
};

static void pick(void *arg, const struct step_out *out)
{
    struct replay *r = arg;

    if (++r->at == r->wanted)
        r->out = *out;
}

static void show_trace(const struct explorer *x, const struct scenario *s)
{
    uint16_t path[1024];
    size_t n = 0;
    struct world w;

    if (x->bad_choice)
        path[n++] = x->bad_choice;
    for (size_t state = x->bad_state; state && n < 1024; state = x->table[x->order[state]].parent)
        path[n++] = x->table[x->order[state]].choice;
    s->start(&w);
    canonical(&w);
    for (size_t i = n; i-- > 0;) {
        struct replay r = {.wanted = path[i]};

        successors(&w, pick, &r);
        printf("    %2zu  %s\n", n - i, r.out.text);
        w = r.out.w;
        canonical(&w);
    }
    printf("        %s: %s\n", x->bad.invariant, x->bad.text);
}

/* ---- walk ---------------------------------------------------------------------------------- */

static bool quiet(const struct world *w)
{
    return w->ctl[0].phase == IDLE && w->ctl[1].phase == IDLE;
}

static void *allocate(size_t n, size_t size)
{
    void *p = calloc(n, size);

    if (!p) {
        fprintf(stderr, "sim: no memory for %zu states\n", n);
        exit(1);
    }
    return p;
}

static void open_explorer(struct explorer *x, size_t max)
{
    memset(x, 0, sizeof(*x));
    x->max = max;
    x->capacity = 1024;
    while (x->capacity < max * 2)
        x->capacity *= 2;
    x->queue_cap = max / 2 + 1024;
    x->table = allocate(x->capacity, sizeof(x->table[0]));
    x->order = allocate(max, sizeof(x->order[0]));
    x->queue = allocate(x->queue_cap, sizeof(x->queue[0]));
    x->queue_state = allocate(x->queue_cap, sizeof(x->queue_state[0]));
    x->complete = true;
}

static void close_explorer(struct explorer *x)
{
    free(x->table);
    free(x->order);
    free(x->queue);
    free(x->queue_state);
}

static void walk(struct explorer *x)
{
    while (x->in_queue && !x->bad.invariant) {
        struct world w = x->queue[x->head];

        x->current = x->queue_state[x->head];
        x->head = (x->head + 1) % x->queue_cap;
        x->in_queue--;
        x->choice = 0;
        successors(&w, consider, x);
        /* every state at rest: is there a way out? */
        if (!x->bad.invariant && quiet(&w) && sim.seed == SEED_NONE) {
            x->ends++;
            oracle_end(&w, &x->bad);
            x->bad_state = x->current;
            x->bad_choice = 0;
        }
    }
}

void explore(const struct scenario *s, size_t max_states, bool trace, struct result *ret)
{
    struct explorer x;
    struct world w;

    sim.scenario = s;
    open_explorer(&x, max_states);
    s->start(&w);
    canonical(&w);
    add(&x, &w);
    walk(&x);
    if (x.bad.invariant && trace)
        show_trace(&x, s);
    *ret = (struct result){.states = x.n,
                           .transitions = x.transitions,
                           .ends = x.ends,
                           .complete = x.complete,
                           .bad = x.bad};
    close_explorer(&x);
}
