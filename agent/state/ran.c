#include "agent/state/ran.h"

#include <string.h>

#include "base/child.h"
#include "base/str.h"

/* The end of it, from the beginning of a line where one fits; each line harmless, so that the
 * frame's cap holds. */
static void keep_end(char *dst, const char *text)
{
    size_t len = strlen(text);

    if (len >= RAN_OUTPUT_BYTES) {
        text += len - (RAN_OUTPUT_BYTES - 1);
        const char *newline = strchr(text, '\n');

        text = newline && newline[1] ? newline + 1 : text;
    }
    (void)str_copy(dst, RAN_OUTPUT_BYTES, text);
    for (char *line = dst, *newline; *line; line = newline + 1) {
        newline = line + strcspn(line, "\n");
        bool last = !*newline;

        *newline = '\0';
        str_make_printable(line);
        if (last)
            return;
        *newline = '\n';
    }
}

static struct ran *next(struct ran_log *l, const char *command, const char *output)
{
    size_t i = l->n < RAN_MAX ? l->n++ : RAN_MAX - 1;

    l->list[i] = (struct ran){.status = -1};
    STR_COPY(l->list[i].command, command);
    keep_end(l->output[i], output);
    return &l->list[i];
}

void ran_child(struct ran_log *l, const char *command, const struct child_result *r,
               const char *output)
{
    if (!l)
        return;
    struct ran *ran = next(l, command, r->started ? output : strerror(r->error));
    ran->status = r->started ? r->status : 127;
    ran->signal = r->signal;
    ran->timed_out = r->timed_out;
    ran->ms = r->elapsed_ms;
}

void ran_server(struct ran_log *l, const char *command, int status, int64_t ms, const char *output)
{
    if (!l)
        return;
    struct ran *ran = next(l, command, output);
    ran->status = status;
    ran->ms = ms;
}

void ran_fill(struct ran_log *l, struct reply *reply)
{
    reply->n_ran = l->n;
    for (size_t i = 0; i < l->n; i++) {
        reply->ran[i] = l->list[i];
        reply->ran[i].output = l->output[i][0] ? l->output[i] : NULL;
    }
}
