/* The timeline as SVG: lanes of bands and bars, a column for each step. The colours are the page's
 * (classes), so that it is right in the dark and on paper. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "controller/history/page.h"
#include "controller/history/story.h"
#include "controller/history/timeline.h"
#include "controller/session/session.h"

enum { LABEL = 84, HEAD = 66, LANE = 44, BAND = 24, FOOT = 26, NAME_LEAST = 36 };

void page_escape(struct buf *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '-': /* "db02 -> db01" */
            if (text[1] == '>')
                text++;
            buf_str(out, *text == '>' ? "\xe2\x86\x92" : "-");
            break;
        case '&':
            buf_str(out, "&amp;");
            break;
        case '<':
            buf_str(out, "&lt;");
            break;
        case '>':
            buf_str(out, "&gt;");
            break;
        case '"':
            buf_str(out, "&quot;");
            break;
        default:
            buf_add(out, text, 1);
        }
}

static const char *class_of(enum timeline_state state)
{
    static const char *const classes[] = {
        [TIMELINE_UNKNOWN] = "unknown", [TIMELINE_PRIMARY] = "primary",
        [TIMELINE_STANDBY] = "standby", [TIMELINE_DOWN] = "down",
        [TIMELINE_ALIAS] = "alias",     [TIMELINE_WRITES] = "writes",
        [TIMELINE_OUTAGE] = "outage"};

    return classes[state];
}

static double lane_y(size_t lane)
{
    return HEAD + (double)lane * LANE;
}

static void columns(struct page *p, const struct timeline *t)
{
    double bottom = lane_y(t->n_lanes);

    for (size_t c = 0; c < t->n_columns; c++) {
        const struct story_step *s = &p->story->steps[t->columns[c].step];
        double x0 = LABEL + t->columns[c].x0, x1 = LABEL + t->columns[c].x1;

        buf_printf(p->out,
                   "<rect class=\"column%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%.1f\"/>"
                   "<text class=\"step%s\" transform=\"translate(%.1f %d) rotate(-32)\">",
                   c % 2 ? " odd" : "", x0, HEAD, x1 - x0, bottom - HEAD, s->ok ? "" : " bad",
                   (x0 + x1) / 2 - 8, HEAD - 8);
        page_escape(p->out, s->name);
        buf_printf(p->out, "</text><text class=\"ms\" x=\"%.1f\" y=\"%.1f\">", (x0 + x1) / 2,
                   bottom + 15);
        if (s->ms >= 0)
            buf_printf(p->out, "%" PRId64 " ms", s->ms);
        buf_str(p->out, "</text>\n");
    }
    buf_printf(p->out,
               "<text class=\"after\" transform=\"translate(%.1f %d) rotate(-32)\">then</text>\n",
               LABEL + t->width - TIMELINE_AFTER / 2.0 - 8, HEAD - 8);
}

static const char *band_text(struct page *p, const struct timeline_band *b)
{
    if (b->state == TIMELINE_OUTAGE && p->story->outage_ms >= 0)
        return arena_printf(p->session->cluster.arena, "no writes: %" PRId64 " ms",
                            p->story->outage_ms);
    if (b->state == TIMELINE_OUTAGE)
        return "no writes";
    if (b->state == TIMELINE_WRITES)
        return arena_printf(p->session->cluster.arena, "writes on %s", b->text);
    return b->text;
}

static void bands(struct page *p, const struct timeline *t)
{
    for (size_t i = 0; i < t->n_bands; i++) {
        const struct timeline_band *b = &t->bands[i];
        double y = lane_y(b->lane) + 6, width = b->x1 - b->x0;
        const char *text = band_text(p, b);

        if (width < 1)
            continue;
        buf_printf(p->out,
                   "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" "
                   "rx=\"3\"><title>",
                   class_of(b->state), LABEL + b->x0, y, width, BAND);
        page_escape(p->out, text);
        buf_str(p->out, "</title></rect>");
        if (width >= NAME_LEAST && width >= 6.2 * (double)strlen(text)) {
            buf_printf(p->out, "<text class=\"on %s\" x=\"%.1f\" y=\"%.1f\">", class_of(b->state),
                       LABEL + b->x0 + 6, y + 16);
            page_escape(p->out, text);
            buf_str(p->out, "</text>");
        }
        buf_str(p->out, "\n");
    }
}

static void bars(struct page *p, const struct timeline *t)
{
    for (size_t i = 0; i < t->n_bars; i++) {
        const struct timeline_column *c = &t->columns[t->bars[i].column];
        const struct story_step *s = &p->story->steps[c->step];

        buf_printf(p->out,
                   "<rect class=\"bar%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"6\" "
                   "rx=\"3\"><title>",
                   s->ok ? "" : " bad", LABEL + c->x0 + 2, lane_y(t->bars[i].lane) + 6 + BAND + 3,
                   c->x1 - c->x0 - 4);
        page_escape(p->out, s->name);
        buf_str(p->out, ": ");
        page_escape(p->out, s->ok || !*s->error ? s->detail : s->error);
        buf_str(p->out, "</title></rect>\n");
    }
}

static void no_return(struct page *p, const struct timeline *t)
{
    double x = LABEL + t->no_return, bottom = lane_y(t->n_lanes);

    if (!t->has_no_return)
        return;
    buf_printf(p->out,
               "<line class=\"noreturn\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%.1f\"/>"
               "<text class=\"noreturn\" x=\"%.1f\" y=\"%.1f\">\xe2\x96\xb2 the point of no "
               "return</text>\n",
               x, HEAD - 4, x, bottom + 20, x - 5, bottom + 33);
}

void page_svg(struct page *p)
{
    struct timeline t;

    timeline_layout(p->story, p->session->cluster.arena, &t);
    if (t.n_columns == 0)
        return;
    double width = LABEL + t.width + 8, height = lane_y(t.n_lanes) + FOOT + 14;

    buf_printf(
        p->out,
        "<figure><svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
        "aria-labelledby=\"tl tld\"><title id=\"tl\">Timeline of %s</title><desc "
        "id=\"tld\">%zu steps in order, from left to right, with a lane each for the clients, "
        "for DNS and for each node; the table of steps below says the same in words.</desc>\n"
        "<defs><pattern id=\"hatch\" width=\"7\" height=\"7\" "
        "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect "
        "class=\"hatchback\" width=\"7\" height=\"7\"/><rect class=\"hatchline\" "
        "width=\"2.5\" height=\"7\"/></pattern></defs>\n",
        width, height, p->story->verb, t.n_columns);
    columns(p, &t);
    for (size_t i = 0; i < t.n_lanes; i++) {
        buf_printf(p->out, "<text class=\"lane\" x=\"0\" y=\"%.1f\">", lane_y(i) + 23);
        page_escape(p->out, t.lanes[i]);
        buf_str(p->out, "</text>");
    }
    bands(p, &t);
    bars(p, &t);
    no_return(p, &t);
    buf_str(p->out, "</svg><figcaption>Each column is a step, as wide as it was long but never "
                    "narrower than its name; its time is below it. The bars show where it acted, "
                    "the bands what was there then.</figcaption></figure>\n");
}
