/*
 * Which jobs of the managed entries run now? A look at /proc; nothing is kept. By descent from cron
 * (agent/cron/cron_tree.h): what cannot be shown to come from another entry counts.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cron_jobs {
    bool daemon_running; /* a cron or crond of root's */
    int64_t n;           /* jobs of `uid` from the managed entries */
    char text[256];      /* "pid command", the first few, comma-separated */
};

/* Commands are NULL-terminated (crontab_commands()): of the managed entries, and of the crontab's
 * others. What /etc/crontab and /etc/cron.d start as this user is looked up where need be. */
void cron_jobs_look(uid_t uid, char *const *managed, char *const *others,
                    struct cron_jobs *ret_jobs);
