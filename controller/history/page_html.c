/* The page as one HTML file: for a browser, for paper, light and dark. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "controller/history/page.h"
#include "controller/history/story.h"
#include "controller/history/story_print.h"
#include "controller/session/session.h"

static const char style[] =
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1c2126;--dim:#667079;--line:#dde2e6;"
    "--soft:#f5f7f8;--primary:#2563a8;--standby:#b9d3ea;--onstandby:#153a5c;--down:#8b949c;"
    "--good:#1a7f4b;--bad:#c2352b;--writes:#cfe8d8;--onwrites:#14532f;--alias:#efe2bd;"
    "--onalias:#5a4304;--bar:#3d4852}"
    "@media(prefers-color-scheme:dark){:root{--bg:#14181c;--fg:#e6eaed;--dim:#98a3ac;"
    "--line:#2d353c;--soft:#1b2126;--primary:#4f93d8;--standby:#27465f;--onstandby:#cfe3f5;"
    "--down:#65707a;--good:#4fc087;--bad:#f0776c;--writes:#1f4631;--onwrites:#c8ecd7;"
    "--alias:#4b401f;--onalias:#f0e0ae;--bar:#c3ccd3}}"
    "@media print{:root{--bg:#fff;--fg:#000;--dim:#444;--line:#bbb;--soft:#fff;--primary:#2563a8;"
    "--standby:#b9d3ea;--onstandby:#153a5c;--writes:#cfe8d8;--onwrites:#14532f;--alias:#efe2bd;"
    "--onalias:#5a4304;--bar:#333;--good:#1a7f4b;--bad:#c2352b}*{print-color-adjust:exact;"
    "-webkit-print-color-adjust:exact}body{font-size:10pt;max-width:none;padding:0}"
    "h2{break-after:avoid}tr,figure{break-inside:avoid}details>*{display:block}}"
    "*{box-sizing:border-box}"
    "body{background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,-apple-system,\"Segoe UI\","
    "Roboto,\"DejaVu Sans\",sans-serif;max-width:1180px;margin:0 auto;padding:2.2rem 1.6rem 3rem}"
    "header{border-bottom:1px solid var(--line);padding-bottom:1.1rem;margin-bottom:1.2rem}"
    "h1{font-size:1.65rem;line-height:1.2;margin:0 0 .35rem;letter-spacing:-.01em}"
    "h2{font-size:1.08rem;margin:2.1rem 0 .6rem}"
    ".badge{display:inline-block;border-radius:99px;padding:.08rem .75rem;font-size:.86rem;"
    "font-weight:600;color:#fff;background:var(--good);vertical-align:middle;margin-right:.6rem}"
    ".badge.bad{background:var(--bad)}.sub{color:var(--dim)}"
    ".numbers{display:flex;flex-wrap:wrap;gap:.8rem;margin:1.2rem 0}"
    ".numbers div{background:var(--soft);border:1px solid var(--line);border-radius:8px;"
    "padding:.6rem 1.1rem;min-width:9rem}.numbers b{display:block;font-size:1.45rem;"
    "font-variant-numeric:tabular-nums}.numbers span{color:var(--dim);font-size:.86rem}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th,td{text-align:left;vertical-align:top;padding:.38rem .8rem .38rem 0;"
    "border-bottom:1px solid var(--line)}thead th{color:var(--dim);font-weight:600;"
    "font-size:.82rem}tbody th{font-weight:600;white-space:nowrap}td.n,th.n{text-align:right}"
    ".facts th{width:8.5rem;color:var(--dim);font-weight:500}"
    ".ok{color:var(--good)}.no{color:var(--bad);font-weight:600}"
    "pre,code{font:12.5px/1.5 ui-monospace,\"DejaVu Sans Mono\",Menlo,Consolas,monospace}"
    "pre{background:var(--soft);border:1px solid var(--line);border-radius:8px;"
    "padding:.7rem .9rem;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere;margin:.4rem "
    "0}"
    "code{overflow-wrap:anywhere}summary{cursor:pointer;color:var(--dim)}"
    "figure{margin:1.4rem 0 0;overflow-x:auto}svg{display:block;width:100%;min-width:760px;"
    "height:auto}figcaption{color:var(--dim);font-size:.84rem;margin:.5rem 0 1.6rem}"
    ".after{fill:var(--dim);font-style:italic}"
    "svg text{font:12px system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif;"
    "fill:var(--fg)}svg .lane{font-weight:600;font-size:13px}svg .ms{fill:var(--dim);"
    "text-anchor:middle;font-size:10.5px}svg .step{font-size:12px}svg text.bad{fill:var(--bad);"
    "font-weight:600}.column{fill:none}.column.odd{fill:var(--soft)}"
    "rect.primary{fill:var(--primary)}text.on.primary{fill:#fff;font-weight:600}"
    "rect.standby{fill:var(--standby)}text.on.standby{fill:var(--onstandby)}"
    "rect.down{fill:url(#hatch)}.hatchback{fill:var(--line)}.hatchline{fill:var(--down);"
    "opacity:.55}text.on.down{paint-order:stroke;stroke:var(--line);stroke-width:4px;"
    "font-weight:600}rect.unknown{fill:none;stroke:var(--down);stroke-dasharray:4 3}"
    "rect.alias{fill:var(--alias)}text.on.alias{fill:var(--onalias)}"
    "rect.writes{fill:var(--writes)}text.on.writes{fill:var(--onwrites)}"
    "rect.outage{fill:var(--bad)}text.on.outage{fill:#fff;font-weight:600}"
    ".bar{fill:var(--bar)}.bar.bad{fill:var(--bad)}"
    "line.noreturn{stroke:var(--bad);stroke-width:1.6;stroke-dasharray:6 4}"
    "text.noreturn{fill:var(--bad);font-weight:600;font-size:11.5px}";

static void text(struct page *p, const char *before, const char *value, const char *after)
{
    buf_str(p->out, before);
    page_escape(p->out, value);
    buf_str(p->out, after);
}

static void number(struct page *p, const char *name, int64_t ms)
{
    if (ms >= 0)
        buf_printf(p->out, "<div><b>%" PRId64 " ms</b><span>%s</span></div>\n", ms, name);
}

static void head(struct page *p)
{
    const struct story *st = p->story;
    bool fine = st->end && st->exit == 0;

    text(p,
         "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta "
         "name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>",
         page_title(p), "</title>\n<style>");
    buf_str(p->out, style);
    text(p, "</style></head><body>\n<header><h1>", page_title(p), "</h1>");
    buf_printf(p->out, "<span class=\"badge%s\">%s</span>", fine ? "" : " bad", st->outcome);
    text(p, "<span class=\"sub\">", st->reason, "</span></header>\n<div class=\"numbers\">");
    number(p,
           st->last_heard ? "outage, at most: last heard to first write"
                          : "outage: stop request to first write",
           st->outage_ms);
    number(p, "from Enter to the end", st->duration_ms);
    buf_printf(p->out, "<div><b>%zu</b><span>steps</span></div></div>\n", st->n_steps);
}

static void facts(struct page *p)
{
    buf_str(p->out, "<table class=\"facts\"><tbody>\n");
    for (const struct page_fact *f = page_facts(p); f->name; f++) {
        if (!*f->text)
            continue;
        text(p, "<tr><th scope=\"row\">", f->name, "</th>");
        text(p, "<td>", f->text, "</td></tr>\n");
    }
    buf_str(p->out, "</tbody></table>\n");
}

static void step_rows(struct page *p)
{
    buf_str(p->out, "<h2>Steps</h2>\n<table><thead><tr><th class=\"n\" scope=\"col\">since</th>"
                    "<th scope=\"col\">step</th><th scope=\"col\">node</th><th class=\"n\" "
                    "scope=\"col\">took</th><th scope=\"col\"></th><th scope=\"col\">what was "
                    "observed</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < p->story->n_steps; i++) {
        const struct story_step *s = &p->story->steps[i];
        const char **ran = page_ran(p, s);

        buf_printf(p->out, "<tr><td class=\"n\">%.3f s</td>", (double)s->at_ms / 1000);
        text(p, "<th scope=\"row\">", s->name, "</th>");
        text(p, "<td>", s->node, "</td><td class=\"n\">");
        if (s->ms >= 0)
            buf_printf(p->out, "%" PRId64 " ms", s->ms);
        buf_printf(p->out, "</td><td class=\"%s\">%s</td><td>", s->ok ? "ok" : "no",
                   s->ms < 0    ? "no result"
                   : s->skipped ? "skipped"
                   : s->ok      ? "ok"
                                : "FAILED");
        page_escape(p->out, s->ok || !*s->error ? s->detail : s->error);
        for (size_t k = 0; ran[k]; k++)
            text(p, k == 0 ? "<details><summary>what was run</summary><pre>" : "\n", ran[k], "");
        buf_str(p->out, ran[0] ? "</pre></details></td></tr>\n" : "</td></tr>\n");
    }
    buf_str(p->out, "</tbody></table>\n");
}

static void loss(struct page *p)
{
    const char **texts = page_loss(p);

    if (!texts)
        return;
    buf_str(p->out, "<h2>Evidence, and what may be lost</h2>\n<ul>");
    for (size_t i = 0; texts[i]; i++)
        text(p, "<li>", texts[i], "</li>\n");
    buf_str(p->out, "</ul>\n");
}

static void checks(struct page *p)
{
    const json_t *c;
    size_t i;

    if (!page_checks(p))
        return;
    buf_str(p->out, "<h2>Checks before it began</h2>\n<table><thead><tr><th scope=\"col\"></th><th "
                    "scope=\"col\">check</th><th scope=\"col\">measured</th><th "
                    "scope=\"col\">wanted</th></tr></thead><tbody>\n");
    json_array_foreach(page_checks(p), i, c) {
        bool ok = json_is_true(json_object_get(c, "ok"));

        buf_printf(p->out, "<tr><td class=\"%s\">%s</td>", ok ? "ok" : "no", page_check_word(c));
        text(p, "<th scope=\"row\">", story_text(c, "check"), "</th>");
        text(p, "<td>", story_text(c, "measured"), "</td>");
        text(p, "<td>", story_text(c, "threshold"), "</td></tr>\n");
    }
    buf_str(p->out, "</tbody></table>\n");
}

static void integrity(struct page *p)
{
    const struct journal_file *f = p->story->file;
    const char *last = f->n_records ? f->records[f->n_records - 1].hash : "-";

    text(p,
         "<h2>Integrity</h2>\n<table class=\"facts\"><tbody><tr><th "
         "scope=\"row\">Journal</th><td><code>",
         f->path, "</code></td></tr>\n");
    buf_printf(p->out,
               "<tr><th scope=\"row\">sha256 of it</th><td><code>%s</code></td></tr>\n"
               "<tr><th scope=\"row\">Last record</th><td><code>%s</code></td></tr>\n"
               "<tr><th scope=\"row\">Later</th><td><code>pgtandem audit verify --from "
               "%.16s</code></td></tr></tbody></table>\n</body></html>\n",
               p->file_hash, last, last);
}

void page_html(struct page *p)
{
    head(p);
    page_svg(p);
    facts(p);
    step_rows(p);
    loss(p);
    checks(p);
    integrity(p);
}
