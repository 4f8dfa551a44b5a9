/*
 * The file: one line of JSON (agent_state_table), a line "sha256 <hex of the first line>". The
 * sum is there because a flipped byte in a number would still be good JSON.
 *
 *     load --absent--> fresh (epoch 0)
 *       |--sum, JSON, binding right--> as it was saved
 *       '--anything else--> error; the file stays as it is, a human decides (S3)
 */
#include "agent/state/state.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"

enum {
    STATE_CAP_BYTES = 16384,
    PATH_BYTES = 300,
    SUM_HEX = SHA256_HEX_BYTES - 1,
    STATE_FORMAT = 1, /* of a file without the key "format"; a later one will have it */
};

static const char sum_label[] = "sha256 ";

/* clang-format off */

static const struct field upstream_fields[] = {
    F_STRING(struct upstream, node, 0, NULL, "the node that it streams from"),
    F_STRING(struct upstream, address, 0, NULL, "IP address"),
    F_INT(struct upstream, port, 0, 0, 65535, NULL, "port"),
    F_STRING(struct upstream, host, 0, NULL, "its name in DNS"),
};
static FIELD_TABLE(upstream_table, struct upstream, "upstream", upstream_fields);

static const struct field state_fields[] = {
    F_STRING(struct agent_state, machine, FIELD_REQUIRED, NULL, "machine and node it is bound to"),
    F_INT(struct agent_state, uid, FIELD_REQUIRED, 0, UINT32_MAX, NULL, "user it is bound to"),
    F_STRING(struct agent_state, register_name, FIELD_REQUIRED, NULL, "register it is bound to"),
    F_ID(struct agent_state, sysid, FIELD_REQUIRED, "system identifier it is bound to, 0 none yet"),
    F_INT(struct agent_state, epoch, FIELD_REQUIRED, 0, INT64_MAX, NULL, "highest epoch obeyed"),
    F_INT(struct agent_state, seq, FIELD_REQUIRED, 0, INT64_MAX, NULL, "highest number in it"),
    F_STRING(struct agent_state, txn, 0, NULL, "the transition"),
    F_STRUCT(struct agent_state, begun, 0, &obs_begun_table, "who began it, when and why"),
    F_STRUCT(struct agent_state, seen, 0, &message_record_table, "the last ownership record seen"),
    F_STRING(struct agent_state, boot_id, 0, NULL, "the boot in which"),
    F_INT(struct agent_state, boot_epoch, 0, 0, INT64_MAX, NULL, "this epoch was read from the primary"),
    F_BOOL(struct agent_state, fenced, FIELD_REQUIRED, NULL, "may not run as primary"),
    F_BOOL(struct agent_state, fence_standby_only, 0, NULL, "but as a standby"),
    F_BOOL(struct agent_state, fence_was_primary, 0, NULL, "was primary when it was fenced"),
    F_INT(struct agent_state, fence_tli, 0, 0, UINT32_MAX, NULL, "its timeline then"),
    F_LSN(struct agent_state, fence_lsn, 0, "its shutdown checkpoint"),
    F_INT(struct agent_state, fence_epoch, 0, 0, INT64_MAX, NULL, "epoch of the fence"),
    F_INT(struct agent_state, fence_wall_ms, 0, 0, INT64_MAX, NULL, "when (ms since 1970)"),
    F_STRING(struct agent_state, fence_by, 0, NULL, "the user and host that fenced it"),
    F_STRING(struct agent_state, fence_reason, 0, NULL, "why"),
    F_BOOL(struct agent_state, held, FIELD_REQUIRED, NULL, "read-only until the guard allows more"),
    F_BOOL(struct agent_state, held_was_primary, 0, NULL, "was primary before"),
    F_INT(struct agent_state, held_tli, 0, 0, UINT32_MAX, NULL, "its timeline then"),
    F_INT(struct agent_state, held_row, 0, 0, 99, NULL, "the row of the guard's table"),
    F_BOOL(struct agent_state, promoting, FIELD_REQUIRED, NULL, "a promotion has been commanded"),
    F_INT(struct agent_state, promoting_epoch, 0, 0, INT64_MAX, NULL, "at this epoch"),
    F_STRING(struct agent_state, promoting_txn, 0, NULL, "in this transition"),
    F_INT(struct agent_state, promoting_tli, 0, 0, UINT32_MAX, NULL, "from this timeline"),
    F_BOOL(struct agent_state, revoked, 0, NULL, "promotions are refused"),
    F_INT(struct agent_state, revoked_epoch, 0, 0, INT64_MAX, NULL, "up to this epoch"),
    F_BOOL(struct agent_state, cron_on, FIELD_REQUIRED, NULL, "cron as last commanded"),
    F_STRUCT(struct agent_state, upstream, 0, &upstream_table, "the node that it streams from"),
};
FIELD_TABLE(agent_state_table, struct agent_state, "state", state_fields);

