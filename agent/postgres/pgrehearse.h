/* Words for rehearsals that failed: of a connection, of what the agent's role may do. Pure, but for
 * pgrehearse_auto_conf(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct upstream;

/* What the server itself said, without where libpq was connecting to: after "FATAL:", or after
 * "failed:". */
const char *pgrehearse_reason(const char *text);

/* What to type for that text: the line for pg_hba.conf with the address that the server saw (else
 * `own_address`), the password file, the role, … */
void pgrehearse_remedy(const char *text, const struct upstream *up, const char *own_address,
                       const char *user, char *ret_remedy, size_t bytes);

struct pgrights { /* of the agent's role */
    int version;  /* server_version_num */
    bool alter_allowed, alter, checkpoint, promote, slots, reload;
};
/* False: nothing is missing. Else the first thing, and what to type. */
bool pgrehearse_rights_missing(const struct pgrights *g, const char *user, bool reloads_by_sql,
                               char *ret_said, size_t said_bytes, char *ret_remedy, size_t bytes);

/* 0, or the errno with which ALTER SYSTEM would fail to replace PGDATA/postgresql.auto.conf. */
int pgrehearse_auto_conf(const char *data_directory, char *ret_path, size_t bytes);
