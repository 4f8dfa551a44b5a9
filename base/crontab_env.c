#include "base/crontab_env.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

/* As cron's load_env() takes it: trailing blanks are none of the value, quotes around all of it
 * neither. */
static bool parse(const char *s, size_t len, struct crontab_variable *ret)
{
    size_t i = crontab_skip_blanks(s, 0, len), start = i, end;

    if (i < len && is_quote(s[i])) {
        const char *close = memchr(s + i + 1, s[i], len - i - 1);

        if (!close)
            return false;
        start = i + 1;
        end = (size_t)(close - s);
        i = end + 1;
    } else {
        while (i < len && s[i] != ' ' && s[i] != '\t' && s[i] != '=')
            i++;
        end = i;
    }
    i = crontab_skip_blanks(s, i, len);
    if (i == len || s[i] != '=')
        return false;
    i = crontab_skip_blanks(s, i + 1, len);
    while (len > i && (s[len - 1] == ' ' || s[len - 1] == '\t'))
        len--;
    if (len - i >= 2 && is_quote(s[i]) && s[len - 1] == s[i]) {
        i++;
        len--;
    }
    *ret = (struct crontab_variable){
        .name = s + start, .name_len = end - start, .value = s + i, .value_len = len - i};
    return true;
}

static int by_name(const struct crontab_variable *x, const struct crontab_variable *y)
{
    size_t len = x->name_len < y->name_len ? x->name_len : y->name_len;
    int order = len ? memcmp(x->name, y->name, len) : 0;

    return order ? order : (x->name_len > y->name_len) - (x->name_len < y->name_len);
}

/* where it is, or belongs */
static size_t place(const struct crontab_env *env, const struct crontab_variable *v,
                    bool *ret_there)
{
    size_t i = 0;

    while (i < env->n && by_name(&env->at[i], v) < 0)
        i++;
    *ret_there = i < env->n && by_name(&env->at[i], v) == 0;
    return i;
}

bool crontab_env_apply(struct crontab_env *env, const struct crontab_line *l, size_t index)
{
    struct crontab_variable v;
    bool there;

    if (l->kind != LINE_OTHER || l->body == 0 ||
        l->bytes[crontab_skip_blanks(l->bytes, 0, l->body - 1)] == '#' ||
        !parse(l->bytes, l->body, &v))
        return false;
    if (!env)
        return true;
    v.line = index;
    size_t i = place(env, &v, &there);
    if (!there) {
        if (env->n == env->room) {
            size_t room = env->room ? env->room * 2 : 16;
            struct crontab_variable *more = arena_alloc(env->arena, room * sizeof(*more));

            if (env->n > 0)
                memcpy(more, env->at, env->n * sizeof(*more));
            env->at = more;
            env->room = room;
        }
        memmove(env->at + i + 1, env->at + i, (env->n - i) * sizeof(*env->at));
        env->n++;
    }
    env->at[i] = v;
    return true;
}

void crontab_env_print(const struct crontab_env *env, struct buf *b)
{
    for (size_t i = 0; i < env->n; i++) {
        buf_add(b, env->at[i].name, env->at[i].name_len);
        buf_str(b, "=");
        buf_add(b, env->at[i].value, env->at[i].value_len);
        buf_str(b, "\n");
    }
}

bool crontab_env_has(const struct crontab_env *env, const struct crontab_variable *v)
{
    bool there;
    size_t i = place(env, v, &there);

    return there && env->at[i].value_len == v->value_len &&
           memcmp(env->at[i].value, v->value, v->value_len) == 0;
}

bool crontab_env_same(const struct crontab_env *x, const struct crontab_env *y)
{
    for (size_t i = 0; i < x->n; i++)
        if (!crontab_env_has(y, &x->at[i]))
            return false;
    return x->n == y->n;
}

const struct crontab_variable *crontab_env_more(const struct crontab_env *x,
                                                const struct crontab_env *y)
{
    bool there;

    for (size_t i = 0; i < x->n; i++) {
        place(y, &x->at[i], &there);
        if (!there)
            return &x->at[i];
    }
    return NULL;
}
