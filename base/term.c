#include "base/term.h"

#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/mem.h"
#include "base/str.h"

enum { WIDTH_LEAST = 20, WIDTH_MOST = 1000, WIDTH_UNKNOWN = 80, TEXT_LEAST = 20 };

const char *const term_color_names[] = {"auto", "always", "never", NULL};

/* ---- what it is ------------------------------------------------------------------------------ */

static bool locale_is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* What the environment asks for, in setlocale's order. */
static const char *wanted_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return value;
    }
    return "";
}

void term_locale(void)
{
    const char *wanted = wanted_locale();

    /* ssh brings the names of locales along that this host does not have */
    if (!setlocale(LC_CTYPE, "") && (strcasestr(wanted, "utf-8") || strcasestr(wanted, "utf8")))
        (void)setlocale(LC_CTYPE, "C.UTF-8");
}

static size_t width_now(FILE *out)
{
    const char *from_environment = getenv("COLUMNS");
    struct winsize w = {.ws_col = 0};
    long long columns;

    if (from_environment && str_to_int(from_environment, WIDTH_LEAST, WIDTH_MOST, &columns))
        return (size_t)columns;
    if (ioctl(fileno(out), TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
        return w.ws_col < WIDTH_LEAST ? WIDTH_LEAST : w.ws_col;
    return WIDTH_UNKNOWN;
}

static bool colour_wanted(bool tty)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return tty && !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
}

struct term term_look(FILE *out, enum color_when when)
{
    bool tty = isatty(fileno(out));

    return (struct term){
        .out = out,
        .tty = tty,
        .colour = when == COLOR_ALWAYS || (when == COLOR_AUTO && colour_wanted(tty)),
        .utf8 = locale_is_utf8(),
        .width = tty ? width_now(out) : 0,
    };
}

/* ---- characters ------------------------------------------------------------------------------ */

/* The next character: its bytes (at least 1) and its columns. */
static size_t character(const char *text, size_t *ret_columns)
{
    mbstate_t state = {0};
    wchar_t c;
    size_t n = mbrtowc(&c, text, strnlen(text, MB_LEN_MAX), &state);
    int columns;

    if (n == 0 || n == (size_t)-1 || n == (size_t)-2) { /* not in this locale: a '?' each byte */
        *ret_columns = 1;
        return 1;
    }
    columns = wcwidth(c);
    *ret_columns = columns < 0 ? 1 : (size_t)columns;
    return n;
}

size_t term_fit(const char *text, size_t columns)
{
    size_t used = 0, bytes = 0;

    while (text[bytes]) {
        size_t width, n = character(text + bytes, &width);

        if (used + width > columns)
            break;
        used += width;
        bytes += n;
    }
    return bytes;
}

size_t term_columns(const char *text)
{
    size_t columns = 0;

    while (*text) {
        size_t width;

        text += character(text, &width);
        columns += width;
    }
    return columns;
}

/* ASCII for the marks that we print ourselves; other characters become a question mark. */
static const struct {
    const char *utf8, *ascii;
} in_ascii[] = {{"…", "..."}, {"–", "-"}, {"→", "->"}, {"─", "-"}, {"│", "|"},
                {"├", "+"},   {"└", "+"}, {"●", "*"},  {"✗", "x"}, {"×", "x"}};

/* The ASCII of the UTF-8 character at `text`, and its bytes. */
static const char *ascii_of(const char *text, size_t *ret_bytes)
{
    for (size_t i = 0; i < sizeof(in_ascii) / sizeof(in_ascii[0]); i++) {
        *ret_bytes = strlen(in_ascii[i].utf8);
        if (strncmp(text, in_ascii[i].utf8, *ret_bytes) == 0)
            return in_ascii[i].ascii;
    }
    for (*ret_bytes = 1; ((unsigned char)text[*ret_bytes] & 0xc0) == 0x80;)
        ++*ret_bytes;
    return "?";
}

/* Would this byte move the cursor, or worse? With `lines` a newline may. */
static bool is_control(unsigned char c, bool lines)
{
    return (c < ' ' && !(lines && c == '\n')) || c == 0x7f;
}

/* The bytes that can be printed as they are, from the beginning. */
static size_t plain_bytes(const struct term *t, const char *text, bool lines)
{
    size_t n = 0;

    while (text[n] && !is_control((unsigned char)text[n], lines)) {
        mbstate_t state = {0};
        wchar_t c;
        size_t bytes = 1;

        if ((unsigned char)text[n] >= 0x80) {
            bytes =
                t->utf8 ? mbrtowc(&c, text + n, strnlen(text + n, MB_LEN_MAX), &state) : (size_t)-1;
            if (bytes == (size_t)-1 || bytes == (size_t)-2 || wcwidth(c) < 0)
                break;
        }
        n += bytes;
    }
    return n;
}

static const char *shown(const struct term *t, struct arena *a, const char *text, bool lines)
{
    size_t used = plain_bytes(t, text, lines);

    if (!text[used])
        return text;
    /* a byte becomes three at most */
    char *copy = arena_alloc(a, 3 * strlen(text) + 1);
    memcpy(copy, text, used);
    for (const char *p = text + used; *p;) {
        size_t bytes = 1, plain = plain_bytes(t, p, lines);
        const char *instead = " ";

        if (plain) {
            memcpy(copy + used, p, plain);
            used += plain;
            p += plain;
            continue;
        }
        if (!is_control((unsigned char)*p, lines))
            instead = ascii_of(p, &bytes);
        memcpy(copy + used, instead, strlen(instead));
        used += strlen(instead);
        p += bytes;
    }
    copy[used] = '\0';
    return copy;
}

const char *term_text(const struct term *t, struct arena *a, const char *text)
{
    return shown(t, a, text, false);
}

/* ---- paragraphs ------------------------------------------------------------------------------ */

/* One line of words that fits `width` columns (0: any): where it ends, and where the next one
 * begins. */
static const char *line_end(const char *text, size_t width, const char **ret_next)
{
    const char *newline = text + strcspn(text, "\n");
    const char *end = width ? text + term_fit(text, width) : newline;

    if (end >= newline) {
        *ret_next = *newline ? newline + 1 : newline;
        return newline;
    }
    const char *blank = end;
    while (blank > text && *blank != ' ')
        blank--;
    if (blank > text)
        end = blank;
    else if (end == text) /* not even one character fits */
        end++;
    *ret_next = *end == ' ' ? end + 1 : end;
    return end;
}

static void put_lines(const struct term *t, size_t indent, const char *text)
{
    size_t room = !t->width ? 0 : t->width > indent + TEXT_LEAST ? t->width - indent : TEXT_LEAST;
    const char *next, *end = line_end(text, room, &next);

    fprintf(t->out, "%.*s\n", (int)(end - text), text);
    while (*next) {
        text = next;
        end = line_end(text, room, &next);
        fprintf(t->out, "%*s%.*s\n", (int)indent, "", (int)(end - text), text);
    }
}

void term_wrap_styled(const struct term *t, const char *on, const char *lead, const char *off,
                      const char *text)
{
    AUTO(arena) a = arena_new();
    size_t indent = term_columns(lead);

    fprintf(t->out, "%s%s%s", on, lead, off);
    if (t->width && indent + TEXT_LEAST > t->width) { /* no room beside the lead */
        indent = 2;
        fprintf(t->out, "\n%*s", (int)indent, "");
    }
    put_lines(t, indent, shown(t, a, text, true));
}

void term_wrap(const struct term *t, const char *lead, const char *text)
{
    term_wrap_styled(t, "", lead, "", text);
}

void term_item(const struct term *t, const char *left, size_t column, const char *text)
{
    AUTO(arena) a = arena_new();
    size_t columns = term_columns(left);

    fputs(left, t->out);
    if (t->width && column + TEXT_LEAST > t->width)
        column = 8;
    if (columns + 1 > column)
        fprintf(t->out, "\n%*s", (int)column, "");
    else
        fprintf(t->out, "%*s", (int)(column - columns), "");
    put_lines(t, column, shown(t, a, text, true));
}
