#include "base/man.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/ini.h"
#include "base/mem.h"
#include "base/str.h"

/* The day of the texts, as man(7) wants one; raised with a release. */
#define MAN_DATE "2026-11-23"

enum { LINE_MOST = 76 };

/* ---- text ------------------------------------------------------------------------------------ */

static void put_character(FILE *f, char c, bool first)
{
    if (first && (c == '.' || c == '\''))
        fputs("\\&", f);
    if (c == '\\')
        fputs("\\e", f);
    else if (c == '-')
        fputs("\\-", f);
    else
        fputc(c, f);
}

/* One line of roff; backticks turn bold on and off. */
static void put_line(FILE *f, const char *text, size_t len, bool *bold)
{
    bool first = true;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '`') {
            *bold = !*bold;
            fputs(*bold ? "\\fB" : "\\fR", f);
        } else {
            put_character(f, text[i], first);
        }
        first = false;
    }
    fputc('\n', f);
}

/* Where the line that begins here ends: at a sentence's end, or at the last blank that fits (an
 * escaped hyphen takes two bytes, a change of the font three). */
static size_t line_length(const char *text)
{
    size_t blank = 0, i, bytes = 0;

    for (i = 0; text[i] && text[i] != '\n'; i++) {
        bytes += text[i] == '-' || text[i] == '\\' ? 2 : text[i] == '`' ? 3 : 1;
        if (bytes > LINE_MOST && blank)
            return blank;
        if (text[i] != ' ')
            continue;
        blank = i;
        if (i > 0 && strchr(".?!", text[i - 1]))
            return i;
    }
    return i;
}

static void put_text(FILE *f, const char *text)
{
    bool bold = false;

    while (*text) {
        size_t len = line_length(text);

        put_line(f, text, len, &bold);
        text += len + (text[len] != '\0');
    }
}

/* ---- macros ---------------------------------------------------------------------------------- */

void man_title(FILE *f, const char *title, const char *section, const char *name,
               const char *summary)
{
    fprintf(f, ".TH %s %s %s pgtandem pgtandem\n.SH NAME\n%s \\- ", title, section, MAN_DATE, name);
    put_text(f, summary);
}

void man_section(FILE *f, const char *heading, const char *text)
{
    fprintf(f, ".SH %s\n", heading);
    put_text(f, text ? text : "");
}

void man_subsection(FILE *f, const char *heading, const char *text)
{
    fprintf(f, ".SS %s\n", heading);
    put_text(f, text ? text : "");
}

void man_paragraph(FILE *f, const char *text)
{
    fputs(".PP\n", f);
    put_text(f, text);
}

void man_item(FILE *f, const char *term, const char *text)
{
    fputs(".TP\n\\fB", f);
    for (const char *p = term; *p; p++)
        put_character(f, *p, false);
    fputs("\\fR\n", f);
    put_text(f, text);
}

void man_more(FILE *f, const char *text)
{
    fputs(".IP\n", f);
    put_text(f, text);
}

void man_example(FILE *f, const char *line)
{
    bool bold = false;

    fputs(".RS\n.nf\n", f);
    put_line(f, line, strlen(line), &bold);
    fputs(".fi\n.RE\n", f);
}

/* ---- configuration files --------------------------------------------------------------------- */

/* "One of block, warn, off." */
static const char *choices(struct arena *a, const struct field *k)
{
    const char *text = "";

    for (size_t i = 0; k->names[i]; i++)
        text = arena_printf(a, "%s%s%s", text, i ? ", " : " One of ", k->names[i]);
    return arena_printf(a, "%s.", text);
}

static const char *bounds(struct arena *a, const struct field *k)
{
    switch (k->type) {
    case FIELD_BOOL:
        return " `yes` or `no`.";
    case FIELD_ENUM:
        return choices(a, k);
    case FIELD_INT:
        return k->max == INT64_MAX
                   ? arena_printf(a, " At least %" PRId64 ".", k->min)
                   : arena_printf(a, " %" PRId64 " to %" PRId64 ".", k->min, k->max);
    case FIELD_STRING:
    case FIELD_TEXT:
    case FIELD_ID:
    case FIELD_LSN:
    case FIELD_STRUCT:
    case FIELD_LIST:
        break;
    }
    return "";
}

static void put_key(FILE *f, const struct field *k)
{
    AUTO(arena) a = arena_new();
    const char *deflt = " Required.";

    if (!(k->flags & FIELD_REQUIRED))
        deflt = k->deflt && *k->deflt ? arena_printf(a, " Default: `%s`.", k->deflt)
                                      : " Default: empty.";
    man_item(f, k->name, arena_printf(a, "%s.%s%s", k->help, bounds(a, k), deflt));
}

void man_configuration(FILE *f, const struct ini_section *sections, size_t n_sections)
{
    for (size_t i = 0; i < n_sections; i++) {
        const struct ini_section *s = &sections[i];
        char heading[64];

        STR_PRINTF(heading, "[%s%s]", s->name, s->repeated ? " NAME" : "");
        man_subsection(f, heading,
                       s->repeated   ? "One section for each."
                       : s->required ? "Required."
                                     : "May be left out: then each key has its default.");
        for (size_t k = 0; k < s->table->count; k++)
            put_key(f, &s->table->fields[k]);
    }
}

/* ---- what a program has beside it ------------------------------------------------------------ */

bool man_put_page(const struct man_page *pages, const char *name, FILE *f)
{
    for (; pages->name; pages++)
        if (strcmp(pages->name, name) == 0) {
            pages->put(f);
            return true;
        }
    return false;
}

int man_put_main(const struct man_page *pages, int argc, char **argv)
{
    if (argc != 2 || !man_put_page(pages, argv[1], stdout)) {
        fprintf(stderr, "%s: there is no such page\n", argc == 2 ? argv[1] : "one name");
        return 1;
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
