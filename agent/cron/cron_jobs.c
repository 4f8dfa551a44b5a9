#include "agent/cron/cron_jobs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mask.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    CMDLINE_CAP_BYTES = 8192,
    STAT_CAP_BYTES = 4096,
    WORDS_MAX = 3,
};

struct process {
    int pid, parent;
    bool cron; /* called cron or crond */
    uid_t uid;
};

static bool is_cron_name(const char *name)
{
    return strcmp(name, "cron") == 0 || strcmp(name, "crond") == 0;
}

/* "123 (name) S 1 …": the name may hold blanks and brackets, so it ends at the last one
 * (proc(5)). */
static bool read_process(const char *pid, struct process *ret)
{
    AUTO(arena) a = arena_new();
    char path[64];
    struct stat st;
    char *text;

    STR_PRINTF(path, "/proc/%s/stat", pid);
    if (stat(path, &st) < 0 || file_read(path, STAT_CAP_BYTES, a, &text, NULL, NULL) < 0)
        return false; /* it has ended */

    char *open = strchr(text, '('), *close = strrchr(text, ')');
    if (!open || !close || close < open || strlen(close) < 4)
        return false;
    *close = '\0';
    ret->pid = (int)strtol(pid, NULL, 10);
    ret->parent = (int)strtol(close + 4, NULL, 10);
    ret->cron = is_cron_name(open + 1);
    ret->uid = st.st_uid;
    return true;
}

static size_t read_processes(struct process **ret)
{
    struct process *list = NULL;
    size_t n = 0, room = 0;
    DIR *dir = opendir("/proc");

    if (!dir)
        return 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] < '1' || e->d_name[0] > '9')
            continue;
        if (n == room) {
            room = room ? room * 2 : 256;
            list = mem_realloc(list, room * sizeof(*list));
        }
        n += read_process(e->d_name, &list[n]);
    }
    closedir(dir);
    *ret = list;
    return n;
}

static bool is_cron_pid(const struct process *list, size_t n, int pid)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].pid == pid)
            return list[i].cron;
    return false;
}

/* the first words of a command line, whose words end in NULs */
static size_t split_words(char *text, size_t len, const char *words[WORDS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < len && n < WORDS_MAX; i += strlen(text + i) + 1)
        words[n++] = text + i;
    return n;
}

/* `sh -c COMMAND`: the command decides. Otherwise the shell has become the command, or the script's
 * interpreter: its first or second word stands in the crontab as it was typed. */
static const char *managed_command(const char *const words[WORDS_MAX], size_t n,
                                   char *const *commands)
{
    bool shell = n == 3 && strcmp(words[1], "-c") == 0;

    for (; *commands; commands++) {
        if (shell && strcmp(words[2], *commands) == 0)
            return *commands;
        if (!shell && strstr(*commands, words[0]))
            return *commands;
        if (!shell && n > 1 && words[1][0] != '-' && words[1][0] && strstr(*commands, words[1]))
            return *commands;
    }
    return NULL;
}

static void add_job(const struct process *p, char *const *commands, struct cron_jobs *jobs)
{
    AUTO(arena) a = arena_new();
    const char *words[WORDS_MAX], *command = "(just starting)";
    char path[64], *text;
    size_t len;

    STR_PRINTF(path, "/proc/%d/cmdline", p->pid);
    if (file_read(path, CMDLINE_CAP_BYTES, a, &text, &len, NULL) < 0 || len == 0)
        return; /* it has ended */
    size_t n = split_words(text, len, words);
    if (!p->cron) /* else it has not yet become the job that it is going to be */
        command = managed_command(words, n, commands);
    if (!command)
        return;
    char shown[sizeof(jobs->text)];
    mask_secrets(command, shown, sizeof(shown));
    jobs->n++;
    size_t used = strlen(jobs->text);
    str_printf(jobs->text + used, sizeof(jobs->text) - used, "%s%d %s", used ? ", " : "", p->pid,
               shown);
}

void cron_jobs_look(uid_t uid, char *const *commands, struct cron_jobs *ret_jobs)
{
    struct process *list = NULL;
    size_t n = read_processes(&list);

    *ret_jobs = (struct cron_jobs){0};
    for (size_t i = 0; i < n; i++) {
        bool child_of_cron = is_cron_pid(list, n, list[i].parent);

        if (list[i].cron && list[i].uid == 0 && !child_of_cron)
            ret_jobs->daemon_running = true;
        if (list[i].uid == uid && child_of_cron && (uid != 0 || !list[i].cron))
            add_job(&list[i], commands, ret_jobs);
    }
    mem_free(list);
}
