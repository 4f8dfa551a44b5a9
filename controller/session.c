#include "controller/session.h"

#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/world/name_servers.h"

/* ---- who ------------------------------------------------------------------------------------- */

/* What may stand in the record: printable, no blank, quote or backslash. */
static void copy_plain(char *dst, size_t bytes, const char *src)
{
    size_t n = 0;

    for (; *src && n + 1 < bytes; src++)
        if (*src > ' ' && *src <= '~' && *src != '"' && *src != '\\')
            dst[n++] = *src;
    dst[n] = '\0';
}

static void short_host(char *ret_host, size_t bytes)
{
    char host[256] = "";

    (void)gethostname(host, sizeof(host) - 1);
    host[strcspn(host, ".")] = '\0';
    copy_plain(ret_host, bytes, *host ? host : "unknown");
}

/* "root@ctl"; under sudo the person, not root. Cut to fit: half for the user, the rest for the
 * host. */
static void who(char ret_by[BY_BYTES])
{
    const char *sudo = getenv("SUDO_USER");
    const struct passwd *pw = getpwuid(getuid());
    char user[17], host[BY_BYTES - 17];

    copy_plain(user, sizeof(user), sudo && *sudo ? sudo : pw ? pw->pw_name : "unknown");
    short_host(host, sizeof(host));
    (void)str_printf(ret_by, BY_BYTES, "%s@%s", user, host);
}

/* ---- opening --------------------------------------------------------------------------------- */

int session_open_dns(struct session *s, bool with_key, struct err *reterr)
{
    const struct config *c = &s->config;

    STR_COPY(s->zone.zone, c->dns.zone);
    STR_COPY(s->zone.alias, c->cluster.alias);
    STR_COPY(s->zone.server, c->dns.server);
    STR_COPY(s->zone.others, c->dns.others);
    name_servers_recall(c->journal.directory, &s->zone);
    s->zone.tcp = c->dns.tcp;
    if (!with_key)
        return 0;
    return keyfile_load(c->dns.key_file, *c->dns.key_name ? c->dns.key_name : NULL, &s->zone.key,
                        reterr);
}

int session_open_agents(struct session *s, struct err *reterr)
{
    const struct config *c = &s->config;
    char host[NODE_NAME_BYTES];
    int rc = tls_context_new(&c->tls, c->cluster.name, PEER_CONTROLLER, "", &s->tls, reterr);

    if (rc < 0)
        return rc;
    short_host(host, sizeof(host));
    for (size_t i = 0; i < c->n_nodes; i++) {
        s->peers[i] = rpc_peer_new(s->loop, s->tls, c->cluster.name, c->nodes[i].name,
                                   c->nodes[i].agent, PEER_CONTROLLER, host);
        rpc_peer_knock(s->peers[i], c->nodes[i].address, c->nodes[i].port);
    }
    return 0;
}

int session_open(struct session *s, const struct options *o, const struct verb_row *verb,
                 struct err *reterr)
{
    int rc = 0;

    *s = (struct session){.options = *o, .verb = verb};
    s->arena = arena_new();
    s->loop = loop_new();
    s->term = term_look(stdout, o->color);
    who(s->by);
    if (verb->needs & (NEEDS_CONFIG | NEEDS_AGENTS | NEEDS_DNS))
        rc = config_load(o->config_path, &s->config, reterr);
    if (rc == 0 && (verb->needs & (NEEDS_AGENTS | NEEDS_DNS)))
        rc = session_open_dns(s, verb->needs & NEEDS_DNS, reterr);
    if (rc == 0 && (verb->needs & NEEDS_AGENTS))
        rc = session_open_agents(s, reterr);
    if (rc < 0)
        session_close(s);
    return rc;
}

void session_close(struct session *s)
{
    for (size_t i = 0; i < CLUSTER_NODES_MAX; i++)
        rpc_peer_free(s->peers[i]);
    tls_context_free(s->tls);
    loop_free(s->loop);
    arena_free(s->arena);
    explicit_bzero(&s->zone.key, sizeof(s->zone.key));
    *s = (struct session){.loop = NULL};
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
            reason = arena_strdup(s->arena, line);
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
