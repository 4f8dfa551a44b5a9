#include "agent/jobs/canary_text.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum { CAP_BYTES = 2 * 1024 * 1024 };

int canary_text_add(const char *text, const char *path, const char *nonce, struct arena *a,
                    char **ret_text, struct err *reterr)
{
    size_t len = strlen(text);
    struct buf b;

    if (len == 0)
        return err_set(reterr, ERR_REFUSED, "pgtandem cron sync, or write one with `crontab -e`",
                       "this user has no crontab to add a line to");
    if (text[len - 1] != '\n')
        return err_set(reterr, ERR_REFUSED, "end its last line: cron ignores it",
                       "the crontab's last line has no end");
    /* crontab(5): an unescaped % ends the command */
    if (strpbrk(path, "'%\\\n"))
        return err_set(reterr, ERR_REFUSED, "choose a plain path for state_directory",
                       "\"%s\" cannot stand in a crontab", path);
    buf_init(&b, CAP_BYTES);
    buf_printf(&b, "%s* * * * * echo %s >'%s' %s\n", text, nonce, path, CANARY_MARK);
    *ret_text = arena_strdup(a, b.data);
    buf_free(&b);
    return 0;
}

static bool is_ours(const char *line, size_t len)
{
    const size_t mark = strlen(CANARY_MARK);

    return len >= mark && line[0] != '#' && memcmp(line + len - mark, CANARY_MARK, mark) == 0;
}

bool canary_text_remove(const char *text, struct arena *a, char **ret_text)
{
    char *kept = arena_alloc(a, strlen(text) + 1), *to = kept;
    bool any = false;

    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n"), whole = len + (line[len] == '\n');

        if (is_ours(line, len)) {
            any = true;
        } else {
            memcpy(to, line, whole);
            to += whole;
        }
        line += whole;
    }
    *to = '\0';
    *ret_text = kept;
    return any;
}
