#include "agent/postgres/pgstatement.h"

#include "base/clock.h"
#include "base/mem.h"

struct pgstatement *pgstatement_new(const char *sql, const char *const *params, size_t n_params,
                                    pgconn_fn fn, void *arg)
{
    struct pgstatement *s = mem_alloc(sizeof(*s));

    s->sql = mem_strdup(sql);
    s->n_params = n_params < PGCONN_PARAMS_MAX ? n_params : PGCONN_PARAMS_MAX;
    for (size_t i = 0; i < s->n_params; i++)
        s->params[i] = mem_strdup(params[i]);
    s->fn = fn;
    s->arg = arg;
    return s;
}

void pgstatement_free(struct pgstatement *s)
{
    for (size_t i = 0; i < s->n_params; i++)
        mem_free(s->params[i]);
    mem_free(s->sql);
    mem_free(s);
}

void pgstatement_push(struct pgstatement **queue, struct pgstatement *s, int64_t timeout_ms)
{
    s->timeout_ms = timeout_ms;
    s->deadline_ms = clock_mono_ms() + timeout_ms;
    while (*queue)
        queue = &(*queue)->next;
    *queue = s;
}

void pgstatement_unlink(struct pgstatement **queue, const struct pgstatement *s)
{
    for (; *queue; queue = &(*queue)->next)
        if (*queue == s) {
            *queue = s->next;
            return;
        }
}

struct pgstatement *pgstatement_earliest(struct pgstatement *queue)
{
    struct pgstatement *first = queue;

    for (struct pgstatement *s = queue; s; s = s->next)
        if (s->deadline_ms < first->deadline_ms)
            first = s;
    return first;
}
