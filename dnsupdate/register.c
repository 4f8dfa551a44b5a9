#include "dnsupdate/register.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/err.h"

const char *const register_state_names[] = {"stable", "claim", "seize", "flip", "undo", NULL};
const char *const grade_names[] = {"-", "g1", "g2", "g3", NULL};

static const char grade_letters[] = "-123"; /* by enum grade */
static const char grade_form[] = "one of - 1 2 3 for each node of `from`, or - alone";

static bool hex_valid(const char *s, size_t digits)
{
    return strlen(s) == digits && strspn(s, "0123456789abcdef") == digits;
}

static bool by_valid(const char *s)
{
    for (const char *p = s; *p; p++)
        if (*p <= ' ' || *p > '~' || *p == '"' || *p == '\\')
            return false;
    return *s && strlen(s) < BY_BYTES;
}

bool register_node_name_valid(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    size_t len = strlen(name);

    return len > 0 && len < NODE_NAME_BYTES && name[0] != '-' && strspn(name, letters) == len;
}

bool register_name(const char *alias, char *ret_name, size_t bytes)
{
    char name[254]; /* RFC 1035, 2.3.4: 255 octets on the wire are 253 in text */

    return STR_PRINTF(name, "_pgtandem.%s", alias) && str_copy(ret_name, bytes, name);
}

/* "a,b,c" -> nodes; "-" alone is none */
static bool parse_from(const char *text, struct record *r)
{
    char node[NODE_NAME_BYTES];

    if (strcmp(text, "-") == 0)
        return true;
    for (const char *p = text;; p++) {
        size_t len = strcspn(p, ",");

        if (r->n_from == REGISTER_NODES_MAX || len >= sizeof(node))
            return false;
        memcpy(node, p, len);
        node[len] = '\0';
        if (!register_node_name_valid(node) || register_from_has(r, node))
            return false;
        STR_COPY(r->from[r->n_from].node, node);
        r->n_from++;
        p += len;
        if (!*p)
            return true;
    }
}

static bool parse_grade(const char *text, struct record *r)
{
    if (r->n_from == 0)
        return strcmp(text, "-") == 0;
    if (strlen(text) != 2 * r->n_from - 1)
        return false;
    for (size_t i = 0; i < r->n_from; i++) {
        const char *letter = strchr(grade_letters, text[2 * i]);

        if (!letter || (i + 1 < r->n_from && text[2 * i + 1] != ','))
            return false;
        r->from[i].grade = (int)(letter - grade_letters);
    }
    return true;
}

static bool parse_int(const char *text, long long min, long long max, int64_t *ret)
{
    long long n;

    if (!str_to_int(text, min, max, &n))
        return false;
    *ret = n;
    return true;
}

static bool parse_hex(const char *text, char *ret, size_t bytes)
{
    if (!hex_valid(text, bytes - 1))
        return false;
    str_copy(ret, bytes, text);
    return true;
}

static bool parse_node(const char *text, char ret_node[NODE_NAME_BYTES])
{
    if (!register_node_name_valid(text))
        return false;
    str_copy(ret_node, NODE_NAME_BYTES, text);
    return true;
}

static bool parse_version(const char *text, struct record *r)
{
    (void)r;
    return strcmp(text, "1") == 0;
}

static bool parse_epoch(const char *text, struct record *r)
{
    return parse_int(text, 1, INT64_MAX, &r->epoch);
}

static bool parse_nonce(const char *text, struct record *r)
{
    return parse_hex(text, r->nonce, sizeof(r->nonce));
}

static bool parse_state(const char *text, struct record *r)
{
    for (int i = 0; register_state_names[i]; i++)
        if (strcmp(text, register_state_names[i]) == 0) {
            r->state = i;
            return true;
        }
    return false;
}

static bool parse_owner(const char *text, struct record *r)
{
    return parse_node(text, r->owner);
}

static bool parse_to(const char *text, struct record *r)
{
    return strcmp(text, "-") == 0 || parse_node(text, r->to);
}

static bool parse_txn(const char *text, struct record *r)
{
    return parse_hex(text, r->txn, sizeof(r->txn));
}

static bool parse_sysid(const char *text, struct record *r)
{
    unsigned long long id;

    if (!str_to_u64(text, &id) || id == 0)
        return false;
    r->sysid = id;
    return true;
}

