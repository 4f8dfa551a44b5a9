/* Plans as the verbs of verb_move.c need them: to show one instead of moving, to move by one. */
#pragma once

#include "controller/decide/planner.h"

struct err;
struct plan;
struct session;

/* Look, and show what the command would do; saves it where --save says so. 0, or why it would not
 * come to its end. */
int plan_show(struct session *s, enum planner_command command, const char *to, struct err *reterr);

/* The plan of --plan, for this cluster and this command; its target and options become the
 * session's. */
int plan_take(struct session *s, enum planner_command command, const struct plan **ret_plan,
              struct err *reterr);
/* ERR_PREFLIGHT, naming each fact that has changed since. */
int plan_still_holds(struct session *s, const struct plan *then, struct err *reterr);
/* The same as an error: every change is printed, the first is in the message. */
int plan_check_facts(struct session *s, const struct plan *then, const struct plan *now,
                     struct err *reterr);
