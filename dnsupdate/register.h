/*
 * The ownership record D: one TXT string at `_pgtandem.<alias>` (docs/protocol.md, section 1).
 *
 * Pure: text <-> struct, no I/O. "It was us" means that the whole string is equal, so a record is
 * always compared as text (register_format), never field by field.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum {
    NODE_NAME_BYTES = 25,     /* a node's name, with its NUL: [a-z0-9][a-z0-9-]* */
    NONCE_BYTES = 33,         /* 32 lowercase hex digits and the NUL */
    TXN_BYTES = 17,           /* 16 lowercase hex digits and the NUL */
    BY_BYTES = 33,            /* "root@ctl" */
    REGISTER_NODES_MAX = 8,   /* nodes in `from` */
    REGISTER_TEXT_BYTES = 256 /* one TXT string holds at most 255 bytes (RFC 1035, 3.3.14) */
};

enum register_state {
    REGISTER_STABLE, /* no transition open */
    REGISTER_CLAIM,  /* planned: owner is still the old one */
    REGISTER_SEIZE,  /* unplanned: owner is still the old one, no node may start writable */
    REGISTER_FLIP,   /* owner is the new one, its promotion permitted */
    REGISTER_UNDO,   /* owner is the old one again, on the way back to stable */
};

/* How a `from` node was fenced (docs/protocol.md, section 5). */
enum grade {
    GRADE_NONE,
    GRADE_G1, /* by its own agent */
    GRADE_G2, /* by a hook that cut its power and verified it */
    GRADE_G3, /* by an administrator's typed statement */
};

struct register_from {
    char node[NODE_NAME_BYTES];
    int grade; /* enum grade */
};

struct record {
    int64_t epoch; /* > 0; 0 in memory means "none seen" */
    char nonce[NONCE_BYTES];
    int state; /* enum register_state */
    char owner[NODE_NAME_BYTES];
    char to[NODE_NAME_BYTES];                      /* "" when none ("-" in text) */
    struct register_from from[REGISTER_NODES_MAX]; /* every node that may still be writable */
    size_t n_from;
    char txn[TXN_BYTES];
    uint64_t sysid;
    int64_t tli;
    int64_t ttl;       /* seconds: the alias's own TTL, to be restored */
    char by[BY_BYTES]; /* who holds it */
};

extern const char *const register_state_names[]; /* "stable" … NULL-terminated */
extern const char *const grade_names[];          /* "-", "g1", "g2", "g3", NULL-terminated */

/* Text -> struct. ERR_REGISTER with the offending key for anything but the exact form that
 * register_format writes (unknown or repeated keys, wrong order, upper-case hex, over 255
 * bytes). */
int register_parse(const char *text, struct record *ret_record, struct err *reterr);

/* Struct -> the one text form. ERR_TOO_LONG above 255 bytes, ERR_INVALID for names with blanks. */
int register_format(const struct record *r, char ret_text[REGISTER_TEXT_BYTES], struct err *reterr);

/* "_pgtandem.db.ia2.test" for "db.ia2.test". False if it does not fit. */
bool register_name(const char *alias, char *ret_name, size_t bytes);

bool register_node_name_valid(const char *name);
bool register_from_has(const struct record *r, const char *node);
enum grade register_grade_of(const struct record *r, const char *node); /* GRADE_NONE if absent */
void register_from_add(struct record *r, const char *node,
                       enum grade grade); /* or raise its grade */
void register_from_remove(struct record *r, const char *node);

/* Fresh random lowercase hex (getrandom(2)): nonces and transaction ids are never reused. */
void register_new_nonce(char ret_nonce[NONCE_BYTES]);
void register_new_txn(char ret_txn[TXN_BYTES]);
