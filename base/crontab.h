/*
 * The crontab editor: pure, text to text.
 *
 * Managed entries are the active lines (jobs, not comments, not VAR=value lines) between `# BEGIN
 * pgtandem` and `# END pgtandem` (mode block), or all of them (mode all, the report's way). Off
 * means that the line is prefixed with the mark below; on removes the mark and restores the very
 * bytes. What a human commented out stays as it is; nothing outside managed entries ever changes
 * (I13). Ugly input (no final newline, CRLF, tabs, NUL-free binary, unclosed or repeated blocks)
 * is either edited byte-exactly or refused with the line number.
 *
 * The agent edits its own crontab with it; the controller makes the texts of `cron adopt`,
 * `unadopt` and `sync`, which an agent judges again before it writes them. Failure is ERR_INVALID
 * (a NUL byte, a broken block) where nothing else is said.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct err;

#define CRONTAB_OFF_MARK "#pgtandem-off# "
#define CRONTAB_BEGIN "# BEGIN pgtandem"
#define CRONTAB_END "# END pgtandem"

enum crontab_mode { CRONTAB_BLOCK, CRONTAB_ALL };
extern const char *const crontab_mode_names[]; /* "block", "all" */

struct crontab_summary {
    size_t on, off; /* managed entries */
    bool has_block;
    size_t reboot;        /* managed @reboot entries (a warning: the system starts cron at boot) */
    size_t unmanaged;     /* active entries outside */
    char hash[65];        /* sha256 of the text */
    char parity[65];      /* sha256 of the managed entries as if all were on, sorted by nothing */
    char environment[65]; /* sha256 of the variables in force at each of them */
};

int crontab_summarize(const char *text, size_t len, enum crontab_mode mode,
                      struct crontab_summary *ret_summary, struct err *reterr);

/* All managed entries off (on). *ret_text is in the arena; unchanged input gives equal bytes. */
int crontab_set(const char *text, size_t len, enum crontab_mode mode, bool on, struct arena *a,
                char **ret_text, size_t *ret_len, struct err *reterr);

/* Wrap all active entries of a crontab into a block (adopt; ERR_REFUSED if there is one), or take
 * the markers away (unadopt); entries stay on or off as they are. What belongs to the first entry
 * is in the block too: the variables above it, and comment lines right above (configuration
 * managements name their entries so, and own the line after such a comment). */
int crontab_adopt(const char *text, size_t len, struct arena *a, char **ret_text, size_t *ret_len,
                  struct err *reterr);
int crontab_unadopt(const char *text, size_t len, struct arena *a, char **ret_text, size_t *ret_len,
                    struct err *reterr);

/* `text` with its managed part replaced by that of `source`, all entries off (on = false) or on:
 * sync makes a standby's block equal to the owner's. ERR_REFUSED if mode is block and `source` has
 * none.
 *   - A variable that is in force at the entries of `source` is at theirs here; where the block
 *     cannot be placed so that every entry of `text` outside of it keeps its own: ERR_REFUSED.
 *   - Lines outside of the block that are one of its entries are taken in: on, off by our mark (the
 *     rest of a damaged block, which is repaired), or commented out by hand, with the comment lines
 *     right above them that the block has too. *ret_taken (may be NULL) says how many. */
int crontab_sync(const char *text, size_t len, const char *source, size_t source_len,
                 enum crontab_mode mode, bool on, struct arena *a, char **ret_text, size_t *ret_len,
                 size_t *ret_taken, struct err *reterr);

/* The commands of the managed entries, or of all active others (for finding running jobs), in the
 * arena, NULL-terminated. */
int crontab_commands(const char *text, size_t len, enum crontab_mode mode, bool managed,
                     struct arena *a, char ***ret_commands, struct err *reterr);

/* The lines of the block (mode all: all lines) as if every entry were on, without end of line,
 * below the variables that are in force where it begins: for showing what differs where `parity` or
 * `environment` does. In the arena, NULL-terminated. */
int crontab_managed_lines(const char *text, size_t len, enum crontab_mode mode, struct arena *a,
                          char ***ret_lines, size_t *ret_n, struct err *reterr);
