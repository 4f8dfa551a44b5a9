#include "agent/state/permit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/state/machine.h"
#include "agent/state/state.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { PERMIT_BYTES = 128, PATH_BYTES = 300 };

static void permit_path(const struct state_binding *b, char path[PATH_BYTES])
{
    str_printf(path, PATH_BYTES, "%s/start-permit", b->directory);
}

/* pid and its start: a pid alone may come again */
static bool permit_text(int pid, char ret_text[PERMIT_BYTES])
{
    char boot[BOOT_BYTES];
    unsigned long long ticks;

    machine_boot(boot);
    return machine_process_start(pid, &ticks) &&
           str_printf(ret_text, PERMIT_BYTES, "%d %llu %s\n", pid, ticks, boot);
}

int permit_give(const struct state_binding *b, struct err *reterr)
{
    char path[PATH_BYTES], text[PERMIT_BYTES];

    permit_path(b, path);
    if (!permit_text(getpid(), text))
        return err_set(reterr, ERR_SYS, "is /proc mounted?", "cannot see this process in /proc");
    return file_replace(path, text, strlen(text), 0600, reterr);
}

void permit_withdraw(const struct state_binding *b)
{
    char path[PATH_BYTES];

    permit_path(b, path);
    file_remove(path, NULL);
}

bool permit_valid(const struct state_binding *b)
{
    AUTO(arena) a = arena_new();
    char path[PATH_BYTES], expected[PERMIT_BYTES], *text;

    permit_path(b, path);
    if (file_read_private(path, 0077, PERMIT_BYTES, a, &text, NULL, NULL) < 0)
        return false;
    int pid = (int)strtol(text, NULL, 10);
    return pid > 0 && permit_text(pid, expected) && strcmp(text, expected) == 0;
}
