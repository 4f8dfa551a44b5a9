#include "base/ini.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    FILE_CAP_BYTES = 1024 * 1024,
    LINE_CAP_BYTES = 400,
    TITLE_BYTES = 48,
    NEAR_MISS = 2,       /* letters that may differ for "did you mean …?" */
    MOST_INSTANCES = 64, /* sections in one file */
};

/* one section as it is in the file */
struct instance {
    const struct ini_section *section;
    char title[TITLE_BYTES + 1]; /* "node db01" */
    int line;
    void *obj;
    int *key_lines; /* for each field the line that set it, or 0 */
};

struct parser {
    const char *name;
    const char *next, *end;        /* text not read yet */
    char text[LINE_CAP_BYTES + 1]; /* of this line */
    int line;
    const struct ini_section *sections;
    size_t n_sections;
    void *obj;
    struct instance instances[MOST_INSTANCES];
    size_t n_instances;
    struct arena *arena;
    struct err *err;
    int rc; /* the first error; nothing is read after it */
};

/* ---- errors ---------------------------------------------------------------------------------- */

/* FILE:LINE: (or FILE: for line 0) before the message */
static int fail(struct parser *p, int line, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static int fail(struct parser *p, int line, const char *hint, const char *fmt, ...)
{
    char what[512];
    char number[16] = "";
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    if (line > 0)
        STR_PRINTF(number, ":%d", line);
    p->rc = err_set(p->err, ERR_CONFIG, hint, "%s%s: %s", p->name, number, what);
    return p->rc;
}

static void suggest(char *hint, size_t bytes, const char *word, const char *candidate,
                    size_t *nearest)
{
    size_t distance = str_distance(word, candidate);

    if (distance <= NEAR_MISS && distance < *nearest) {
        *nearest = distance;
        str_printf(hint, bytes, "did you mean '%s'?", candidate);
    }
}

static int unknown_section(struct parser *p, const char *word)
{
    char hint[128] = "";
    size_t nearest = SIZE_MAX;

    for (size_t i = 0; i < p->n_sections; i++)
        suggest(hint, sizeof(hint), word, p->sections[i].name, &nearest);
    return fail(p, p->line, hint, "unknown section [%s]", word);
}

static int unknown_key(struct parser *p, const struct instance *in, const char *key)
{
    const struct field_table *t = in->section->table;
    char hint[128] = "";
    size_t nearest = SIZE_MAX;

    for (size_t i = 0; i < t->count; i++)
        suggest(hint, sizeof(hint), key, t->fields[i].name, &nearest);
    return fail(p, p->line, hint, "key '%s' in [%s]: unknown key", key, in->title);
}

/* ---- sections -------------------------------------------------------------------------------- */

static const struct ini_section *find_section(const struct parser *p, const char *word)
{
    for (size_t i = 0; i < p->n_sections; i++)
        if (strcmp(p->sections[i].name, word) == 0)
            return &p->sections[i];
    return NULL;
}

static struct instance *find_instance(struct parser *p, const char *title)
{
    for (size_t i = 0; i < p->n_instances; i++)
        if (strcmp(p->instances[i].title, title) == 0)
            return &p->instances[i];
    return NULL;
}

/* A new element at the end of the section's array, its label filled in. */
static int append_element(struct parser *p, const struct ini_section *s, const char *label,
                          void **ret_element)
{
    size_t *count = (size_t *)(void *)((char *)p->obj + s->count_offset);

    if (*count >= s->max)
        return fail(p, p->line, NULL, "[%s %s]: more than %zu [%s …] sections", s->name, label,
                    s->max, s->name);

    void *element = (char *)p->obj + s->offset + *count * s->elem_size;

    field_defaults(s->table, element);
    if (!str_copy((char *)element + s->label_offset, s->label_size, label))
        return fail(p, p->line, NULL, "[%s %s]: the name is longer than %zu bytes", s->name, label,
                    s->label_size - 1);
    ++*count;
    *ret_element = element;
    return 0;
}

static int add_instance(struct parser *p, const struct ini_section *s, const char *title,
                        const char *label)
{
    void *obj = (char *)p->obj + s->offset;

    if (p->n_instances == MOST_INSTANCES)
        return fail(p, p->line, NULL, "more than %d sections", MOST_INSTANCES);
    if (s->repeated && append_element(p, s, label, &obj) < 0)
        return p->rc;

    struct instance *in = &p->instances[p->n_instances++];

    in->section = s;
    in->line = p->line;
    in->obj = obj;
    in->key_lines = arena_alloc(p->arena, s->table->count * sizeof(*in->key_lines));
    STR_COPY(in->title, title);
    return 0;
}

/* `title` is the text between the brackets: "dns" or "node db01" */
static int open_section(struct parser *p, const char *title)
{
    char word[TITLE_BYTES + 1];
    const char *label = title + strcspn(title, " \t");

    STR_COPY(word, title);
    word[label - title] = '\0';
    label += strspn(label, " \t");

    const struct ini_section *s = find_section(p, word);
    if (!s)
        return unknown_section(p, word);
    if (s->repeated && !*label)
        return fail(p, p->line, NULL, "[%s]: a name is missing: write [%s NAME]", word, word);
    if (!s->repeated && *label)
        return fail(p, p->line, NULL, "[%s]: takes no name: write [%s]", title, word);

    char canonical[TITLE_BYTES + 1];

    STR_PRINTF(canonical, "%s%s%s", word, *label ? " " : "", label);
    const struct instance *first = find_instance(p, canonical);
    if (first)
        return fail(p, p->line, NULL, "duplicate section [%s]: first in line %d", canonical,
                    first->line);
    return add_instance(p, s, canonical, label);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static int set_key(struct parser *p, const char *key, const char *value)
{
    if (p->n_instances == 0)
        return fail(p, p->line, NULL, "key '%s' is before the first section", key);

    struct instance *in = &p->instances[p->n_instances - 1];
    const struct field_table *t = in->section->table;
    const struct field *f = field_find(t, key);
    struct err why = {0};

    if (!f)
        return unknown_key(p, in, key);

    int *key_line = &in->key_lines[f - t->fields];

    if (*key_line)
        return fail(p, p->line, NULL, "key '%s' in [%s]: duplicate: first in line %d", key,
                    in->title, *key_line);
    *key_line = p->line;
    if (field_set(f, in->obj, value, p->arena, &why) < 0)
        return fail(p, p->line, f->help, "key '%s' in [%s]: %s", key, in->title, why.msg);
    return 0;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void trim_end(char *line)
{
    size_t len = strlen(line);

    while (len > 0 && isspace((unsigned char)line[len - 1]))
        len--;
    line[len] = '\0';
}

static int take_header(struct parser *p, const char *line)
{
    size_t len = strlen(line);

    if (line[len - 1] != ']')
        return fail(p, p->line, "a comment needs a line of its own",
                    "a section must be [name] and nothing else: %s", line);

    char title[LINE_CAP_BYTES + 1];
    const char *start = line + 1 + strspn(line + 1, " \t");

    STR_PRINTF(title, "%.*s", (int)(line + len - 1 - start), start);
    trim_end(title);
    if (strlen(title) > TITLE_BYTES)
        return fail(p, p->line, NULL, "a section name may have at most %d bytes", TITLE_BYTES);
    return open_section(p, title);
}

static int take_pair(struct parser *p, char *line)
{
    static const char hint[] = "a comment needs a line of its own";
    char *separator = strpbrk(line, "=:"), *value;

    if (isspace((unsigned char)line[0]))
        return fail(p, p->line, "take the blanks away", "a line may not begin with blanks: '%s'",
                    line + strspn(line, " \t"));
    if (!separator)
        return fail(p, p->line, NULL, "expected 'key = value': %s", line);
    if (strstr(line, " ;") || strstr(line, "\t;"))
        return fail(p, p->line, hint, "a blank and ';' would cut the value: %s", line);
    if (strstr(line, " #") || strstr(line, "\t#"))
        return fail(p, p->line, hint, "a blank and '#' is no comment here: %s", line);
    value = separator + 1 + strspn(separator + 1, " \t");
    *separator = '\0';
    trim_end(line);
    return set_key(p, line, value);
}

static int take_line(struct parser *p, char *line)
{
    const char *start = line + strspn(line, " \t");

    if (*start == '\0' || *start == '#' || *start == ';')
        return 0;
    return *line == '[' ? take_header(p, line) : take_pair(p, line);
}

/* A value that holds one is a mistake, and would be shown on terminals. */
static void refuse_control(struct parser *p, const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)line[i];

        if ((c < ' ' && c != '\t') || c == 0x7f) {
            fail(p, p->line, "is it a text file?", "the line holds a control character, 0x%02x", c);
            return;
        }
    }
}

/* The next line, in p->text; false at the end of the file or after an error. */
static bool next_line(struct parser *p)
{
    if (p->rc < 0 || p->next == p->end)
        return false;

    const char *newline = memchr(p->next, '\n', (size_t)(p->end - p->next));
    size_t len = (size_t)((newline ? newline : p->end) - p->next);

    p->line++;
    if (len > 0 && p->next[len - 1] == '\r')
        len--;
    if (len > LINE_CAP_BYTES)
        fail(p, p->line, NULL, "the line has %zu bytes; at most %d are allowed", len,
             LINE_CAP_BYTES);
    else if (memchr(p->next, '\0', len))
        fail(p, p->line, NULL, "the line holds a NUL byte");
    else if (p->line == 1 && len >= 3 && memcmp(p->next, "\xef\xbb\xbf", 3) == 0)
        fail(p, p->line, "take it away: sed -i '1s/^\\xef\\xbb\\xbf//' FILE",
             "the file begins with a byte order mark");
    else
        refuse_control(p, p->next, len);
    if (p->rc < 0)
        return false;

    memcpy(p->text, p->next, len);
    p->text[len] = '\0';
    p->next = newline ? newline + 1 : p->end;
    trim_end(p->text);
    return true;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void set_defaults(struct parser *p)
{
    for (size_t i = 0; i < p->n_sections; i++) {
        const struct ini_section *s = &p->sections[i];

        if (!s->repeated)
            field_defaults(s->table, (char *)p->obj + s->offset);
    }
}

static bool section_present(const struct parser *p, const struct ini_section *s)
{
    for (size_t i = 0; i < p->n_instances; i++)
        if (p->instances[i].section == s)
            return true;
    return false;
}

static int check_sections(struct parser *p)
{
    for (size_t i = 0; i < p->n_sections; i++) {
        const struct ini_section *s = &p->sections[i];

        if (s->required && !section_present(p, s))
            return fail(p, 0, NULL, "required section [%s%s] is missing", s->name,
                        s->repeated ? " NAME" : "");
    }
    return 0;
}

static int check_required_keys(struct parser *p, const struct instance *in)
{
    const struct field_table *t = in->section->table;

    for (size_t i = 0; i < t->count; i++)
        if ((t->fields[i].flags & FIELD_REQUIRED) && !in->key_lines[i])
            return fail(p, in->line, t->fields[i].help, "key '%s' in [%s]: required key is missing",
                        t->fields[i].name, in->title);
    return 0;
}

int ini_parse_text(const char *name, const char *text, size_t len,
                   const struct ini_section *sections, size_t n_sections, void *obj,
                   struct arena *a, struct err *reterr)
{
    struct parser *p = arena_alloc(a, sizeof(*p));

    *p = (struct parser){
        .name = name,
        .next = text,
        .end = text + len,
        .sections = sections,
        .n_sections = n_sections,
        .obj = obj,
        .arena = a,
        .err = reterr,
    };
    set_defaults(p);

    while (next_line(p) && take_line(p, p->text) == 0)
        ;
    if (p->rc == 0)
        check_sections(p);
    for (size_t i = 0; p->rc == 0 && i < p->n_instances; i++)
        check_required_keys(p, &p->instances[i]);
    return p->rc;
}

int ini_load(const char *path, const struct ini_section *sections, size_t n_sections, void *obj,
             struct arena *a, struct err *reterr)
{
    char *text;
    size_t len;
    int r = file_read(path, FILE_CAP_BYTES, a, &text, &len, reterr);

    if (r < 0) {
        if (reterr)
            reterr->code = ERR_CONFIG;
        return ERR_CONFIG;
    }
    return ini_parse_text(path, text, len, sections, n_sections, obj, a, reterr);
}
