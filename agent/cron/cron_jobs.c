#include "agent/cron/cron_jobs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/cron/cron_system.h"
#include "agent/cron/cron_tree.h"
#include "base/file.h"
#include "base/mask.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    CMDLINE_CAP_BYTES = 2 * 1024 * 1024, /* the kernel's own limit, nearly */
    STAT_CAP_BYTES = 4096,
    WORDS_MAX = 16,
};

/* ---- /proc ----------------------------------------------------------------------------------- */

static bool is_cron_name(const char *name)
{
    return strcmp(name, "cron") == 0 || strcmp(name, "crond") == 0;
}

/* "123 (name) S parent group session …": the name may hold blanks and brackets, so it ends at the
 * last one (proc(5)). */
static bool read_process(const char *pid, struct cron_process *ret)
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
    char *at = close + 4;
    ret->pid = (int)strtol(pid, NULL, 10);
    ret->parent = (int)strtol(at, &at, 10);
    (void)strtol(at, &at, 10); /* the process group */
    ret->session = (int)strtol(at, NULL, 10);
    ret->ended = close[2] == 'Z' || close[2] == 'X';
    ret->cron = is_cron_name(open + 1);
    ret->uid = st.st_uid;
    return true;
}

static size_t read_processes(struct cron_process **ret)
{
    struct cron_process *list = NULL;
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

static bool in_crons_group(int pid)
{
    AUTO(arena) a = arena_new();
    char path[64], *text;

    STR_PRINTF(path, "/proc/%d/cgroup", pid);
    return file_read(path, STAT_CAP_BYTES, a, &text, NULL, NULL) == 0 &&
           (strstr(text, "/cron.service") || strstr(text, "/crond.service"));
}

/* ---- one job --------------------------------------------------------------------------------- */

/* a command line's words end in NULs */
static size_t split_words(const char *text, size_t len, const char *words[WORDS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < len && n < WORDS_MAX; i += strlen(text + i) + 1)
        words[n++] = text + i;
    return n;
}

/* cron itself, sending the output of a job that has ended */
static bool is_mail(const char *const *words, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (strncmp(words[i], "-FCronDaemon", 12) == 0)
            return true;
    return false;
}

static bool is_foreign(const char *const *words, size_t n, char *const *managed,
                       char *const *others)
{
    AUTO(arena) a = arena_new();

    return is_mail(words, n) || cron_tree_whose(words, n, managed, others) == CRON_FOREIGN ||
           cron_tree_whose(words, n, managed, cron_system_commands(a)) == CRON_FOREIGN;
}

static void show(int pid, const char *command, struct cron_jobs *jobs)
{
    char shown[sizeof(jobs->text)];
    size_t used = strlen(jobs->text);

    mask_secrets(command, shown, sizeof(shown));
    str_make_printable(shown);
    (void)str_printf(jobs->text + used, sizeof(jobs->text) - used, "%s%d %s", used ? ", " : "", pid,
                     shown);
}

static void add_job(const struct cron_process *p, char *const *managed, char *const *others,
                    struct cron_jobs *jobs)
{
    AUTO(arena) a = arena_new();
    const char *words[WORDS_MAX];
    char path[64], joined[sizeof(jobs->text)] = "", *text = NULL;
    size_t len = 0;

    STR_PRINTF(path, "/proc/%d/cmdline", p->pid);
    if (p->cron) {
        STR_COPY(joined, "(just starting)");
    } else if (file_read(path, CMDLINE_CAP_BYTES, a, &text, &len, NULL) < 0) {
        if (!file_exists(path))
            return; /* it has ended */
        STR_COPY(joined, "(its command line cannot be read)");
    } else if (len == 0) {
        return; /* it is ending */
    } else {
        size_t n = split_words(text, len, words);

        if (is_foreign(words, n, managed, others))
            return;
        for (size_t i = n >= 3 && strcmp(words[1], "-c") == 0 ? 2 : 0; i < n; i++) {
            size_t used = strlen(joined);

            (void)str_printf(joined + used, sizeof(joined) - used, "%s%s", used ? " " : "",
                             words[i]);
        }
    }
    jobs->n++;
    show(p->pid, joined, jobs);
}

void cron_jobs_look(uid_t uid, char *const *managed, char *const *others,
                    struct cron_jobs *ret_jobs)
{
    struct cron_process *list = NULL;
    size_t n = read_processes(&list);

    *ret_jobs = (struct cron_jobs){.daemon_running = cron_tree_daemon(list, n)};
    for (size_t i = 0; i < n; i++)
        if (cron_tree_is_job(list, n, i, uid) ||
            (cron_tree_is_orphan(list, n, i, uid) && in_crons_group(list[i].pid)))
            add_job(&list[i], managed, others, ret_jobs);
    mem_free(list);
}
