#include "controller/session/remedy.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "controller/cluster/config.h"
#include "controller/session/commands.h"

static const char program[] = "pgtandem ", file[] = "pgtandem.conf";

/* Of verbs like "dns show" the first word will do. */
static bool is_verb(const char *text)
{
    size_t len = strcspn(text, " `'\",;:.)\n");

    for (size_t i = 0; len && i < commands.n_verbs; i++) {
        const char *name = cli_verb(&commands, i)->name;

        if (strncmp(name, text, len) == 0 && strchr(" ", name[len]))
            return true;
    }
    return false;
}

static bool begins_here(const char *text, const char *at)
{
    return at == text || strchr(" `'\"(\n", at[-1]);
}

const char *remedy_for(const struct options *o, struct arena *a, const char *text)
{
    const char *path = o->config_path, *from = text;
    struct buf b;

    if (!path || strcmp(path, CONFIG_DEFAULT_PATH) == 0 || !strstr(text, "pgtandem"))
        return text;
    buf_init(&b, 64 * 1024);
    for (const char *at = text; (at = strstr(at, "pgtandem")); at++) {
        if (!begins_here(text, at))
            continue;
        if (strncmp(at, file, sizeof(file) - 1) == 0)
            buf_printf(&b, "%.*s%s", (int)(at - from), from, path);
        else if (strncmp(at, program, sizeof(program) - 1) == 0 &&
                 is_verb(at + sizeof(program) - 1))
            buf_printf(&b, "%.*spgtandem -c %s ", (int)(at - from), from, path);
        else
            continue;
        from = at + (at[sizeof(program) - 2] == '.' ? sizeof(file) : sizeof(program)) - 1;
    }
    buf_str(&b, from);
    text = arena_strndup(a, b.data, b.len);
    buf_free(&b);
    return text;
}

void remedy_print(const struct options *o, struct arena *a, const char *text)
{
    printf("next: %s\n", remedy_for(o, a, text));
}
