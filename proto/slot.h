/*
 * The replication slot that a node has on whoever it streams from (PostgreSQL, 26.2.6 Replication
 * Slots: names are lower case letters, digits and underscores). Made here and nowhere else.
 */
#pragma once

#include <stdbool.h>

#include "proto/messages.h"

/* The node's name, with '_' for '-'. */
void slot_name_of(const char *node, struct slot_name *ret_slot);
bool slot_is_of(const char *slot, const char *node);