/* clang-format on */

static void state_path(const struct state_binding *b, const char *name, char path[PATH_BYTES])
{
    str_printf(path, PATH_BYTES, "%s/%s", b->directory, name);
}

int state_lock(const struct state_binding *b, int wait_ms, int *ret_fd, struct err *reterr)
{
    char path[PATH_BYTES];

    state_path(b, "lock", path);
    return file_lock(path, wait_ms, ret_fd, reterr);
}

/* The error that means "treated as fenced, untouched, a human decides". */
static int unusable(struct err *e, const char *path, const char *why)
{
    char hint[512];

    STR_PRINTF(hint,
               "the file is left as it is and this node is treated as fenced: docs/operating.md, "
               "\"an agent's state is unreadable\"; if the node is to start from scratch, move %s "
               "away and "
               "then `pgtandem rejoin` it",
               path);
    return err_set(e, ERR_INVALID, hint, "%s: %s", path, why);
}

static int check_sum(const char *path, const char *text, size_t len, size_t *ret_json_len,
                     struct err *reterr)
{
    const size_t label = sizeof(sum_label) - 1;
    const char *line_end = memchr(text, '\n', len);
    char hex[SHA256_HEX_BYTES];

    if (!line_end)
        return unusable(reterr, path, "torn: it has no complete first line");

    size_t json_len = (size_t)(line_end - text);
    const char *sum = line_end + 1;

    if (len - json_len - 1 != label + SUM_HEX + 1 || memcmp(sum, sum_label, label) != 0 ||
        text[len - 1] != '\n')
        return unusable(reterr, path, "torn: its check sum is missing or incomplete");
    if (!sha256_hex(text, json_len, hex) || memcmp(sum + label, hex, SUM_HEX) != 0)
        return unusable(reterr, path, "damaged: its check sum is wrong");
    *ret_json_len = json_len;
    return 0;
}

/* A newer program has been here, and this one does not know what its new keys promise. */
static int check_format(const char *path, const char *text, size_t len, struct err *reterr)
{
    json_t *json = json_loadb(text, len, 0, NULL);
    json_int_t format = json_integer_value(json_object_get(json, "format"));
    char why[160];

    json_decref(json);
    if (format <= STATE_FORMAT)
        return 0;
    STR_PRINTF(why,
               "a newer version of pgtandem has written it (format %lld, this program reads up to "
               "%d): install that version again",
               (long long)format, STATE_FORMAT);
    return unusable(reterr, path, why);
}

static int check_binding(const struct state_binding *b, const struct agent_state *s,
                         const char *path, struct err *reterr)
{
    char why[600] = "";

    if (strcmp(s->machine, b->machine) != 0)
        STR_PRINTF(why, "it belongs to machine and node %s, this is %s", s->machine, b->machine);
    else if (s->uid != b->uid)
        STR_PRINTF(why, "it belongs to uid %" PRId64 ", this is uid %" PRId64, s->uid, b->uid);
    else if (strcmp(s->register_name, b->register_name) != 0)
        STR_PRINTF(why, "it belongs to the register %s, %s is configured", s->register_name,
                   b->register_name);
    else if (b->sysid != 0 && s->sysid != 0 && s->sysid != b->sysid)
        STR_PRINTF(why,
                   "it belongs to system identifier %" PRIu64 ", the data directory has %" PRIu64,
                   s->sysid, b->sysid);
    return why[0] ? unusable(reterr, path, why) : 0;
}

static void fresh(const struct state_binding *b, struct agent_state *s)
{
    memset(s, 0, sizeof(*s));
    field_defaults(&agent_state_table, s);
    STR_COPY(s->machine, b->machine);
    s->uid = b->uid;
    STR_COPY(s->register_name, b->register_name);
    s->sysid = b->sysid;
}

