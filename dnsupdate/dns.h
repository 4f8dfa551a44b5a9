/*
 * The register over the wire: TSIG-signed queries and RFC 2136 updates on libuv, with verdicts that
 * say exactly what is known (done, refused, unknown) and never less or more.
 *
 * Everything is asynchronous: a call returns a handle at once and calls back exactly once, unless
 * it is cancelled. Deadlines are in milliseconds from the call. One server per operation: an update
 * never fails over to another (docs/protocol.md, section 1). Each resend has a fresh id and TSIG
 * and the same prerequisites and nonce; an answer to any outstanding id counts; unsigned or badly
 * signed answers never decide, the first of them is shown as a hint when the deadline passes.
 *
 * RFC 1035 (messages), 2136 (UPDATE), 8945 (TSIG).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsupdate/keyfile.h"
#include "dnsupdate/register.h"

struct err;
struct loop;

enum {
    DNS_NAME_BYTES = 256,
    DNS_ADDRESS_BYTES = 56,
    DNS_TXT_BYTES = 256,
    DNS_NS_MAX = 16,
    DNS_OTHERS_BYTES = 180
};

/* Where we ask and with which key; never copied, must outlive the calls. Names are lower case,
 * without the final dot. */
struct dns_zone {
    char zone[DNS_NAME_BYTES];      /* "ia2.test" */
    char alias[DNS_NAME_BYTES];     /* "db.ia2.test" */
    char server[DNS_ADDRESS_BYTES]; /* the zone's primary: IP, "IP:port" or "[IP6]:port" */
    char others[DNS_OTHERS_BYTES];  /* IPs of other servers, comma-separated; a survey asks them */
    bool others_kept;               /* … as the primary named them once, not by configuration */
    struct tsig_key key;
    bool tcp; /* always TCP; else UDP up to 512 bytes and TCP above or on TC */
};

/* ERR_CONFIG unless the names are usable, the alias is below the zone, the server is an address.
 * Every operation checks it too. */
int dns_zone_check(const struct dns_zone *z, struct err *reterr);

/* What one server says of alias and register, read RD=0, AA required, exact owner name. */
enum dns_view_status {
    DNS_VIEW_OK,      /* answered, signed (if asked so), authoritative */
    DNS_VIEW_SILENT,  /* no usable answer before the deadline */
    DNS_VIEW_REFUSED, /* an answer that says no or may not be believed: e has the text and remedy */
};
struct dns_view {
    enum dns_view_status status;
    char server[DNS_ADDRESS_BYTES];
    bool cname_present;
    char cname[DNS_NAME_BYTES]; /* target without the final dot, lower case */
    int64_t cname_ttl;
    bool alias_other_types;  /* the alias holds something that is not a CNAME */
    int n_txt;               /* TXT records at the register's name; one is right */
    char txt[DNS_TXT_BYTES]; /* the one string, when n_txt == 1 and it has one string */
    bool record_valid;       /* txt parsed */
    struct record record;    /* when record_valid */
    int64_t txt_ttl;
    int64_t serial;                        /* SOA serial, -1 if not asked */
    int64_t soa_refresh_s, soa_negative_s; /* with it: how long a secondary waits before it asks by
                                              itself, how long "no such name" is cached */
    int64_t serves_s;      /* with it: for so long it serves without its primary, -1 unknown */
    bool serves_exactly;   /* … as it says itself (RFC 7314); else at most, by the SOA's expire */
    int zone_keys;         /* DNSKEYs at the zone's top: more than none, it is signed; -1 unknown */
    int record_signatures; /* RRSIGs at the register's name; -1 unknown */
    int64_t elapsed_ms;
};

/* A handle is dead as soon as its callback is called. Cancel what is open before loop_free(). */
struct dns_op;
void dns_op_cancel(struct dns_op *op); /* no callback afterwards; NULL is fine */

/* e is NULL when view->status is OK. `view` is valid in the callback only. */
typedef void (*dns_view_fn)(void *arg, const struct dns_view *view, const struct err *e);

enum {
    DNS_READ_REGISTER = 1, /* TXT */
    DNS_READ_ALIAS = 2,    /* CNAME */
    DNS_READ_SERIAL = 4,   /* SOA */
    DNS_READ_DNSSEC = 16,  /* is the zone signed, and the record in it; never makes a read fail */
    DNS_READ_UNSIGNED = 8, /* for NS that do not hold our key: a look, never a decision */
};
/* Read from `server` (NULL: the zone's primary). */
struct dns_op *dns_read(struct loop *l, const struct dns_zone *z, const char *server, unsigned what,
                        int64_t timeout_ms, dns_view_fn fn, void *arg);

