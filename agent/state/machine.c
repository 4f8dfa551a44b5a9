#include "agent/state/machine.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    SMALL_FILE_BYTES = 4096,
    MACHINE_DIGITS = 14, /* with '-' and a node's name as much as fits */
    BOOT_DIGITS = 18,
    START_FIELD = 22, /* of /proc/PID/stat, proc(5) */
};

static void first_line(const char *path, char *ret, size_t bytes)
{
    AUTO(arena) a = arena_new();
    char *text;

    str_copy(ret, bytes, "unknown");
    if (file_read(path, SMALL_FILE_BYTES, a, &text, NULL, NULL) == 0 && text[0] > ' ') {
        text[strcspn(text, "\r\n")] = '\0';
        str_copy(ret, bytes, text);
    }
}

void machine_name(const char *node, char ret_name[MACHINE_BYTES])
{
    char id[MACHINE_DIGITS + 1];

    first_line("/etc/machine-id", id, sizeof(id));
    str_printf(ret_name, MACHINE_BYTES, "%s-%s", id, node);
}

bool machine_process_start(int pid, unsigned long long *ret_ticks)
{
    AUTO(arena) a = arena_new();
    char path[64], *text;

    STR_PRINTF(path, "/proc/%d/stat", pid);
    if (file_read(path, SMALL_FILE_BYTES, a, &text, NULL, NULL) < 0)
        return false;

    char *at = strrchr(text, ')'); /* the end of field 2, whatever the name holds */
    for (int field = 2; at && field < START_FIELD; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        return false;
    *ret_ticks = strtoull(at + 1, NULL, 10);
    return true;
}

void machine_boot(char ret_boot[BOOT_BYTES])
{
    char id[BOOT_DIGITS + 1];
    unsigned long long ticks = 0;

    first_line("/proc/sys/kernel/random/boot_id", id, sizeof(id));
    machine_process_start(1, &ticks);
    str_printf(ret_boot, BOOT_BYTES, "%s.%llu", id, ticks);
}

int machine_become_owner(const char *directory, struct err *reterr)
{
    struct stat st;

    if (geteuid() != 0)
        return 0;
    if (stat(directory, &st) < 0)
        return err_sys(reterr, errno, NULL, "cannot look at %s", directory);
    if (st.st_uid == 0)
        return err_set(reterr, ERR_CONFIG, "PostgreSQL does not run as root: check data_directory",
                       "%s belongs to root", directory);

    const struct passwd *owner = getpwuid(st.st_uid);
    if (!owner)
        return err_set(reterr, ERR_CONFIG, NULL, "%s belongs to uid %u, which has no name",
                       directory, (unsigned)st.st_uid);
    if (initgroups(owner->pw_name, owner->pw_gid) < 0 || setgid(owner->pw_gid) < 0 ||
        setuid(owner->pw_uid) < 0)
        return err_sys(reterr, errno, NULL, "cannot become %s", owner->pw_name);
    setenv("HOME", owner->pw_dir, 1);
    setenv("USER", owner->pw_name, 1);
    setenv("LOGNAME", owner->pw_name, 1);
    return 0;
}
