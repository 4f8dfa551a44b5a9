#include "base/crontab.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/crontab_env.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/sha256.h"

const char *const crontab_mode_names[] = {"block", "all", NULL};

static int hash_text(const char *bytes, size_t len, char ret_hex[SHA256_HEX_BYTES],
                     struct err *reterr)
{
    return sha256_hex(bytes, len, ret_hex)
               ? 0
               : err_set(reterr, ERR_SYS, NULL, "libcrypto gives no sha256");
}

int crontab_summarize(const char *text, size_t len, enum crontab_mode mode,
                      struct crontab_summary *ret_summary, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    struct crontab_summary s = {0};
    struct crontab_env env = {.arena = a};
    struct crontab_lines ls;
    struct buf parity, environment;
    int r = crontab_lines_read(text, len, mode, a, &ls, reterr);

    if (r < 0)
        return r;
    buf_init(&parity, SIZE_MAX);
    buf_init(&environment, SIZE_MAX);
    s.has_block = ls.begin != SIZE_MAX;
    for (size_t i = 0; i < ls.n; i++) {
        const struct crontab_line *l = &ls.at[i];
        size_t entry_len;
        const char *entry = crontab_entry_of(l, &entry_len);

        (void)crontab_env_apply(&env, l, i);
        s.unmanaged += l->kind == LINE_ON && !l->managed;
        if (!l->managed)
            continue;
        *(l->kind == LINE_ON ? &s.on : &s.off) += 1;
        size_t first = crontab_skip_blanks(entry, 0, entry_len);
        s.reboot += entry_len - first >= 7 && memcmp(entry + first, "@reboot", 7) == 0;
        buf_add(&parity, entry, entry_len);
        buf_add(&parity, "\n", 1);
        crontab_env_print(&env, &environment);
        buf_add(&environment, "\n", 1);
    }
    r = hash_text(text, len, s.hash, reterr);
    if (r == 0)
        r = hash_text(parity.data, parity.len, s.parity, reterr);
    if (r == 0)
        r = hash_text(environment.data, environment.len, s.environment, reterr);
    buf_free(&parity);
    buf_free(&environment);
    if (r == 0)
        *ret_summary = s;
    return r;
}

/* What cron gives to `sh -c`: up to the first bare %, with \% as % (crontab(5)). */
static char *command_of(const struct crontab_line *l, struct arena *a)
{
    size_t len;
    const char *s = crontab_entry_of(l, &len);
    size_t i = crontab_skip_blanks(s, 0, len);
    int fields = i < len && s[i] == '@' ? 1 : 5;

    for (int f = 0; f < fields; f++)
        i = crontab_skip_blanks(s, crontab_skip_word(s, i, len), len);

    char *command = arena_alloc(a, len - i + 1);
    size_t n = 0;
    for (; i < len && s[i] != '%'; i++) {
        if (s[i] == '\\' && i + 1 < len && s[i + 1] == '%')
            i++;
        command[n++] = s[i];
    }
    return command;
}

int crontab_commands(const char *text, size_t len, enum crontab_mode mode, bool managed,
                     struct arena *a, char ***ret_commands, struct err *reterr)
{
    struct crontab_lines ls;
    int r = crontab_lines_read(text, len, mode, a, &ls, reterr);

    if (r < 0)
        return r;

    char **commands = arena_alloc(a, (ls.n + 1) * sizeof(*commands));
    size_t n = 0;
    for (size_t i = 0; i < ls.n; i++)
        if (managed ? ls.at[i].managed : ls.at[i].kind == LINE_ON && !ls.at[i].managed)
            commands[n++] = command_of(&ls.at[i], a);
    *ret_commands = commands;
    return 0;
}

int crontab_managed_lines(const char *text, size_t len, enum crontab_mode mode, struct arena *a,
                          char ***ret_lines, size_t *ret_n, struct err *reterr)
{
    struct crontab_lines ls;
    int r = crontab_lines_read(text, len, mode, a, &ls, reterr);

    if (r < 0)
        return r;

    bool all = mode == CRONTAB_ALL, block = ls.begin != SIZE_MAX;
    size_t from = all ? 0 : block ? ls.begin + 1 : ls.n, to = block && !all ? ls.end : ls.n;
    struct crontab_env env = {.arena = a};
    for (size_t i = 0; i < from && from < to; i++)
        (void)crontab_env_apply(&env, &ls.at[i], i);

    char **lines = arena_alloc(a, (env.n + to - from + 1) * sizeof(*lines));
    size_t n_lines = 0;
    for (size_t i = 0; i < env.n; i++) {
        const struct crontab_variable *v = &env.at[i];

        lines[n_lines++] =
            arena_printf(a, "%.*s=%.*s", (int)v->name_len, v->name, (int)v->value_len, v->value);
    }
    for (size_t i = from; i < to; i++) {
        size_t entry_len;
        const char *entry = crontab_entry_of(&ls.at[i], &entry_len);

        lines[n_lines++] = arena_strndup(a, entry, entry_len);
    }
    *ret_lines = lines;
    *ret_n = n_lines;
    return 0;
}

int crontab_set(const char *text, size_t len, enum crontab_mode mode, bool on, struct arena *a,
                char **ret_text, size_t *ret_len, struct err *reterr)
{
    struct crontab_lines ls;
    struct buf b;
    int r = crontab_lines_read(text, len, mode, a, &ls, reterr);

    if (r < 0)
        return r;
    buf_init(&b, SIZE_MAX);
    for (size_t i = 0; i < ls.n; i++)
        crontab_add_line(&b, &ls.at[i], on);
    crontab_take(&b, a, ret_text, ret_len);
    return 0;
}
