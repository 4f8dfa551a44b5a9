/*
 * One command's run: the cluster, and what only a command has: options, a verb, a terminal and its
 * questions. What a command does gets a `struct session *` and nothing global; what only looks at
 * the cluster gets that alone (controller/cluster/).
 */
#pragma once

#include "base/term.h"
#include "controller/cluster/cluster.h"
#include "controller/session/commands.h"

struct session {
    struct cluster cluster; /* open as far as the verb needs it */
    struct options options;
    const struct cli_verb *verb;
    struct term term; /* standard output */
};

/* Open what the verb needs. */
int session_open(struct session *s, const struct options *o, const struct verb_row *row,
                 struct err *reterr);
void session_close(struct session *s);

/* Ask on the terminal for `expect` to be typed (the cluster's name; NULL: "yes"); with --yes the
 * answer is taken as given. Or ERR_DECLINED, also where there is no terminal to ask on. */
int session_confirm(struct session *s, const char *question, const char *expect,
                    struct err *reterr);
/* --reason, or asked for on a terminal, or ERR_USAGE. In the session's arena. */
int session_reason(struct session *s, const char **ret_reason, struct err *reterr);
