/* `dns show`, `dns verify`: alias and record as the primary and every name server of the zone show
 * them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/dns_words.h"
#include "controller/cluster/observe.h"
#include "controller/session/remedy.h"
#include "controller/session/report.h"
#include "controller/session/session.h"
#include "controller/verbs/verbs.h"

static const struct report_column columns[] = {
    {"server", "SERVER", REPORT_TEXT, 0}, {"name", "NAME", REPORT_TEXT, 2},
    {"answer", "ANSWER", REPORT_TEXT, 0}, {"target", "ALIAS", REPORT_TEXT, 0},
    {"ttl", "TTL", REPORT_NUMBER, 0},     {"serial", "SERIAL", REPORT_NUMBER, 3},
    {"epoch", "EPOCH", REPORT_NUMBER, 0}, {"state", "STATE", REPORT_TEXT, 0},
    {"owner", "OWNER", REPORT_TEXT, 4},   {"agrees", "AGREES", REPORT_BOOL, 0},
    {"ms", "MS", REPORT_NUMBER, 5},       {"problem", NULL, REPORT_TEXT, 0},
    {"record", NULL, REPORT_TEXT, 0},     {"serves", NULL, REPORT_TEXT, 0},
    {"key", NULL, REPORT_TEXT, 0},
};

static const char *answer_word(const struct dns_view *v)
{
    switch (v->status) {
    case DNS_VIEW_OK:
        return "ok";
    case DNS_VIEW_SILENT:
        return "silent";
    case DNS_VIEW_REFUSED:
        return "refused";
    }
    return "";
}

/* … with our key */
static const char *key_word(enum dns_view_status status)
{
    switch (status) {
    case DNS_VIEW_OK:
        return "accepted";
    case DNS_VIEW_SILENT:
        return "silent";
    case DNS_VIEW_REFUSED:
        return "refused";
    }
    return "";
}

static void known(struct report *t, bool is_known, int64_t n)
{
    if (is_known)
        report_number(t, STYLE_PLAIN, n);
    else
        report_none(t);
}

/* `ns`: one of the survey; NULL: the zone's primary. */
static void server_row(struct arena *a, struct report *t, const char *name,
                       const struct dns_view *v, const struct dns_survey_ns *ns,
                       const char *problem, enum dns_view_status key)
{
    bool ok = v->status == DNS_VIEW_OK, valid = ok && v->record_valid;
    const char *state = !ok        ? NULL
                        : valid    ? register_state_names[v->record.state]
                        : v->n_txt ? "INVALID"
                                   : "none";

    report_word(t, STYLE_PLAIN, v->server);
    report_text(t, STYLE_PLAIN, "%s", name);
    report_text(t, ok ? STYLE_GOOD : STYLE_BAD, "%s", answer_word(v));
    report_word(t, STYLE_PLAIN, !ok ? NULL : v->cname_present ? v->cname : "none");
    known(t, ok && v->cname_present, v->cname_ttl);
    known(t, ok && v->serial >= 0, v->serial);
    known(t, valid, v->record.epoch);
    report_word(t, ok && !valid ? STYLE_BAD : STYLE_PLAIN, state);
    report_word(t, STYLE_PLAIN, valid ? v->record.owner : NULL);
    if (ns)
        report_bool(t, ns->agrees ? STYLE_PLAIN : STYLE_BAD, ns->agrees);
    else
        report_none(t);
    known(t, ok, v->elapsed_ms);
    report_text(t, STYLE_PLAIN, "%s", problem);
    report_text(t, STYLE_PLAIN, "%s", ok ? v->txt : "");
    report_name(t, STYLE_PLAIN, dns_words_serves(a, v, clock_wall_ms()));
    report_text(t, STYLE_PLAIN, "%s", key_word(key));
}

static void server_rows(const struct session *s, const struct world *w, struct report *t)
{
    struct arena *a = s->cluster.arena;
    struct dns_view primary = w->d;

    if (!*primary.server)
        STR_COPY(primary.server, s->cluster.zone.server);
    server_row(a, t, "(primary)", &primary, NULL, w->d_error.msg, primary.status);
    for (size_t i = 0; w->survey_done && i < w->survey.n; i++)
        server_row(a, t, w->survey.ns[i].name, &w->survey.ns[i].view, &w->survey.ns[i],
                   w->survey.ns[i].why, w->survey.ns[i].key);
}

