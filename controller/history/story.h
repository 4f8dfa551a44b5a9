/*
 * What a journal says: who, why, each step with its time, how it ended. For `history`, `show` and
 * `report`; nothing is decided by it.
 *
 * Journals of every version of the program can be read: what an older one did not write is empty or
 * -1. Texts and JSON are borrowed from the journal's records.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/journal/journal.h"

struct arena;
struct err;

enum { STORY_ON_MAX = 16 };

struct story_step {
    const char *name;
    const char *node;             /* "" none or several */
    const char *on[STORY_ON_MAX]; /* those that it acted on */
    size_t n_on;
    int64_t at_ms; /* since the command was given */
    int64_t ms;    /* how long it took; -1: it has no result */
    bool ok;
    bool skipped; /* planned, and not needed: `detail` says why */
    const char *detail, *error, *hint;
    const json_t *data; /* the result's; NULL: none */
};

struct story {
    struct journal_file *file; /* owned */
    const char *txn, *verb, *by, *reason, *cluster, *from, *to;
    const char *transition; /* that was open when it began; "" none */
    const json_t *begin;    /* NULL: not even that can be read */
    const json_t *end;      /* NULL: it has none */
    int64_t began_wall_ms;  /* when it was typed; 0 unknown */
    int64_t last_wall_ms;   /* of the last record */
    const char *outcome;    /* "done" "undone" "stopped" "failed"; "unfinished" without an end */
    const char *message;
    int64_t exit;                   /* -1 without an end */
    int64_t outage_ms, duration_ms; /* -1 none, unknown */
    bool last_heard;                /* of a lost primary: the outage is at most that */
    int64_t epoch;                  /* -1 unknown */
    struct story_step *steps;
    size_t n_steps;
};

/* Takes over `file`. */
struct story *story_of(struct journal_file *file, struct arena *a);
void story_free(struct story *s); /* the journal's file; the rest is the arena's */

/* All of a directory, oldest first; what cannot be read at all (permissions) is a story with damage
 * in its file and nothing else. */
struct story_list {
    struct story **stories;
    size_t n;
};
int story_list_read(const char *directory, struct arena *a, struct story_list *ret_list,
                    struct err *reterr);
void story_list_free(struct story_list *l);

/* The one whose id begins with `prefix`, else the newest that worked on a transition whose id does;
 * NULL or "": the newest. ERR_USAGE when there is none (*ret_none is true then, if it is not NULL)
 * or more than one. */
int story_list_find(const struct story_list *l, const char *prefix, struct story **ret_story,
                    bool *ret_none, struct err *reterr);

/* The story's step of that name that was achieved, or NULL. */
const struct story_step *story_step(const struct story *s, const char *name);
/* A text of a JSON object, "" when there is none. */
const char *story_text(const json_t *o, const char *key);
int64_t story_number(const json_t *o, const char *key, int64_t otherwise);

/* What was still outstanding at the end of a story, and which later one no longer did. */
struct story_debt {
    const char *text;
    const struct story *settled; /* NULL: not yet, as far as these journals show */
};
size_t story_debts(const struct story_list *l, const struct story *s, struct arena *a,
                   struct story_debt **ret_debts);

struct session;
/* The one that the command line names (verb_show.c), with the list it is in; when no journal here
 * is of it, the error says what DNS knows of it, and where to look. */
int story_choose(struct session *s, struct story_list *ret_list, struct story **ret_story,
                 struct err *reterr);
