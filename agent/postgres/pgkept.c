#include "agent/postgres/pgkept.h"

#include <string.h>

#include "agent/postgres/pgsettings.h"
#include "agent/postgres/postgres.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { PATH_BYTES = 512 };

struct pgkept {
    char path[PATH_BYTES]; /* "" none */
    char in_force[CONNINFO_BYTES];
    char last[CONNINFO_BYTES]; /* the last of them that was not empty */
    struct pgsettings_found found;
};

struct pgkept *pgkept_new(void)
{
    return mem_alloc(sizeof(struct pgkept));
}

void pgkept_free(struct pgkept *k)
{
    mem_free(k);
}

void pgkept_load(struct pgkept *k, const char *path)
{
    char *text;
    AUTO(arena) a = arena_new();

    if (STR_COPY(k->path, path) && file_read(path, CONNINFO_BYTES, a, &text, NULL, NULL) == 0) {
        text[strcspn(text, "\n")] = '\0';
        STR_COPY(k->last, text);
    }
}

void pgkept_note(struct pgkept *k, const char *value)
{
    char line[CONNINFO_BYTES + 1];

    if (!STR_COPY(k->in_force, value ? value : "") || !*k->in_force ||
        strcmp(k->last, k->in_force) == 0)
        return;
    STR_COPY(k->last, k->in_force);
    /* what cannot be written now is written when it changes again: memory has it */
    if (*k->path && !strchr(k->last, '\n') && STR_PRINTF(line, "%s\n", k->last))
        (void)file_replace(k->path, line, strlen(line), 0600, NULL);
}

const char *pgkept_base(struct pgkept *k, const struct postgres_config *c)
{
    if (*k->in_force)
        return k->in_force;
    (void)pgsettings_file_conninfo(c, &k->found);
    return *k->found.value ? k->found.value : k->last;
}
