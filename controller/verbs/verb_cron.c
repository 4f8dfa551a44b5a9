/* `cron show`, `cron diff`: the crontabs of the nodes, through their agents. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cron_nodes.h"
#include "controller/session/remedy.h"
#include "controller/session/report.h"
#include "controller/session/session.h"
#include "controller/verbs/verbs.h"

/* ---- show ------------------------------------------------------------------------------------ */

static const struct report_column show_columns[] = {
    {"node", "NODE", REPORT_TEXT, 0}, {"on", "ON", REPORT_NUMBER, 0},
    {"off", "OFF", REPORT_NUMBER, 0}, {"daemon_running", "CRON RUNS", REPORT_BOOL, 0},
    {"hash", NULL, REPORT_TEXT, 0},   {"error", NULL, REPORT_TEXT, 0},
};

static void show_row(struct report *t, const char *name, const struct obs_cron *o,
                     const char *error)
{
    report_text(t, STYLE_BOLD, "%s", name);
    if (error) {
        for (size_t i = 1; i + 1 < t->n_columns; i++)
            report_none(t);
    } else {
        report_number(t, STYLE_PLAIN, o->entries_on);
        report_number(t, STYLE_PLAIN, o->entries_off);
        report_bool(t, o->daemon_running ? STYLE_PLAIN : STYLE_BAD, o->daemon_running);
        report_text(t, STYLE_PLAIN, "%s", o->hash);
    }
    report_word(t, STYLE_PLAIN, error);
}

/* The text as it is; a program gets it by the line. */
static void show_text(const struct session *s, const char *name, const char *text)
{
    if (s->options.format == FORMAT_PRETTY) {
        report_put_text(s, text);
        return;
    }
    for (int line = 1; *text; line++) {
        AUTO(arena) a = arena_new();
        size_t len = strcspn(text, "\n");
        char *copy = arena_strndup(a, text, len);

        str_make_printable(copy);
        printf("line\t%s\t%d\t%s\n", name, line, copy);
        text += len + (text[len] == '\n');
    }
}

static void show_json(const struct session *s, const struct cron_nodes *c, const struct report *t)
{
    json_t *rows = report_json(t);

    for (size_t i = 0, row = 0; i < c->n; i++)
        if (c->chosen[i])
            json_object_set_new(json_array_get(rows, row++), "text",
                                c->text[i] ? report_json_text(c->text[i]) : json_null());
    report_put_json(s, rows);
}

int verb_cron_show(struct session *s, struct err *reterr)
{
    struct cron_nodes *c = arena_alloc(s->cluster.arena, sizeof(*c));
    int rc = cron_nodes_look(&s->cluster, s->options.args[0], c, reterr);
    struct report t;

    if (rc < 0)
        return rc;
    REPORT_INIT(&t, s->cluster.arena, show_columns);
    for (size_t i = 0; i < c->n; i++)
        if (c->chosen[i])
            show_row(&t, s->cluster.config.nodes[i].name, &c->world.nodes[i].obs.cron,
                     c->text[i] ? NULL : c->error[i].msg);
    if (s->options.format == FORMAT_JSON) {
        show_json(s, c, &t);
        return cron_nodes_silent(&s->cluster, c, reterr);
    }
    if (s->options.format == FORMAT_TSV)
        report_tsv(&t, "crontab");
    else
        report_pretty(&t, s);
    for (size_t i = 0; i < c->n; i++) {
        if (!c->chosen[i] || (s->options.format == FORMAT_TSV && !c->text[i]))
            continue;
        if (s->options.format == FORMAT_PRETTY)
            printf("\n# ---- %s%s%s\n", s->cluster.config.nodes[i].name, c->text[i] ? "" : ": ",
                   c->text[i] ? "" : c->error[i].msg);
        if (c->text[i])
            show_text(s, s->cluster.config.nodes[i].name, c->text[i]);
    }
    return cron_nodes_silent(&s->cluster, c, reterr);
}

/* ---- diff ------------------------------------------------------------------------------------ */

enum { DIFF_LINES_MAX = 1000 };

static void diff_row(struct report *t, const char *node, const char *change, const char *line)
{
    enum report_style style = *change == '-' ? STYLE_BAD : *change == '+' ? STYLE_GOOD : STYLE_DIM;

    report_text(t, STYLE_PLAIN, "%s", node);
    report_text(t, style, "%s", *change == ' ' ? "" : change);
    report_text(t, style, "%s", line);
}