static bool parse_tli(const char *text, struct record *r)
{
    return parse_int(text, 1, UINT32_MAX, &r->tli);
}

static bool parse_ttl(const char *text, struct record *r)
{
    return parse_int(text, 0, INT32_MAX, &r->ttl); /* RFC 2181, 8 */
}

static bool parse_by(const char *text, struct record *r)
{
    if (!by_valid(text))
        return false;
    STR_COPY(r->by, text);
    return true;
}

/* The keys in their one order. */
static const struct {
    const char *name;
    bool (*parse)(const char *text, struct record *r);
} keys[] = {
    {"v", parse_version},   {"epoch", parse_epoch}, {"nonce", parse_nonce}, {"state", parse_state},
    {"owner", parse_owner}, {"to", parse_to},       {"from", parse_from},   {"txn", parse_txn},
    {"sysid", parse_sysid}, {"tli", parse_tli},     {"ttl", parse_ttl},     {"grade", parse_grade},
    {"by", parse_by},
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

static int bad(struct err *reterr, const char *text, const char *what, const char *key)
{
    return err_set(
        reterr, ERR_REGISTER,
        "Look at the record with `pgtandem dns show`. If no transition is open, write it "
        "again with `pgtandem dns set`.",
        "the ownership record is not in the one form of version 1: %s `%s` in \"%.280s\"", what,
        key, text);
}

/* Cut "key=value" off *p, of a text that has room in `word`; false at the end. */
static bool next_word(const char **p, char word[REGISTER_TEXT_BYTES])
{
    size_t len = strcspn(*p, " ");

    if (len == 0)
        return false;
    memcpy(word, *p, len);
    word[len] = '\0';
    *p += len;
    if (**p == ' ' && (*p)[1])
        ++*p;
    return true;
}

int register_parse(const char *text, struct record *ret_record, struct err *reterr)
{
    char word[REGISTER_TEXT_BYTES], again[REGISTER_TEXT_BYTES] = "";
    struct record r = {.epoch = 0};
    const char *p = text;

    if (strlen(text) >= REGISTER_TEXT_BYTES)
        return bad(reterr, text, "more than 255 bytes, from", "v");
    for (size_t key = 0; key < KEYS; key++) {
        size_t len = strlen(keys[key].name);

        if (!next_word(&p, word) || strncmp(word, keys[key].name, len) != 0 || word[len] != '=')
            return bad(reterr, text, "missing or out of order:", keys[key].name);
        if (!keys[key].parse(word + len + 1, &r))
            return bad(reterr, text, "bad value for", keys[key].name);
    }
    if (*p)
        return bad(reterr, text, "something follows", keys[KEYS - 1].name);
    /* leading zeros, a plus sign: one value, one text; nothing when it could not be written */
    (void)register_format(&r, again, NULL);
    if (strcmp(text, again) != 0)
        return bad(reterr, text, "an unusual spelling; expected:", again);
    *ret_record = r;
    return 0;
}

static int check(const struct record *r, struct err *reterr)
{
    const char *key = NULL;

    if (r->epoch < 1)
        key = "epoch";
    else if (!hex_valid(r->nonce, NONCE_BYTES - 1))
        key = "nonce";
    else if (r->state < REGISTER_STABLE || r->state > REGISTER_UNDO)
        key = "state";
    else if (!register_node_name_valid(r->owner))
        key = "owner";
    else if (r->to[0] && !register_node_name_valid(r->to))
        key = "to";
    else if (!hex_valid(r->txn, TXN_BYTES - 1))
        key = "txn";
    else if (r->sysid == 0)
        key = "sysid";
    else if (r->tli < 1 || r->tli > UINT32_MAX)
        key = "tli";
    else if (r->ttl < 0 || r->ttl > INT32_MAX)
        key = "ttl";
    else if (!by_valid(r->by))
        key = "by";
    else if (r->n_from > REGISTER_NODES_MAX)
        key = "from";
    for (size_t i = 0; !key && i < r->n_from; i++) {
        if (!register_node_name_valid(r->from[i].node))
            key = "from";
        else if (r->from[i].grade < GRADE_NONE || r->from[i].grade > GRADE_G3)
            key = "grade";
    }
    if (!key)
        return 0;
    return err_set(reterr, ERR_INVALID,
                   strcmp(key, "grade") == 0 ? grade_form
                                             : "Node names are a-z, 0-9 and -, at most 24 bytes; "
                                               "`by` is printable, without blanks, at most 32.",
                   "the ownership record cannot hold this value of `%s`", key);
}

int register_format(const struct record *r, char ret_text[REGISTER_TEXT_BYTES], struct err *reterr)
{
    char from[REGISTER_NODES_MAX * NODE_NAME_BYTES + 1] = "-";
    char grade[2 * REGISTER_NODES_MAX + 1] = "-";
    char text[REGISTER_TEXT_BYTES];
    size_t used = 0;
    int rc = check(r, reterr);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < r->n_from; i++) {
        str_printf(from + used, sizeof(from) - used, "%s%s", i ? "," : "", r->from[i].node);
        used += strlen(from + used);
        str_printf(grade + (i ? 2 * i - 1 : 0), 3, "%s%c", i ? "," : "",
                   grade_letters[r->from[i].grade]);
    }
    if (!STR_PRINTF(text,
                    "v=1 epoch=%" PRId64 " nonce=%s state=%s owner=%s to=%s from=%s txn=%s "
                    "sysid=%" PRIu64 " tli=%" PRId64 " ttl=%" PRId64 " grade=%s by=%s",
                    r->epoch, r->nonce, register_state_names[r->state], r->owner,
                    r->to[0] ? r->to : "-", from, r->txn, r->sysid, r->tli, r->ttl, grade, r->by))
        return err_set(reterr, ERR_TOO_LONG, "Use shorter node names or fewer nodes.",
                       "the ownership record does not fit one TXT string of 255 bytes "
                       "(owner %s, to %s, from %s, by %s)",
                       r->owner, r->to[0] ? r->to : "-", from, r->by);
    memcpy(ret_text, text, sizeof(text));
    return 0;
}

