#include "agent/look/inspect_backup.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "agent/node/config.h"
#include "base/child.h"
#include "base/str.h"

enum { PATH_BYTES = 1024, DEPTH_MAX = 4, FILES_MAX = 20000, WORDS_MAX = 16 };

/* ---- the directory --------------------------------------------------------------------------- */

struct newest {
    int files; /* looked at so far */
    int64_t mtime_s;
    char path[PATH_BYTES];
};

static void walk(struct newest *n, const char *directory, int depth)
{
    DIR *d = opendir(directory);
    char path[PATH_BYTES];
    struct stat st;

    if (!d)
        return;
    for (const struct dirent *entry; (entry = readdir(d)) && n->files < FILES_MAX;) {
        if (entry->d_name[0] == '.' || !STR_PRINTF(path, "%s/%s", directory, entry->d_name) ||
            lstat(path, &st) < 0)
            continue;
        n->files++;
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
            walk(n, path, depth + 1);
        if (S_ISREG(st.st_mode) && st.st_mtim.tv_sec > n->mtime_s) {
            n->mtime_s = st.st_mtim.tv_sec;
            STR_COPY(n->path, path);
        }
    }
    closedir(d);
}

/* File systems of another machine (linux/magic.h, and what has no name there). */
static bool is_remote(const char *path)
{
    static const unsigned long remote[] = {
        0x6969,     /* NFS */
        0xFF534D42, /* CIFS */
        0xFE534D42, /* SMB2 */
        0x517B,     /* SMB */
        0x00C36400, /* Ceph */
        0x65735546, /* FUSE: sshfs, s3fs, glusterfs */
        0x0BD00BD0, /* Lustre */
        0x47504653, /* GPFS */
        0x01021997, /* 9P */
    };
    struct statfs fs;

    if (statfs(path, &fs) < 0)
        return false;
    for (size_t n = 0; n < sizeof(remote) / sizeof(remote[0]); n++)
        if (((unsigned long)fs.f_type & 0xFFFFFFFF) == remote[n])
            return true;
    return false;
}

void backup_look(const struct config_backup *c, const char *node, struct inspect *i)
{
    struct newest n = {.files = 0};
    struct stat st;

    if (!c->dir[0])
        return;
    i->backup_configured = true;
    if (stat(c->dir, &st) < 0 || !S_ISDIR(st.st_mode)) {
        STR_PRINTF(i->backup_problem, "%.120s is not there, or may not be read", c->dir);
        return;
    }
    walk(&n, c->dir, 1);
    if (n.files == FILES_MAX)
        STR_PRINTF(i->backup_problem, "%.100s: only %d files were looked at", c->dir, FILES_MAX);
    if (n.mtime_s * 1000 <= i->backup_ms)
        return;
    i->backup_ms = n.mtime_s * 1000;
    i->backup_outlives = is_remote(n.path);
    STR_PRINTF(i->backup_place, "%s:%.130s", node, n.path);
}

/* ---- the command ----------------------------------------------------------------------------- */

/* Seconds since 1970, or ISO 8601 in UTC ("2026-01-28T03:14:15Z"). */
static bool parse_time(const char *text, int64_t *ret_s)
{
    long long seconds;
    struct tm tm = {0};
    const char *end;

    if (str_to_int(text, 1, INT64_C(4102444800), &seconds)) {
        *ret_s = seconds;
        return true;
    }
    end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end || (*end && strcmp(end, "Z") != 0))
        return false;
    *ret_s = (int64_t)timegm(&tm);
    return true;
}

/* "TIME PLACE": the place is elsewhere if it is HOST:…, or s3://…, and HOST is not this node. */
static void take_line(struct inspect *i, const char *node, char *line)
{
    size_t len = strlen(node);
    char *place = line + strcspn(line, " \t\r\n");
    int64_t seconds;

    if (*place)
        *place++ = '\0';
    place += strspn(place, " \t");
    place[strcspn(place, "\r\n")] = '\0';
    if (!parse_time(line, &seconds)) {
        STR_PRINTF(i->backup_problem,
                   "newest_command printed \"%.40s\", not 2026-01-28T03:14:15Z HOST:PATH", line);
        return;
    }
    i->backup_ms = seconds * 1000;
    i->backup_outlives = place[0] != '\0' && place[0] != '/' &&
                         !(strncmp(place, node, len) == 0 && place[len] == ':');
    STR_COPY(i->backup_place, *place ? place : "it does not say where");
}

static void on_newest(void *arg, const struct child_result *r)
{
    struct backup_ask *ask = arg;
    struct inspect *i = ask->i;
    char line[512];

    ask->done = true;
    STR_COPY(line, r->output);
    if (!r->started)
        STR_PRINTF(i->backup_problem, "newest_command: %s", strerror(r->error));
    else if (r->timed_out)
        STR_PRINTF(i->backup_problem, "newest_command did not end in %d ms", (int)r->elapsed_ms);
    else if (r->status != 0)
        STR_PRINTF(i->backup_problem, "newest_command: exit %d: %.100s", r->status, line);
    else
        take_line(i, ask->node, line);
}

void backup_ask_start(struct loop *l, const struct config_backup *c, const char *node,
                      struct inspect *i, struct backup_ask *ask)
{
    char text[sizeof(c->newest_command)];
    const char *argv[WORDS_MAX + 1] = {NULL};
    struct child_spec spec = {.argv = argv, .timeout_ms = c->timeout_ms, .separate_stdout = true};
    size_t n = 0;

    *ask = (struct backup_ask){.i = i, .node = node, .done = !c->newest_command[0]};
    if (ask->done)
        return;
    i->backup_configured = true;
    STR_COPY(text, c->newest_command);
    for (char *at = text; n < WORDS_MAX && *(at += strspn(at, " \t"));) {
        argv[n++] = at;
        at += strcspn(at, " \t");
        if (*at)
            *at++ = '\0';
    }
    (void)child_run(l, &spec, on_newest, ask);
}
