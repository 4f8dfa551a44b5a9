/*
 * The status on one screen, as a person reads it at 80 columns or more; and the same facts for
 * programs, as JSON (docs/json/status.schema.json) and as TSV.
 */
#pragma once

struct session;
struct status;

/* By the session's format. */
void status_print(const struct session *s, const struct status *st);
