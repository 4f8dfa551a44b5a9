/*
 * What this standby's primary_conninfo says beside host and port: sslmode, passfile, timeouts.
 *
 * DETACH empties the setting, and a primary has none: what stood there before would be lost when
 * the node has to follow again. So each look notes the value in force, and the last one that said
 * anything is kept in a file of the agent's (mode 0600: it may hold a password).
 */
#pragma once

#include <stddef.h>

struct pgkept;
struct postgres_config;

struct pgkept *pgkept_new(void);
void pgkept_free(struct pgkept *k);
/* From and, from now on, into this file. One that is not there is none. */
void pgkept_load(struct pgkept *k, const char *path);

/* `value`: of primary_conninfo in the server that runs; NULL: there is none, or it was not
 * asked. */
void pgkept_note(struct pgkept *k, const char *value);
/* What a new primary_conninfo starts from: the value in force; or what a start would take from the
 * configuration files; or the last that was kept; or "". Valid until the next call. */
const char *pgkept_base(struct pgkept *k, const struct postgres_config *c);