static void print_pretty(const struct session *s, const struct world *w, const struct report *t)
{
    report_wrap(s, "",
                arena_printf(s->cluster.arena, "%s in zone %s, primary %s, key %s",
                             s->cluster.zone.alias, s->cluster.zone.zone, s->cluster.zone.server,
                             s->cluster.zone.key.name));
    putchar('\n');
    report_pretty(t, s);
    if (w->d.status == DNS_VIEW_OK && *w->d.txt) {
        putchar('\n');
        report_wrap(s, "record: ", w->d.txt);
    }
    for (size_t i = 0; w->survey_done && i < w->survey.n; i++) {
        const char *differs = dns_words_differs(s->cluster.arena, w, i, clock_wall_ms());

        const char *key = dns_words_key(s->cluster.arena, w, i);

        if (differs)
            report_wrap(s, "", differs);
        if (key)
            report_wrap(s, "", key);
    }
}

static int look(struct session *s, struct world *w, struct report *t)
{
    world_observe(&s->cluster, w, OBSERVE_DNS | OBSERVE_SURVEY);
    REPORT_INIT(t, s->cluster.arena, columns);
    server_rows(s, w, t);
    if (s->options.format == FORMAT_PRETTY)
        print_pretty(s, w, t);
    else
        report_print(t, s);
    return 0;
}

/* 0, or why the primary's register cannot be used. */
static int judge_primary(const struct session *s, const struct world *w, struct err *reterr)
{
    const struct dns_view *d = &w->d;

    if (d->status != DNS_VIEW_OK) {
        if (reterr)
            *reterr = w->d_error;
        return w->d_error.code < 0
                   ? ERR_DNS
                   : err_set(reterr, ERR_DNS,
                             "is named running there? `dig @SERVER ALIAS CNAME` asks it as we do",
                             "the zone's primary %s does not respond within %" PRId64 " ms",
                             s->cluster.zone.server, s->cluster.config.dns.timeout_ms);
    }
    if (d->alias_other_types)
        return err_set(reterr, ERR_DNS, "an alias that pgtandem moves is a CNAME and nothing else",
                       "%s holds something that is not a CNAME", s->cluster.zone.alias);
    if (d->n_txt == 0)
        return err_set(reterr, ERR_REGISTER,
                       "`pgtandem status`: it says whether there has never been one (dns init), or "
                       "whether it is gone",
                       "there is no ownership record for %s", s->cluster.zone.alias);
    if (d->n_txt > 1)
        return err_set(reterr, ERR_REGISTER,
                       "remove those that are not pgtandem's, with nsupdate and your own key",
                       "%d TXT records stand where exactly one may be", d->n_txt);
    if (!d->record_valid)
        return register_parse(d->txt, &(struct record){.epoch = 0}, reterr);
    return 0;
}

/* Somebody else has changed the alias: the record at the next epoch points it to the owner again.
 * One line however long, to be copied. */
static void print_repair(const struct session *s, const struct world *w)
{
    struct record r = w->d.record;
    const struct config_node *owner = config_node_find(&s->cluster.config, r.owner);
    char text[REGISTER_TEXT_BYTES];
    const char *nonce;

    if (!owner || r.state != REGISTER_STABLE ||
        (w->d.cname_present && strcmp(w->d.cname, owner->target) == 0))
        return;
    r.epoch++;
    if (register_format(&r, text, NULL) < 0)
        return;
    nonce = strstr(text, r.nonce);
    printf("\nThe alias points to %s, but the owner is %s (%s). If that is right, this points it "
           "there again:\n",
           w->d.cname_present ? w->d.cname : "nothing", owner->name, owner->target);
    remedy_print(&s->options, s->cluster.arena,
                 arena_printf(s->cluster.arena, "pgtandem dns set '%.*snew%s'", (int)(nonce - text),
                              text, nonce + strlen(r.nonce)));
}

/* What the agents and the configuration say about the record, and the line that corrects it.
 * True if there is one. */
static bool print_correction(struct session *s, const struct world *w)
{
    const struct cluster *c = &s->cluster;
    const char *text, *owner = w->d.record.owner;
    enum record_fault fault = dns_words_record(c->arena, &c->config, w, c->by, &text);

    if (fault == RECORD_USABLE) {
        print_repair(s, w);
        return false;
    }
    putchar('\n');
    switch (fault) {
    case RECORD_USABLE:
        break;
    case RECORD_OLDER:
        report_wrap(s, "",
                    "The agents have seen a newer record: the zone was restored, or this "
                    "server lost updates. If the node named here is the primary, this "
                    "writes it again:");
        break;
    case RECORD_GONE:
        report_wrap(s, "",
                    "There is no valid ownership record, but the agents have seen one: "
                    "the zone was made again, or somebody removed or changed it. If the "
                    "node named here is the primary, this writes it again:");
        break;
    case RECORD_FOREIGN:
        report_wrap(s, "",
                    "Every node that answers has another system identifier than the record. "
                    "Is it the right alias, in the right zone? If it is, and PostgreSQL was "
                    "made again here (pg_upgrade, initdb), move each agent's old state away "
                    "(docs/operating.md, \"An agent's state is unreadable\"); then this "
                    "names the new one:");
        break;
    case RECORD_STRANGE:
        report_wrap(s, "",
                    arena_printf(c->arena,
                                 "The record's owner %s is not in %s. If it is a node, add its "
                                 "section [node %s] there. If it is gone for good and the node "
                                 "named here is the primary, this writes the record again:",
                                 owner, c->config.path, owner));
        break;
    }
    if (text)
        remedy_print(&s->options, c->arena, arena_printf(c->arena, "pgtandem dns set '%s'", text));
    else
        report_wrap(s, "",
                    "It cannot be said from here who the owner is: two nodes are writable, "
                    "or none and no node knows. `pgtandem status` shows each of them.");
    return text;
}

