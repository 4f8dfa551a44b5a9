/*
 * Settings that a primary ignores and a standby obeys (PostgreSQL 15, 20.5.5 Recovery Target and
 * 20.5.4 Archive Recovery): left behind by a restore, they change nothing until the node comes up
 * with standby.signal. Then recovery ends automatically: it promotes, pauses, or shuts down.
 *
 * Nothing that pgtandem starts may leave recovery but by PROMOTE (docs/protocol.md, section 2). A
 * postmaster that the agent starts itself gets the settings that end a recovery emptied on its
 * command line, which no file overrides. Any other start (a service manager's, a person's) reads
 * the files alone, so there they are emptied in postgresql.auto.conf, which is read last.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err;
struct postgres_config;

enum { PGRECOVERY_OPTIONS_MAX = 8, PGRECOVERY_TEXT_BYTES = 300 };

/* For the command line of a start: "recovery_target=", …; what this major version knows. */
size_t pgrecovery_options(const struct postgres_config *c,
                          const char *ret_options[PGRECOVERY_OPTIONS_MAX]);
/* One of those? (`name=`) */
bool pgrecovery_is_option(const char *setting);

/* What a start as a standby would obey, by the files: `recovery_target = 'immediate' (FILE line 4),
 * …`; "" nothing. `ending`: only what could end its recovery. False: a file could not be read. */
bool pgrecovery_in_files(const struct postgres_config *c, bool ending,
                         char ret_text[PGRECOVERY_TEXT_BYTES]);

/* SQL: what could end the recovery of a running server, as it is in force now; '' nothing. */
#define PGRECOVERY_ACTIVE_SQL                                                                      \
    "concat_ws(', ', 'recovery_target = ' || nullif(current_setting('recovery_target'), ''),"      \
    " 'recovery_target_name = ' || nullif(current_setting('recovery_target_name'), ''),"           \
    " 'recovery_target_time = ' || nullif(current_setting('recovery_target_time'), ''),"           \
    " 'recovery_target_xid = ' || nullif(current_setting('recovery_target_xid'), ''),"             \
    " 'recovery_target_lsn = ' || nullif(current_setting('recovery_target_lsn'), ''),"             \
    " 'promote_trigger_file = ' || nullif(current_setting('promote_trigger_file', true), ''))"

/* Empty in postgresql.auto.conf what could end a recovery, if there is such a thing; *ret_text says
 * what it was ("" nothing). Only while PostgreSQL is stopped. ERR_REFUSED: it could not be done,
 * and whoever starts this node as a standby gets a primary. */
int pgrecovery_disarm(const struct postgres_config *c, char ret_text[PGRECOVERY_TEXT_BYTES],
                      struct err *reterr);
