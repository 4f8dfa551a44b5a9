/*
 * Where a service manager starts PostgreSQL, it runs the guard first, also when this agent asked
 * for the start in the middle of an act, with the state lock held. The permit shows that guard:
 * the agent, this living process, has decided already. It is void as soon as the process or the
 * act has ended.
 */
#pragma once

#include <stdbool.h>

struct err;
struct state_binding;

int permit_give(const struct state_binding *b, struct err *reterr);
void permit_withdraw(const struct state_binding *b);
/* To be asked only while somebody else holds the state lock. */
bool permit_valid(const struct state_binding *b);
