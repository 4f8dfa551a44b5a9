/*
 * A crontab's text as an array of lines, each with its kind. The editor (crontab.c,
 * crontab_block.c) walks over it and copies lines as they are, or with the mark put before or
 * taken away. Lines keep their own ends, so nothing else can change. Nobody else includes this.
 */
#pragma once

#include "base/crontab.h"

struct buf;

enum crontab_line_kind {
    LINE_OTHER, /* blank, comment, NAME=value */
    LINE_ON,    /* an active entry */
    LINE_OFF,   /* our mark and then an entry */
    LINE_BEGIN,
    LINE_END,
};

struct crontab_line {
    const char *bytes;
    size_t len;  /* with its newline, if it has one */
    size_t body; /* without newline and CR */
    enum crontab_line_kind kind;
    bool managed;
};

struct crontab_lines {
    struct crontab_line *at;
    size_t n;
    size_t begin, end; /* of the block; SIZE_MAX: none */
    size_t bad; /* a line where the block is damaged; SIZE_MAX: it is whole, or there is none */
    const char *why;
};

enum { CRONTAB_MARK_LEN = sizeof(CRONTAB_OFF_MARK) - 1 };

/* ERR_INVALID with the line's number: a NUL byte, a block that is not closed, or a second one. */
int crontab_lines_read(const char *text, size_t len, enum crontab_mode mode, struct arena *a,
                       struct crontab_lines *ret_lines, struct err *reterr);
/* The same for a text whose block may be damaged: only NUL bytes are refused, `managed` is left to
 * the caller. */
int crontab_lines_scan(const char *text, size_t len, struct arena *a,
                       struct crontab_lines *ret_lines, struct err *reterr);
int crontab_bad_line(struct err *e, size_t index, const char *what);

/* the entry itself, without mark and end of line */
const char *crontab_entry_of(const struct crontab_line *l, size_t *ret_len);

size_t crontab_skip_blanks(const char *s, size_t i, size_t len);
size_t crontab_skip_word(const char *s, size_t i, size_t len);

/* Append a line; a managed one on or off. */
void crontab_add_line(struct buf *b, const struct crontab_line *l, bool on);
/* The buffer's text into the arena; the buffer is freed. */
void crontab_take(struct buf *b, struct arena *a, char **ret_text, size_t *ret_len);
