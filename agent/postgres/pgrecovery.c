#include "agent/postgres/pgrecovery.h"

#include <string.h>
#include <strings.h>

#include "agent/postgres/pgfiles.h"
#include "agent/postgres/pgsettings.h"
#include "agent/postgres/postgres.h"
#include "base/err.h"
#include "base/str.h"

/* The action alone does nothing, and recovery_target_inclusive neither: they say how, not when. */
enum effect {
    ENDS,     /* any value makes a recovery end, or stand still */
    AT_END,   /* a command that a promotion waits for; its text may hold a password */
    TIMELINE, /* anything but latest keeps it from following a new primary */
    BLIND,    /* off: it cannot be queried */
};

static const struct {
    const char *name;
    enum effect effect;
    int last_major; /* 0: it is still there */
} settings[] = {
    {"recovery_target", ENDS, 0},        {"recovery_target_name", ENDS, 0},
    {"recovery_target_time", ENDS, 0},   {"recovery_target_xid", ENDS, 0},
    {"recovery_target_lsn", ENDS, 0},    {"promote_trigger_file", ENDS, 15},
    {"recovery_end_command", AT_END, 0}, {"recovery_target_timeline", TIMELINE, 0},
    {"hot_standby", BLIND, 0},
};
enum { N_SETTINGS = sizeof(settings) / sizeof(settings[0]) };

/* ---- the command line ------------------------------------------------------------------------ */

size_t pgrecovery_options(const struct postgres_config *c,
                          const char *ret_options[PGRECOVERY_OPTIONS_MAX])
{
    static const char *const options[] = {
        "recovery_target=",     "recovery_target_name=", "recovery_target_time=",
        "recovery_target_xid=", "recovery_target_lsn=",  "promote_trigger_file=",
    };
    long major = pgfiles_major(c);
    size_t n = 0;

    /* a setting that the version does not know would keep it from starting */
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (settings[i].last_major == 0 || (major > 0 && major <= settings[i].last_major))
            ret_options[n++] = options[i];
    return n;
}

bool pgrecovery_is_option(const char *setting)
{
    for (size_t i = 0; i < N_SETTINGS; i++) {
        size_t len = strlen(settings[i].name);

        if (settings[i].effect == ENDS && strncmp(setting, settings[i].name, len) == 0 &&
            strcmp(setting + len, "=") == 0)
            return true;
    }
    return false;
}

/* ---- the files ------------------------------------------------------------------------------- */

static bool is_off(const char *value)
{
    static const char *const off[] = {"off", "of", "false", "fals", "fal", "fa",
                                      "f",   "no", "n",     "0",    NULL};

    for (size_t i = 0; off[i]; i++)
        if (strcasecmp(value, off[i]) == 0)
            return true;
    return false;
}

static bool is_obeyed(enum effect effect, const char *value)
{
    switch (effect) {
    case ENDS:
    case AT_END:
        return value[0] != '\0';
    case TIMELINE:
        return value[0] != '\0' && strcasecmp(value, "latest") != 0;
    case BLIND:
        return is_off(value);
    }
    return false;
}

static void add_found(char text[PGRECOVERY_TEXT_BYTES], const struct pgsetting *s,
                      enum effect effect)
{
    size_t len = strlen(text);
    const char *value = effect == AT_END ? "(a command)" : s->value;

    str_printf(text + len, PGRECOVERY_TEXT_BYTES - len, "%s%s = '%.60s' (%s line %d)",
               len ? ", " : "", s->name, value, s->file, s->line);
}

/* Where; its text if `ret_text`; how many can end a recovery. */
static bool look(const struct postgres_config *c, bool ending, char *ret_text,
                 const char *ret_names[N_SETTINGS], size_t *ret_n)
{
    struct pgsetting found[N_SETTINGS];

    for (size_t i = 0; i < N_SETTINGS; i++)
        found[i].name = settings[i].name;

    bool all = pgsettings_of_files(c, found, N_SETTINGS);

    ret_text[0] = '\0';
    *ret_n = 0;
    for (size_t i = 0; i < N_SETTINGS; i++) {
        enum effect effect = settings[i].effect;

        if (!is_obeyed(effect, found[i].value) || (ending && effect != ENDS))
            continue;
        add_found(ret_text, &found[i], effect);
        ret_names[(*ret_n)++] = settings[i].name;
    }
    return all;
}

bool pgrecovery_in_files(const struct postgres_config *c, bool ending,
                         char ret_text[PGRECOVERY_TEXT_BYTES])
{
    const char *names[N_SETTINGS];
    size_t n;

    return look(c, ending, ret_text, names, &n);
}

int pgrecovery_disarm(const struct postgres_config *c, char ret_text[PGRECOVERY_TEXT_BYTES],
                      struct err *reterr)
{
    static const char *const empty[N_SETTINGS] = {"", "", "", "", "", "", "", "", ""};
    const char *names[N_SETTINGS];
    char still[PGRECOVERY_TEXT_BYTES];
    size_t n;
    struct err e = {0};

    look(c, true, ret_text, names, &n);
    if (n == 0)
        return 0;
    if (pgsettings_auto_conf(c, names, empty, n, &e) < 0)
        return err_set(reterr, ERR_REFUSED, "remove these settings, then run the command again",
                       "a standby would obey %.300s, and they cannot be emptied: %.120s", ret_text,
                       e.msg);
    look(c, true, still, names, &n);
    if (n > 0)
        return err_set(reterr, ERR_REFUSED, "remove these settings, then run the command again",
                       "a standby would obey %.300s, although postgresql.auto.conf empties them",
                       still);
    return 0;
}
