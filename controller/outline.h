/*
 * What a command is going to do, said before it is asked for: the rows of the step table in their
 * order, with today's values beside those that decide. `--dry-run` ends after it.
 */
#pragma once

struct run;

void outline_print(struct run *r);
