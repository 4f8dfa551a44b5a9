/* What the machine's own crontabs start as this user: /etc/crontab and /etc/cron.d. */
#pragma once

struct arena;

/* The commands, in the arena, NULL-terminated; files that cannot be read are left out. */
char **cron_system_commands(struct arena *a);
