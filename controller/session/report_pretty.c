/* A report for people: what is shown, how wide, and what moves below its row. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "controller/session/report.h"
#include "controller/session/session.h"

enum { GAP = 2, COLUMNS_MAX = 32, CUT_LEAST = 16, BELOW_INDENT = 6 };

const char *report_on(const struct session *s, enum report_style style)
{
    static const char *const codes[] = {"",        "\033[32m", "\033[33m", "\033[1;31m",
                                        "\033[2m", "\033[1m",  "\033[7m"};

    return s->term.colour ? codes[style] : "";
}

const char *report_off(const struct session *s, enum report_style style)
{
    return s->term.colour && style != STYLE_PLAIN ? "\033[0m" : "";
}

void report_wrap(const struct session *s, const char *lead, const char *text)
{
    term_wrap(&s->term, lead, text);
}

void report_wrap_styled(const struct session *s, enum report_style style, const char *lead,
                        const char *text)
{
    term_wrap_styled(&s->term, report_on(s, style), lead, report_off(s, style), text);
}

/* ---- what is shown --------------------------------------------------------------------------- */

enum place { HIDDEN, IN_TABLE, BELOW };

struct layout {
    enum place place[COLUMNS_MAX];
    size_t width[COLUMNS_MAX];
    size_t last; /* the last column in the table */
};

static size_t column_width(const struct report *r, size_t column)
{
    size_t widest = term_columns(r->columns[column].title);

    for (size_t i = column; i < r->n_cells; i += r->n_columns) {
        size_t n = term_columns(r->cells[i].text);

        if (n > widest)
            widest = n;
    }
    return widest;
}

/* The column that goes next, or n_columns: those that may be left out, the highest first; then the
 * last ones, which move below the row. The first two say what the row is about. */
static size_t next_to_go(const struct report *r, const struct layout *l)
{
    size_t victim = r->n_columns;

    for (size_t c = 0; c < r->n_columns; c++)
        if (l->place[c] == IN_TABLE && r->columns[c].drop > 0 &&
            (victim == r->n_columns || r->columns[c].drop > r->columns[victim].drop))
            victim = c;
    for (size_t c = r->n_columns; victim == r->n_columns && c-- > 2;)
        if (l->place[c] == IN_TABLE)
            return c;
    return victim;
}

/* A column that may be cut counts with CUT_LEAST until it is known what is left for it. */
static void lay_out(const struct report *r, size_t available, struct layout *l)
{
    size_t total = 0, cut = r->n_columns, victim;

    *l = (struct layout){.last = 0};
    for (size_t c = 0; c < r->n_columns; c++) {
        l->place[c] = r->columns[c].title ? IN_TABLE : HIDDEN;
        l->width[c] = l->place[c] ? column_width(r, c) : 0;
        if (available && r->columns[c].drop < 0 && l->width[c] > CUT_LEAST) {
            cut = c;
            total += CUT_LEAST + GAP;
        } else {
            total += l->place[c] ? l->width[c] + GAP : 0;
        }
    }
    while (available && total > available && (victim = next_to_go(r, l)) < r->n_columns) {
        l->place[victim] = r->columns[victim].drop > 0 ? HIDDEN : BELOW;
        total -= (victim == cut ? CUT_LEAST : l->width[victim]) + GAP;
    }
    if (cut < r->n_columns && l->place[cut] == IN_TABLE) {
        size_t room = CUT_LEAST + (available > total ? available - total : 0);

        l->width[cut] = l->width[cut] < room ? l->width[cut] : room;
    }
    for (size_t c = 0; c < r->n_columns; c++)
        l->last = l->place[c] == IN_TABLE ? c : l->last;
}

/* ---- printing -------------------------------------------------------------------------------- */

static void put_cell(const struct session *s, const struct report_cell *cell, size_t width,
                     bool right, bool last)
{
    size_t columns = term_columns(cell->text), pad = width > columns ? width - columns : 0;
    bool fits = columns <= width;
    const char *mark = fits ? "" : s->term.utf8 ? "…" : "~";

    fprintf(s->term.out, "  %*s%s%.*s%s%s%*s", right ? (int)pad : 0, "", report_on(s, cell->style),
            (int)term_fit(cell->text, fits ? width : width - 1), cell->text, mark,
            report_off(s, cell->style), right || last ? 0 : (int)pad, "");
}

static void put_row(const struct report *r, const struct session *s, const struct layout *l,
                    const struct report_cell *cells)
{
    for (size_t c = 0; c < r->n_columns; c++)
        if (l->place[c] == IN_TABLE)
            put_cell(s, &cells[c], l->width[c], r->columns[c].kind == REPORT_NUMBER, c == l->last);
    fputc('\n', s->term.out);
}

/* "LAG 0 B 0.0 s; CRON off 0/2": what had no room beside the others, if it says anything. */
static void put_below(const struct report *r, const struct session *s, const struct layout *l,
                      const struct report_cell *cells)
{
    const char *text = "";

    for (size_t c = 0; c < r->n_columns; c++)
        if (l->place[c] == BELOW && cells[c].kind != REPORT_NONE)
            text =
                arena_printf(r->arena, "%s%s%s%s%s", text, *text ? "; " : "", r->columns[c].title,
                             *r->columns[c].title ? " " : "", cells[c].text);
    if (*text) {
        char indent[BELOW_INDENT + 1];

        STR_PRINTF(indent, "%*s", BELOW_INDENT, "");
        report_wrap(s, indent, text);
    }
}

void report_pretty(const struct report *r, const struct session *s)
{
    struct report shown = *r; /* as this terminal can show it */
    struct report_cell titles[COLUMNS_MAX] = {{.text = ""}};
    struct layout l;

    shown.cells = arena_alloc(r->arena, (r->n_cells + 1) * sizeof(*shown.cells));
    for (size_t i = 0; i < r->n_cells; i++)
        shown.cells[i] =
            (struct report_cell){.text = term_text(&s->term, r->arena, r->cells[i].text),
                                 .style = r->cells[i].style,
                                 .kind = r->cells[i].kind};
    lay_out(&shown, s->term.width, &l);
    for (size_t c = 0; c < r->n_columns; c++)
        titles[c] = (struct report_cell){.text = r->columns[c].title, .style = STYLE_DIM};
    put_row(&shown, s, &l, titles);
    for (size_t i = 0; i + r->n_columns <= r->n_cells; i += r->n_columns) {
        put_row(&shown, s, &l, &shown.cells[i]);
        put_below(&shown, s, &l, &shown.cells[i]);
    }
}
