/*
 * Which jobs of the managed entries run now? A look at /proc; nothing is kept.
 *
 * cron forks a child for each job, and that one a process of the crontab's user which becomes
 * `sh -c COMMAND` and, where the shell saves a process, the command itself.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cron_jobs {
    bool daemon_running; /* a cron or crond of root's */
    int64_t n;           /* jobs of `uid` from the given commands */
    char text[256];      /* "pid command", the first few, comma-separated */
};

/* `commands` is NULL-terminated (crontab_commands()). */
void cron_jobs_look(uid_t uid, char *const *commands, struct cron_jobs *ret_jobs);
