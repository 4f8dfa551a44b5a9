#include "agent/cron/cron_tree.h"

#include <string.h>

static const struct cron_process *find(const struct cron_process *list, size_t n, int pid)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].pid == pid)
            return &list[i];
    return NULL;
}

static bool child_of_cron(const struct cron_process *list, size_t n, const struct cron_process *p)
{
    const struct cron_process *parent = find(list, n, p->parent);

    return parent && parent->cron;
}

bool cron_tree_daemon(const struct cron_process *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].cron && list[i].uid == 0 && !child_of_cron(list, n, &list[i]))
            return true;
    return false;
}

bool cron_tree_is_job(const struct cron_process *list, size_t n, size_t i, uid_t uid)
{
    const struct cron_process *p = &list[i];

    /* of root's crontab a child called cron may be the one that waits */
    return !p->ended && p->uid == uid && (uid != 0 || !p->cron) && child_of_cron(list, n, p);
}

bool cron_tree_is_orphan(const struct cron_process *list, size_t n, size_t i, uid_t uid)
{
    const struct cron_process *p = &list[i], *parent = find(list, n, p->parent);

    return !p->ended && p->uid == uid && p->session > 0 && !find(list, n, p->session) &&
           (!parent || parent->session != p->session);
}

/* ---- whose ----------------------------------------------------------------------------------- */

static bool any_is(char *const *commands, const char *text)
{
    for (; *commands; commands++)
        if (strcmp(*commands, text) == 0)
            return true;
    return false;
}

static bool any_has(char *const *commands, const char *text)
{
    for (; *commands; commands++)
        if (strstr(*commands, text))
            return true;
    return false;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* A program's name that no managed entry has, or a script's path: else it may be a variable's
 * value, a wrapper's choice, anything. */
enum cron_whose cron_tree_whose(const char *const *words, size_t n, char *const *managed,
                                char *const *others)
{
    if (n >= 3 && strcmp(words[1], "-c") == 0 && any_is(others, words[2]))
        return any_is(managed, words[2]) ? CRON_MANAGED : CRON_FOREIGN;
    if (n >= 2 && words[1][0] != '-' && strchr(words[1], '/') && any_has(others, words[1]))
        return any_has(managed, words[1]) ? CRON_MANAGED : CRON_FOREIGN;
    if (*base_name(words[0]) && any_has(others, base_name(words[0])))
        return any_has(managed, base_name(words[0])) ? CRON_MANAGED : CRON_FOREIGN;
    return CRON_MANAGED;
}
