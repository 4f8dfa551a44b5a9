/*
 * Variables of a crontab: `NAME = value` holds for every entry below it, up to another value
 * (crontab(5)); there is no way to unset one. A managed entry is thus more than its line: it runs
 * the same on another node only if the same variables are in force there. The editor's files alone
 * include this.
 */
#pragma once

#include "base/crontab_lines.h"

struct crontab_variable {
    const char *name, *value; /* without quotes and blanks around them */
    size_t name_len, value_len;
    size_t line; /* the last that set it */
};

struct crontab_env {
    struct arena *arena;
    struct crontab_variable *at; /* by name */
    size_t n, room;
};

/* Does the line set a variable? Then it is entered into `env` (line = index) unless env is NULL. */
bool crontab_env_apply(struct crontab_env *env, const struct crontab_line *l, size_t index);
/* "NAME=value" lines, by name. */
void crontab_env_print(const struct crontab_env *env, struct buf *b);
bool crontab_env_same(const struct crontab_env *x, const struct crontab_env *y);
/* Has `env` this variable with this value? */
bool crontab_env_has(const struct crontab_env *env, const struct crontab_variable *v);
/* A variable that `x` has and `y` has not, whatever its value there; NULL: none. */
const struct crontab_variable *crontab_env_more(const struct crontab_env *x,
                                                const struct crontab_env *y);
