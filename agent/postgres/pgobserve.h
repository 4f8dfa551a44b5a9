/* postgres_look(): what this node's PostgreSQL is, by SQL and by files. Inside of
 * agent/postgres/postgres.h. */
#pragma once

struct pglook;
struct postgres;

struct pglook *pglook_new(struct postgres *p);
void pglook_free(struct pglook *l); /* waiting callers are not called back */
