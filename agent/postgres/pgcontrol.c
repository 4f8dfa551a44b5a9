#include "agent/postgres/pgcontrol.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/messages.h"

enum {
    READ_BYTES = 512, /* one sector: PostgreSQL keeps the live part within it */
    TRIES = 8,
    STATE_MAX = CONTROL_IN_PRODUCTION - CONTROL_STARTUP,
};

/* offsets of what we read */
enum {
    AT_SYSID = 0,
    AT_VERSION = 8,
    AT_STATE = 16,
    AT_TIME = 24,
    AT_CHECKPOINT = 32,
    AT_CHECKPOINT_TLI = 48, /* checkPointCopy.ThisTimeLineID */
    AT_MIN_RECOVERY_LSN = 136,
    AT_MIN_RECOVERY_TLI = 144,
    AT_WAL_LOG_HINTS = 176,
    AT_WAL_SEGMENT_BYTES = 228,
    AT_CHECKSUMS = 252,
};

static const struct layout {
    uint32_t version;
    size_t at_crc;
} layouts[] = {
    /* clang-format off */
    {1201, 288},
    {1300, 288},
    {1700, 288},
    {1800, 292}, /* default_char_signedness came in before the nonce */
    /* clang-format on */
};

/* CRC-32C (Castagnoli), reflected, as in PostgreSQL's src/port/pg_crc32c_sb8.c. */
static uint32_t crc32c(const unsigned char *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (UINT32_C(0x82F63B78) & (UINT32_C(0) - (crc & 1)));
    }
    return ~crc;
}

static uint32_t u32_at(const unsigned char *bytes, size_t at)
{
    uint32_t v;

    memcpy(&v, bytes + at, sizeof(v));
    return v;
}

static uint64_t u64_at(const unsigned char *bytes, size_t at)
{
    uint64_t v;

    memcpy(&v, bytes + at, sizeof(v));
    return v;
}

static const struct layout *layout_of(uint32_t version)
{
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
        if (layouts[i].version == version)
            return &layouts[i];
    return NULL;
}

int pgcontrol_parse(const void *data, size_t len, struct pgcontrol *ret_control, struct err *reterr)
{
    const unsigned char *bytes = data;

    if (len < AT_STATE)
        return err_set(reterr, ERR_INVALID, NULL, "pg_control holds only %zu bytes", len);

    uint32_t version = u32_at(bytes, AT_VERSION);
    const struct layout *layout = layout_of(version);

    if (!layout)
        return err_set(reterr, ERR_INVALID, "PostgreSQL 12 to 18 are known",
                       "pg_control has version %u, which is not known", version);
    if (len < layout->at_crc + sizeof(uint32_t))
        return err_set(reterr, ERR_INVALID, NULL, "pg_control holds only %zu bytes", len);
    if (crc32c(bytes, layout->at_crc) != u32_at(bytes, layout->at_crc))
        return err_set(reterr, ERR_INVALID, "check the file system and PostgreSQL's log",
                       "pg_control's checksum is wrong");

    uint32_t state = u32_at(bytes, AT_STATE);

    if (state > STATE_MAX)
        return err_set(reterr, ERR_INVALID, NULL, "pg_control shows state %u, which is not known",
                       state);
    *ret_control = (struct pgcontrol){
        .sysid = u64_at(bytes, AT_SYSID),
        .version = version,
        .state = CONTROL_STARTUP + (int)state,
        .changed_s = (int64_t)u64_at(bytes, AT_TIME),
        .checkpoint = u64_at(bytes, AT_CHECKPOINT),
        .tli = u32_at(bytes, AT_CHECKPOINT_TLI),
        .min_recovery_lsn = u64_at(bytes, AT_MIN_RECOVERY_LSN),
        .min_recovery_tli = u32_at(bytes, AT_MIN_RECOVERY_TLI),
        .wal_segment_bytes = u32_at(bytes, AT_WAL_SEGMENT_BYTES),
        .wal_log_hints = bytes[AT_WAL_LOG_HINTS] != 0,
        .checksums = u32_at(bytes, AT_CHECKSUMS) != 0,
    };
    return 0;
}

static int read_once(const char *path, struct pgcontrol *ret_control, struct err *reterr)
{
    unsigned char bytes[READ_BYTES];
    AUTO(fd) fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_sys(reterr, errno, "is data_directory right, and readable for this user?",
                       "cannot open %s", path);

    ssize_t n = pread(fd, bytes, sizeof(bytes), 0);

    if (n < 0)
        return err_sys(reterr, errno, NULL, "cannot read %s", path);
    return pgcontrol_parse(bytes, (size_t)n, ret_control, reterr);
}

int pgcontrol_read(const char *data_directory, struct pgcontrol *ret_control, struct err *reterr)
{
    char path[512];
    int r = ERR_TOO_LONG;

    if (!STR_PRINTF(path, "%s/global/pg_control", data_directory))
        return err_set(reterr, ERR_TOO_LONG, NULL, "data_directory is too long");
    for (int i = 0; i < TRIES; i++) {
        r = read_once(path, ret_control, reterr);
        if (r != ERR_INVALID)
            break;
        poll(NULL, 0, 1);
    }
    return r;
}
