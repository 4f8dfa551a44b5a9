#include "agent/postgres/pghistory.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/postgres/pgcontrol.h"
#include "base/file.h"
#include "base/lsn.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    HISTORY_CAP_BYTES = 1 << 20,
    ROWS_MAX = 32,
};

/* "5\t0/3000148\treason": the timeline, where it was left, why. */
static bool parse_row(const char *line, struct obs_tli *ret_row)
{
    char lsn[LSN_TEXT_BYTES];
    char *end;
    unsigned long tli = strtoul(line, &end, 10);

    if (end == line || tli == 0 || tli > UINT32_MAX)
        return false;
    end += strspn(end, " \t");

    size_t n = strcspn(end, " \t");
    uint64_t at;

    if (n == 0 || n >= sizeof(lsn))
        return false;
    memcpy(lsn, end, n);
    lsn[n] = '\0';
    if (!lsn_parse(lsn, &at))
        return false;
    *ret_row = (struct obs_tli){.tli = (int64_t)tli, .end = at};
    return true;
}

bool pghistory_parse(const char *text, struct pghistory *ret_history)
{
    struct pghistory h = {.n = 0};
    char line[512];

    while (*text) {
        size_t n = strcspn(text, "\n");
        size_t kept = n < sizeof(line) ? n : sizeof(line) - 1;

        memcpy(line, text, kept);
        line[kept] = '\0';
        text += n + (text[n] == '\n');

        const char *start = line + strspn(line, " \t\r");
        struct obs_tli row;

        if (*start == '\0' || *start == '#')
            continue;
        if (!parse_row(start, &row))
            return false;
        if (h.n == ROWS_MAX)
            memmove(h.rows, h.rows + 1, --h.n * sizeof(h.rows[0]));
        h.rows[h.n++] = row;
    }
    *ret_history = h;
    return true;
}

bool pghistory_read(const char *data_directory, int64_t tli, struct pghistory *ret_history)
{
    char path[512];
    char *text;

    if (tli == 1) {
        *ret_history = (struct pghistory){.n = 0};
        return true;
    }
    if (!STR_PRINTF(path, "%s/pg_wal/%08" PRIX32 ".history", data_directory, (uint32_t)tli))
        return false;

    AUTO(arena) a = arena_new();

    return file_read(path, HISTORY_CAP_BYTES, a, &text, NULL, NULL) == 0 &&
           pghistory_parse(text, ret_history);
}

/* "0000000A.history" -> 10; 0 for any other name */
static int64_t history_tli(const char *name)
{
    if (strspn(name, "0123456789ABCDEF") != 8 || strcmp(name + 8, ".history") != 0)
        return 0;
    return (int64_t)strtoul(name, NULL, 16);
}

int64_t pghistory_newest(const char *data_directory)
{
    char path[512];
    int64_t newest = 0;
    const struct dirent *entry;

    if (!STR_PRINTF(path, "%s/pg_wal", data_directory))
        return 0;

    DIR *dir = opendir(path);

    if (!dir)
        return 0;
    while ((entry = readdir(dir)) != NULL) {
        int64_t tli = history_tli(entry->d_name);

        if (tli > newest)
            newest = tli;
    }
    closedir(dir);
    return newest;
}

/* The segment of timeline `tli` that holds the byte before `lsn`. */
static bool segment_path(const char *data_directory, int64_t tli, uint64_t lsn, int64_t bytes,
                         char path[512])
{
    uint64_t segment = (lsn - 1) / (uint64_t)bytes;
    uint64_t per_id = (UINT64_C(1) << 32) / (uint64_t)bytes;

    return str_printf(path, 512, "%s/pg_wal/%08" PRIX32 "%08" PRIX32 "%08" PRIX32, data_directory,
                      (uint32_t)tli, (uint32_t)(segment / per_id), (uint32_t)(segment % per_id));
}

static bool has_segment(const char *data_directory, int64_t tli, uint64_t lsn, int64_t bytes)
{
    char path[512];

    return segment_path(data_directory, tli, lsn, bytes, path) && file_exists(path);
}

int64_t pghistory_written_wall_ms(const char *data_directory, const struct pgcontrol *control,
                                  int64_t tli, uint64_t lsn)
{
    char path[512];
    struct stat st;

    if (lsn == 0 || tli <= 0 || control->wal_segment_bytes <= 0 ||
        !segment_path(data_directory, tli, lsn, control->wal_segment_bytes, path) ||
        stat(path, &st) != 0)
        return 0;
    return (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
}

int64_t pghistory_replayed(const char *data_directory, const struct pgcontrol *control,
                           int64_t newest_tli, uint64_t replay_lsn)
{
    int64_t known =
        control->tli > control->min_recovery_tli ? control->tli : control->min_recovery_tli;
    struct pghistory h;

    if (replay_lsn == 0 || control->wal_segment_bytes <= 0)
        return known;
    for (int64_t tli = newest_tli; tli > known; tli--)
        if (has_segment(data_directory, tli, replay_lsn, control->wal_segment_bytes) &&
            pghistory_read(data_directory, tli, &h) && h.n > 0 && replay_lsn > h.rows[h.n - 1].end)
            return tli;
    return known;
}