/* The longest common subsequence, the plain way: crontabs are short. */
static void diff(struct report *t, const char *node, struct arena *a, char **old, size_t n_old,
                 char **new, size_t n_new)
{
    size_t width = n_new + 1;
    unsigned *common = arena_alloc(a, (n_old + 1) * width * sizeof(*common));

    for (size_t i = n_old; i-- > 0;)
        for (size_t j = n_new; j-- > 0;) {
            unsigned down = common[(i + 1) * width + j], right = common[i * width + j + 1];

            common[i * width + j] = strcmp(old[i], new[j]) == 0
                                        ? common[(i + 1) * width + j + 1] + 1
                                    : down > right ? down
                                                   : right;
        }
    for (size_t i = 0, j = 0; i < n_old || j < n_new;) {
        if (i < n_old && j < n_new && strcmp(old[i], new[j]) == 0) {
            diff_row(t, node, " ", old[i]);
            i++, j++;
        } else if (j == n_new ||
                   (i < n_old && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
            diff_row(t, node, "-", old[i++]);
        } else {
            diff_row(t, node, "+", new[j++]);
        }
    }
}

struct side {
    struct crontab_summary summary;
    char **lines;
    size_t n;
};

static int side(struct session *s, const struct cron_nodes *c, size_t i, enum crontab_mode mode,
                struct side *ret, struct err *reterr)
{
    const char *text = c->text[i];
    size_t len = strlen(text);
    int rc = crontab_summarize(text, len, mode, &ret->summary, reterr);

    if (rc == 0)
        rc = crontab_managed_lines(text, len, mode, s->cluster.arena, &ret->lines, &ret->n, reterr);
    if (rc < 0)
        err_set_node(reterr, s->cluster.config.nodes[i].name);
    return rc;
}

/* From the texts just read: an agent's observation may be some seconds older. Comments and blank
 * lines alone are no difference. */
static int diff_node(struct session *s, const struct cron_nodes *c, size_t i,
                     enum crontab_mode mode, struct report *t, bool *ret_alike, struct err *reterr)
{
    struct side old = {0}, new = {0};
    int rc = side(s, c, (size_t)c->owner, mode, &old, reterr);

    if (rc == 0)
        rc = side(s, c, i, mode, &new, reterr);
    if (rc < 0)
        return rc;
    *ret_alike = strcmp(old.summary.parity, new.summary.parity) == 0 &&
                 strcmp(old.summary.environment, new.summary.environment) == 0;
    if (*ret_alike)
        return 0;
    if (old.n > DIFF_LINES_MAX || new.n > DIFF_LINES_MAX)
        return err_set(reterr, ERR_TOO_LONG,
                       "`pgtandem cron show` prints both: compare them with diff",
                       "%s has %zu managed lines and the owner %zu; at most %d are compared",
                       s->cluster.config.nodes[i].name, new.n, old.n, DIFF_LINES_MAX);
    diff(t, s->cluster.config.nodes[i].name, s->cluster.arena, old.lines, old.n, new.lines, new.n);
    return 0;
}

int verb_cron_diff(struct session *s, struct err *reterr)
{
    static const struct report_column columns[] = {{"node", "NODE", REPORT_TEXT, 0},
                                                   {"change", "", REPORT_TEXT, 0},
                                                   {"line", "LINE", REPORT_TEXT, 0}};
    struct cron_nodes *c = arena_alloc(s->cluster.arena, sizeof(*c));
    enum crontab_mode mode = CRONTAB_BLOCK;
    int rc = cron_nodes_look(&s->cluster, s->options.args[0], c, reterr);
    struct report t;

    if (rc == 0)
        rc = cron_nodes_need_owner(&s->cluster, c, reterr);
    if (rc == 0)
        rc = cron_nodes_mode(&s->cluster, c, &mode, reterr);
    REPORT_INIT(&t, s->cluster.arena, columns);
    for (size_t i = 0; rc == 0 && i < c->n; i++) {
        if (!c->chosen[i] || !c->text[i] || (int)i == c->owner)
            continue;
        bool alike = true;
        rc = diff_node(s, c, i, mode, &t, &alike, reterr);
        if (rc == 0 && s->options.format == FORMAT_PRETTY)
            printf("%s %s %s\n", s->cluster.config.nodes[i].name,
                   alike ? "is identical to" : "DIFFERS from",
                   s->cluster.config.nodes[c->owner].name);
    }
    if (rc < 0)
        return rc;
    if (s->options.format != FORMAT_PRETTY || report_rows(&t)) {
        if (s->options.format == FORMAT_PRETTY)
            printf("\n- only at %s, the owner; + only there; on or off is not compared\n",
                   s->cluster.config.nodes[c->owner].name);
        report_print(&t, s);
    }
    if (s->options.format == FORMAT_PRETTY && report_rows(&t)) {
        putchar('\n');
        remedy_print(&s->options, s->cluster.arena, "pgtandem cron sync");
    }
    rc = cron_nodes_silent(&s->cluster, c, reterr);
    return rc < 0 ? rc : report_rows(&t) ? ERR_PROBLEM : 0;
}