/* One compare-and-swap: prerequisites are both old values, then the CNAME is replaced, the TXT
 * deleted and added, in one message (RFC 2136, 2.4, 2.5 and 3.4.2.2). NULL old_cname or old_txt:
 * nothing at all may be at that name (dns init). new_cname equal to old_cname leaves the alias as
 * it is; its TTL becomes `cname_ttl`. */
struct dns_swap {
    const char *old_cname;
    const char *old_txt;
    const char *new_cname;
    const char *new_txt;
    int64_t cname_ttl;
};
enum dns_verdict {
    DNS_DONE, /* our string is there: answered NOERROR and read back, or read back after silence */
    /* it is not in force and cannot come into force: e says why; somebody else's change (or a value
     * that was not as expected) is ERR_LOST */
    DNS_REFUSED,
    DNS_UNKNOWN, /* sent, and neither seen done nor excluded: it may still land (see dns_swap) */
};
struct dns_swap_result {
    enum dns_verdict verdict;
    struct dns_view view; /* the read-back; status says if there is one */
    int tries;
    int64_t elapsed_ms;
};
/* With DNS_DONE, e is NULL or a warning (ERR_PROBLEM: the server gave the alias another TTL). */
typedef void (*dns_swap_fn)(void *arg, const struct dns_swap_result *result, const struct err *e);

/* Send, resend, read back until the verdict is known or the deadline has passed. `swap` and its
 * strings are copied. A caller that gets DNS_UNKNOWN settles it with a fence: a second swap from
 * the old state to the same CNAME with a record of fresh nonce, which makes the late one fail. */
struct dns_op *dns_swap(struct loop *l, const struct dns_zone *z, const struct dns_swap *swap,
                        int64_t timeout_ms, dns_swap_fn fn, void *arg);

/* Every address of every NS of the zone (names from the primary, addresses from the primary and,
 * for out-of-zone names, getaddrinfo), and each of `others`, whether the primary answers or not,
 * each read RD=0, AA, at the port that the primary has: without a key, as its clients do, and once
 * more signed, as agents and a release by word do. e says why the primary's view or the NS are
 * missing; the survey has what there is. */
struct dns_survey {
    bool names_known; /* the primary has said which NS there are */
    size_t n;
    struct dns_survey_ns {
        char name[DNS_NAME_BYTES]; /* the NS's name */
        struct dns_view view;      /* unsigned: what its clients see */
        bool agrees;               /* same CNAME and same TXT as the primary's view */
        char why[200];             /* why there is no view, or "" */
        /* the register again, signed with our key: a server that may decide something takes it */
        enum dns_view_status key; /* REFUSED: it answers, but not so (BADSIG, BADKEY, …) */
        char key_why[200];        /* why not, or "" */
        bool record_valid;
        struct record record; /* what it shows, signed; when record_valid */
    } ns[DNS_NS_MAX];
    struct dns_view primary;
};
typedef void (*dns_survey_fn)(void *arg, const struct dns_survey *survey, const struct err *e);
struct dns_op *dns_survey(struct loop *l, const struct dns_zone *z, int64_t timeout_ms,
                          dns_survey_fn fn, void *arg);

/* A signed UPDATE with prerequisites only and no change: is the key accepted for updates? And the
 * wildcard probe of `dns init`. */
typedef void (*dns_done_fn)(void *arg, const struct err *e);
struct dns_op *dns_probe_update(struct loop *l, const struct dns_zone *z, int64_t timeout_ms,
                                dns_done_fn fn, void *arg);
struct dns_op *dns_probe_wildcard(struct loop *l, const struct dns_zone *z, int64_t timeout_ms,
                                  dns_done_fn fn, void *arg);

/* A rehearsal of dns_swap: the UPDATE that writes alias and record again as `now` shows them, under
 * the prerequisite that they are still so. It needs the same rights and changes nothing, not even
 * the serial (BIND 9.18 looks at policy before prerequisites; Knot and PowerDNS leave a zone alone
 * that an update does not change). `rcode` is the signed answer's, -1 when there was none; e is
 * NULL with NOERROR. `now` is needed during the call only and must have one CNAME and one TXT. */
typedef void (*dns_rehearsal_fn)(void *arg, int rcode, const struct err *e);
struct dns_op *dns_rehearse(struct loop *l, const struct dns_zone *z, const struct dns_view *now,
                            int64_t timeout_ms, dns_rehearsal_fn fn, void *arg);

/* Resolve one host name to addresses via the primary (RD=0), for "the target resolves to B". */
struct dns_addresses {
    bool answered; /* the zone's primary has said which there are, were it none */
    size_t n;
    char address[8][DNS_ADDRESS_BYTES];
};
typedef void (*dns_addresses_fn)(void *arg, const struct dns_addresses *a, const struct err *e);
struct dns_op *dns_resolve(struct loop *l, const struct dns_zone *z, const char *name,
                           int64_t timeout_ms, dns_addresses_fn fn, void *arg);
