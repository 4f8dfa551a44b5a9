/*
 * From answers to one view of alias and register. Pure.
 *
 * Each function puts one answer into `view` and returns 0, or says why the answer is unusable: an
 * rcode, no authority (lame, a zone cut), something else where the record should be.
 */
#pragma once

struct dns_view;
struct dns_zone;
struct err;
struct reply;

void view_init(struct dns_view *view, const char *server);
int view_txt(const struct reply *r, const struct dns_zone *z, struct dns_view *view,
             struct err *reterr);
int view_cname(const struct reply *r, const struct dns_zone *z, struct dns_view *view,
               struct err *reterr);
/* The answer to ANY at the alias: what is there instead of a CNAME. */
int view_others(const struct reply *r, const struct dns_zone *z, struct dns_view *view,
                struct err *reterr);
/* How many records of `type` there are at `name`; -1 if the answer does not show it. */
int view_count(const struct reply *r, const char *name, int type);
int view_soa(const struct reply *r, const struct dns_zone *z, struct dns_view *view,
             struct err *reterr);
