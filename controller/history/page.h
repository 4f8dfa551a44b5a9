/*
 * One command as a page for the ticket: who, why, when, the checks, each step with its time, the
 * outage, the certificate or the loss statement, what was outstanding and what has been settled
 * since, and the hashes by which the page can be held against the journal. In Markdown, or as one
 * HTML file that needs nothing else (no scripts, no fonts, no network), with the timeline as SVG.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"

struct session;
struct story;
struct story_list;
struct story_step;

enum { PAGE_CAP_BYTES = 8 * 1024 * 1024 };

struct page {
    struct session *session;
    const struct story_list *list;
    const struct story *story;
    const char *file_hash; /* sha256 of the journal's bytes */
    struct buf *out;
};

void page_markdown(struct page *p);
void page_html(struct page *p);

/* ---- shared by the two ----------------------------------------------------------------------- */

/* "switchover of ia2: db02 -> db01" */
const char *page_title(const struct page *p);
/* The facts of the first table, one after the other; NULL after the last. */
struct page_fact {
    const char *name, *text;
};
struct page_fact *page_facts(const struct page *p);
/* The sentences of the loss statement and of the evidence before it, NULL-terminated; none: NULL */
const char **page_loss(const struct page *p);
/* Everything that agents had to run in a step, each in words with its output, NULL-terminated. */
const char **page_ran(const struct page *p, const struct story_step *step);
/* The checks of the preflight. */
const json_t *page_checks(const struct page *p);
const char *page_check_word(const json_t *check); /* "ok", "not checked", "ignored", "warning" */
/* "53 checks: 50 good, 2 warnings, 1 ignored" */
const char *page_checks_text(const struct page *p);

/* page_svg.c */
void page_svg(struct page *p);
/* Text into HTML or SVG. */
void page_escape(struct buf *out, const char *text);
