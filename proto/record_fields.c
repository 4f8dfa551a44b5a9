/* The ownership record as JSON: an agent's state file and `-f json` (its DNS text is
 * register.c's). */
#include "proto/messages.h"

static const struct field from_fields[] = {
    F_STRING(struct register_from, node, FIELD_REQUIRED, NULL, "node that may still be writable"),
    F_ENUM(struct register_from, grade, 0, grade_names, NULL, "how it was fenced"),
};
static FIELD_TABLE(from_table, struct register_from, "from", from_fields);

static const struct field record_fields[] = {
    F_INT(struct record, epoch, 0, 0, INT64_MAX, NULL, "grows with every acting command"),
    F_STRING(struct record, nonce, 0, NULL, "fresh in every update"),
    F_ENUM(struct record, state, 0, register_state_names, NULL, "stable, claim, seize, flip, undo"),
    F_STRING(struct record, owner, 0, NULL, "who may be writable"),
    F_STRING(struct record, to, 0, NULL, "the target of an open transition"),
    F_LIST(struct record, from, n_from, 0, &from_table, "nodes that may still be writable"),
    F_STRING(struct record, txn, 0, NULL, "the transition"),
    F_ID(struct record, sysid, 0, "system identifier"),
    F_INT(struct record, tli, 0, 0, UINT32_MAX, NULL, "timeline"),
    F_INT(struct record, ttl, 0, 0, INT32_MAX, NULL, "the alias's own TTL, seconds"),
    F_STRING(struct record, by, 0, NULL, "who holds it"),
};
FIELD_TABLE(message_record_table, struct record, "record", record_fields);