/* A certificate may be what is wrong: then the record is shown without the agents' word. */
static void look_at_agents(struct session *s, struct world *w)
{
    struct err e;

    if (cluster_open_agents(&s->cluster, &e) == 0)
        world_observe(&s->cluster, w, OBSERVE_AGENTS);
}

int verb_dns_show(struct session *s, struct err *reterr)
{
    struct world *w = arena_alloc(s->cluster.arena, sizeof(*w));
    struct report t;

    look(s, w, &t);
    int rc = judge_primary(s, w, reterr);
    if ((rc == 0 || rc == ERR_REGISTER) && s->options.format == FORMAT_PRETTY) {
        look_at_agents(s, w);
        if (print_correction(s, w) && rc < 0 && reterr)
            err_set_hint(reterr, "look at each value of the line above, then type it");
    }
    return rc;
}

/* Each name server has the same for clients, and takes our key: agents and a release by word ask it
 * with one. The first that does not is named, with the cause. */
static int judge_servers(const struct session *s, const struct world *w, struct err *reterr)
{
    const char *first = NULL, *refusal = NULL;
    size_t agree = 0, n = w->survey_done ? w->survey.n : 0;

    for (size_t i = 0; i < n; i++) {
        const char *differs = dns_words_differs(s->cluster.arena, w, i, clock_wall_ms());
        const char *key = dns_words_key(s->cluster.arena, w, i);

        agree += w->survey.ns[i].agrees;
        first = first ? first : differs;
        refusal = refusal ? refusal : key;
    }
    if (n == 0)
        return err_set(reterr, ERR_DNS, "`pgtandem dns show`",
                       "the zone's name servers could not be asked");
    if (agree < n)
        return err_set(reterr, ERR_DNS,
                       "`pgtandem dns show` shows each of them: a secondary lags, is down, or has "
                       "a view of its own",
                       "%zu of %zu name servers agree with the primary: %.400s", agree, n, first);
    if (refusal)
        return err_set(reterr, ERR_DNS,
                       "install the same key there as on the primary (docs/installing.md)",
                       "%.500s", refusal);
    return 0;
}

/* What looks has signed with the query key, where there is one: a release by word will ask the name
 * servers with the other. */
static int verify_update_key(struct session *s, struct world *w, const char **keys,
                             struct err *reterr)
{
    const struct config_dns *d = &s->cluster.config.dns;

    if (!*d->query_key_file || !*d->key_file)
        return 0;
    int rc = cluster_open_dns(&s->cluster, CLUSTER_KEY_UPDATE, reterr);
    if (rc < 0)
        return rc;
    world_observe(&s->cluster, w, OBSERVE_DNS | OBSERVE_SURVEY);
    rc = judge_primary(s, w, reterr);
    if (rc == 0)
        rc = judge_servers(s, w, reterr);
    *keys = arena_printf(s->cluster.arena, "%s and %s", *keys, s->cluster.zone.key.name);
    return rc;
}

int verb_dns_verify(struct session *s, struct err *reterr)
{
    struct world *w = arena_alloc(s->cluster.arena, sizeof(*w));
    struct report t;

    look(s, w, &t);
    int rc = judge_primary(s, w, reterr);
    if (rc < 0)
        return rc;
    const struct config_node *owner = config_node_find(&s->cluster.config, w->d.record.owner);
    if (!owner || !w->d.cname_present || strcmp(w->d.cname, owner->target) != 0)
        return err_set(reterr, ERR_DNS, "`pgtandem dns show` says how to correct it",
                       "the record's owner is %s, but the alias points to %s", w->d.record.owner,
                       w->d.cname_present ? w->d.cname : "nothing");
    rc = judge_servers(s, w, reterr);
    if (rc < 0)
        return rc;
    const char *keys = arena_strdup(s->cluster.arena, s->cluster.zone.key.name);
    rc = verify_update_key(s, w, &keys, reterr);
    if (rc < 0)
        return rc;
    if (s->options.format == FORMAT_PRETTY)
        printf("\nregister and alias agree on all %zu name servers, and all of them accept our key "
               "%s\n",
               w->survey.n, keys);
    return 0;
}
