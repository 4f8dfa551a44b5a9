#include "controller/session/session.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

int session_open(struct session *s, const struct options *o, const struct verb_row *row,
                 struct err *reterr)
{
    struct cluster *c = &s->cluster;
    int rc = 0;

    *s = (struct session){.options = *o, .verb = &row->cli};
    cluster_init(c);
    s->term = term_look(stdout, o->color);
    if (row->needs)
        rc = config_load(o->config_path, &c->config, reterr);
    if (rc == 0 && (row->needs & (NEEDS_AGENTS | NEEDS_ZONE | NEEDS_UPDATE)))
        rc = cluster_open_dns(c,
                              row->needs & NEEDS_UPDATE ? CLUSTER_KEY_UPDATE
                              : row->needs & NEEDS_ZONE ? CLUSTER_KEY_QUERY
                                                        : CLUSTER_KEY_NONE,
                              reterr);
    if (rc == 0 && (row->needs & NEEDS_AGENTS))
        rc = cluster_open_agents(c, reterr);
    if (rc == 0 && (row->needs & (NEEDS_UPDATE | NEEDS_OBEYED)))
        rc = cluster_may_act(c, reterr);
    if (rc < 0)
        session_close(s);
    return rc;
}

void session_close(struct session *s)
{
    cluster_close(&s->cluster);
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* One line from the terminal, without its newline; false at end of file or when it is too long. */
static bool read_answer(char *ret_line, size_t bytes)
{
    if (!fgets(ret_line, (int)bytes, stdin))
        return false;
    size_t len = strcspn(ret_line, "\n");
    if (ret_line[len] != '\n')
        return false;
    ret_line[len] = '\0';
    return true;
}

int session_confirm(struct session *s, const char *question, const char *expect, struct err *reterr)
{
    const struct term err = term_look(stderr, s->options.color);
    char line[256] = "";

    if (s->options.yes)
        return 0;
    if (!isatty(STDIN_FILENO))
        return err_set(reterr, ERR_DECLINED, "--yes answers for a script",
                       "a question has to be answered and standard input is not a terminal: %s",
                       question);
    if (!expect)
        expect = "yes";
    fflush(stdout);
    term_wrap(&err, "", question);
    fprintf(stderr, "Type %s to go on: ", expect);
    fflush(stderr);
    if (read_answer(line, sizeof(line)) && strcmp(line, expect) == 0)
        return 0;
    return err_set(reterr, ERR_DECLINED, "--yes answers without a question",
                   "declined: \"%.40s\" is not \"%s\"; nothing was changed after the question",
                   line, expect);
}

int session_reason(struct session *s, const char **ret_reason, struct err *reterr)
{
    char line[REASON_BYTES];
    const char *reason = s->options.reason;

    if (!reason && isatty(STDIN_FILENO)) {
        fflush(stdout);
        fprintf(stderr, "Reason (for the journal): ");
        fflush(stderr);
        if (read_answer(line, sizeof(line)))
            reason = arena_strdup(s->cluster.arena, line);
    }
    if (!reason || !*reason)
        return err_set(reterr, ERR_USAGE, "--reason \"kernel update\"",
                       "a reason is needed: whoever reads the journal later will ask");
    if (strlen(reason) >= REASON_BYTES)
        return err_set(reterr, ERR_USAGE, "shorten it; a ticket's number says the rest",
                       "the reason is %zu bytes long, %d are the most", strlen(reason),
                       REASON_BYTES - 1);
    json_t *utf8 = json_string(reason); /* NULL if it is not: no journal could keep it */
    json_decref(utf8);
    if (!utf8)
        return err_set(reterr, ERR_USAGE, "type it in a UTF-8 terminal, or without accents",
                       "the reason is not UTF-8 text");
    *ret_reason = reason;
    return 0;
}
