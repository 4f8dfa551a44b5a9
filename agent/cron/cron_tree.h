/*
 * Whose process is it? By descent from cron, never by its command line: with SHELL=/bin/bash the
 * shell becomes the last command, wrappers become what they wrap. Pure: a process table in, an
 * answer out.
 *
 *     cron (root) --> CRON (root; waits for the job) --> the job: sh -c COMMAND, as the crontab's
 *     user --> its children
 *
 * A job is what cron's child has started as that user, as long as that process lives. What a job
 * has left behind in the background counts too while it is in the job's session: without its leader
 * by the control group of cron's service, where there is one. What has made a session of its own
 * (setsid, a daemon such as a postmaster) is no job any more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct cron_process {
    int pid, parent, session;
    uid_t uid;
    bool cron;  /* called cron or crond */
    bool ended; /* a zombie */
};

bool cron_tree_daemon(const struct cron_process *list, size_t n);
/* Is list[i] the first process of a job of `uid`'s, or a child of cron that is just becoming it? */
bool cron_tree_is_job(const struct cron_process *list, size_t n, size_t i, uid_t uid);
/* Is list[i] of a session whose leader has ended, without a parent of it: is its group to be
 * asked? */
bool cron_tree_is_orphan(const struct cron_process *list, size_t n, size_t i, uid_t uid);

/* The entry that a job comes from, if that is known: `words` is its command line (n > 0).
 * CRON_FOREIGN only on proof, that is, if it can be none of `managed` and is one of `others`; both
 * NULL-terminated (crontab_commands()). */
enum cron_whose { CRON_MANAGED, CRON_FOREIGN };
enum cron_whose cron_tree_whose(const char *const *words, size_t n, char *const *managed,
                                char *const *others);
