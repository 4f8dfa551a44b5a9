/*
 * A story on the screen, for `show`: its head, each step with everything that was kept of it, its
 * end. Texts in the session's arena.
 */
#pragma once

#include <jansson.h>

struct session;
struct story;
struct story_list;
struct story_step;

void story_print_head(struct session *s, const struct story *st);
void story_print_step(struct session *s, const struct story_step *step);
/* Outcome, outage, certificate, what was outstanding and by which command it has been settled. */
void story_print_end(struct session *s, const struct story_list *l, const struct story *st);
/* All of it; the caller owns it. */
json_t *story_json(struct session *s, const struct story_list *l, const struct story *st);

/* One answer of an agent, one verdict of DNS, one node as it was seen, in words (also for the
 * page of `report`). */
const char *story_answer_text(struct session *s, const json_t *answer);
const char *story_ran_text(struct session *s, const json_t *ran);
const char *story_dns_text(struct session *s, const json_t *dns);
const char *story_seen_text(struct session *s, const json_t *seen);
