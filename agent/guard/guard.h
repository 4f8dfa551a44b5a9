/*
 * `pgtandem-agent guard`: may PostgreSQL start here, and how? Run before postgresql.service and
 * before cron, as root or as PGDATA's owner (which it becomes).
 *
 * It decides by the table of docs/protocol.md, section 6, makes it so (standby.signal, the
 * crontab) and prints one line that says what, why and what next. Exit status 0: PostgreSQL may
 * start, writable or as a standby, as the signal file now says. 10 + row: it may not; nothing may
 * beside processes that have outlived their postmaster (they end, or are ended, first).
 *
 * While a postmaster runs, only the crontab is set by the same table: PostgreSQL is never stopped
 * here, and the status is 0. With `cron_only` (the guard before cron) it is 0 whenever the
 * crontab is as the table wants it, else 10 + row.
 */
#pragma once

#include <stdbool.h>

struct config;

int guard_run(struct config *c, bool cron_only);
