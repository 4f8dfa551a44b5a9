#include "agent/cron/cron_memory.h"

#include <string.h>

#include "base/crontab_known.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { CAP_BYTES = 1024 * 1024 };

struct cron_memory {
    char path[320];
    char *known;
};

struct cron_memory *cron_memory_new(const char *directory)
{
    struct cron_memory *m = mem_alloc(sizeof(*m));
    AUTO(arena) a = arena_new();
    char *text;

    STR_PRINTF(m->path, "%s/crontab.known", directory);
    if (file_read(m->path, CAP_BYTES, a, &text, NULL, NULL) == 0)
        m->known = mem_strdup(text);
    return m;
}

void cron_memory_free(struct cron_memory *m)
{
    if (!m)
        return;
    mem_free(m->known);
    mem_free(m);
}

void cron_memory_learn(struct cron_memory *m, const char *text)
{
    AUTO(arena) a = arena_new();
    char *known = crontab_known(text, strlen(text), a);
    struct err e;

    if (!known || (m->known && strcmp(known, m->known) == 0))
        return;
    mem_free(m->known);
    m->known = mem_strdup(known);
    /* it holds commands, as crontabs do: for the owner alone */
    if (file_replace(m->path, known, strlen(known), 0600, &e) < 0)
        log_err(LOG_LEVEL_WARNING, &e);
}

void cron_memory_forget(struct cron_memory *m)
{
    mem_free(m->known);
    m->known = NULL;
    file_remove(m->path, NULL);
}

const char *cron_memory_known(const struct cron_memory *m)
{
    return m->known;
}