/* index in `from`, or REGISTER_NODES_MAX */
static size_t from_index(const struct record *r, const char *node)
{
    for (size_t i = 0; i < r->n_from; i++)
        if (strcmp(r->from[i].node, node) == 0)
            return i;
    return REGISTER_NODES_MAX;
}

bool register_from_has(const struct record *r, const char *node)
{
    return from_index(r, node) < REGISTER_NODES_MAX;
}

enum grade register_grade_of(const struct record *r, const char *node)
{
    size_t i = from_index(r, node);

    return i < REGISTER_NODES_MAX ? (enum grade)r->from[i].grade : GRADE_NONE;
}

void register_from_add(struct record *r, const char *node, enum grade grade)
{
    size_t i = from_index(r, node);

    if (i < REGISTER_NODES_MAX) {
        if (r->from[i].grade < (int)grade)
            r->from[i].grade = (int)grade;
    } else if (r->n_from < REGISTER_NODES_MAX) {
        STR_COPY(r->from[r->n_from].node, node);
        r->from[r->n_from++].grade = (int)grade;
    } else {
        /* No room, and `from` must not silently lose a node: make register_format refuse it. */
        r->from[REGISTER_NODES_MAX - 1].node[0] = '\0';
    }
}

void register_from_remove(struct record *r, const char *node)
{
    size_t i = from_index(r, node);

    if (i == REGISTER_NODES_MAX)
        return;
    memmove(&r->from[i], &r->from[i + 1], (r->n_from - i - 1) * sizeof(r->from[0]));
    r->n_from--;
}

static void random_hex(char *ret_text, size_t digits)
{
    unsigned char bytes[16];
    size_t got = 0;

    while (got < digits / 2) {
        ssize_t n = getrandom(bytes + got, digits / 2 - got, 0);

        if (n > 0)
            got += (size_t)n;
    }
    for (size_t i = 0; i < digits / 2; i++)
        str_printf(ret_text + 2 * i, 3, "%02x", bytes[i]);
}

void register_new_nonce(char ret_nonce[NONCE_BYTES])
{
    random_hex(ret_nonce, NONCE_BYTES - 1);
}

void register_new_txn(char ret_txn[TXN_BYTES])
{
    random_hex(ret_txn, TXN_BYTES - 1);
}