/* A file that this user cannot even look at is as unusable as a torn one. */
static int read_file(const char *path, struct arena *a, char **ret_text, size_t *ret_len,
                     bool *ret_absent, struct err *reterr)
{
    struct err e = {0};
    int r = file_read_private(path, 0077, STATE_CAP_BYTES, a, ret_text, ret_len, &e);

    *ret_absent = r < 0 && e.sys == ENOENT;
    if (r == 0 || *ret_absent)
        return 0;
    r = unusable(reterr, path, e.msg);
    if (e.hint[0])
        err_set_hint(reterr, "%s, after making sure that it was not changed", e.hint);
    return r;
}

/* With the directory itself away "absent" would read as "never used" (S3). */
static int check_directory(const struct state_binding *b, struct err *reterr)
{
    struct stat st;
    char hint[512];

    if (stat(b->directory, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    STR_PRINTF(hint, "install -d -m 0700 -o postgres '%s', if this agent has never run here",
               b->directory);
    return err_set(reterr, ERR_INVALID, hint, "the state directory %s is not there", b->directory);
}

/* What `text`, all that is in the file, means. */
static int understand(const struct state_binding *b, const char *path, const char *text, size_t len,
                      struct arena *a, struct agent_state *ret_state, struct err *reterr)
{
    struct agent_state s = {0};
    struct err e = {0};
    size_t json_len = 0;

    int r = check_sum(path, text, len, &json_len, reterr);
    if (r == 0)
        r = check_format(path, text, json_len, reterr);
    if (r == 0 && field_from_text(&agent_state_table, text, json_len, &s, a, &e) < 0)
        r = unusable(reterr, path,
                     arena_printf(a, "%s%s", e.msg,
                                  strstr(e.msg, "unknown key")
                                      ? "; has a newer pgtandem-agent written it?"
                                      : ""));
    if (r == 0)
        r = check_binding(b, &s, path, reterr);
    if (r < 0)
        return r;
    if (s.sysid == 0)
        s.sysid = b->sysid; /* the data directory has become readable since */
    *ret_state = s;
    return 0;
}

static bool is_known(const struct state_known *k, const struct state_binding *b, const char *text,
                     size_t len)
{
    return k->text && k->len == len && memcmp(k->text, text, len) == 0 &&
           strcmp(k->binding.directory, b->directory) == 0 &&
           strcmp(k->binding.machine, b->machine) == 0 && k->binding.uid == b->uid &&
           strcmp(k->binding.register_name, b->register_name) == 0 && k->binding.sysid == b->sysid;
}

static void keep(struct state_known *k, const struct state_binding *b, const char *text, size_t len,
                 const struct agent_state *s)
{
    state_forget(k);
    k->binding = *b;
    k->text = mem_alloc(len);
    memcpy(k->text, text, len);
    k->len = len;
    k->state = *s;
}

void state_forget(struct state_known *known)
{
    mem_free(known->text);
    *known = (struct state_known){.len = 0};
}

int state_load_again(const struct state_binding *b, struct state_known *known,
                     struct agent_state *ret_state, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    char path[PATH_BYTES];
    char *text;
    size_t len;
    bool absent = false;

    state_path(b, "state.json", path);
    int r = check_directory(b, reterr);
    if (r == 0)
        r = read_file(path, a, &text, &len, &absent, reterr);
    if (r < 0)
        return r;
    if (absent) {
        fresh(b, ret_state);
        return 0;
    }
    if (known && is_known(known, b, text, len)) {
        *ret_state = known->state;
        return 0;
    }
    r = understand(b, path, text, len, a, ret_state, reterr);
    if (r == 0 && known)
        keep(known, b, text, len, ret_state);
    return r;
}

int state_load(const struct state_binding *b, struct agent_state *ret_state, struct err *reterr)
{
    return state_load_again(b, NULL, ret_state, reterr);
}

int state_save(const struct state_binding *b, const struct agent_state *s, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    char path[PATH_BYTES], hex[SHA256_HEX_BYTES];
    const char *json = field_to_text(&agent_state_table, s, a);

    state_path(b, "state.json", path);
    if (!sha256_hex(json, strlen(json), hex))
        return err_set(reterr, ERR_SYS, NULL, "libcrypto gives no sha256: %s is not written", path);

    const char *text = arena_printf(a, "%s\n%s%s\n", json, sum_label, hex);
    return file_replace(path, text, strlen(text), 0600, reterr);
}
