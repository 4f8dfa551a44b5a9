/*
 * Which of a primary's walsenders (pg_stat_replication) serves which node. A standby says who it is
 * by application_name, as its primary_conninfo has it; the server itself knows only the address. A
 * name may be a clone's, an address may be shared or translated: the best match counts, and both
 * together count for more than either.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/messages.h"

/* Bit per walsender of `pg`: those that serve the node of this name and PostgreSQL address. */
uint32_t senders_of(const struct obs_pg *pg, const char *node, const char *address);

/* The primary itself says that the node streams from it and has flushed its last checkpoint: what
 * it received was written after that checkpoint had begun. After a CHECKPOINT that proves that the
 * connection lives now, whatever the standby believes of it (no clock is asked). */
bool senders_attached(const struct obs_pg *pg, const char *node, const char *address);
