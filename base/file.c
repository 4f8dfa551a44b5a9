#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    READ_BYTES = 16384,
    LOCK_RETRY_MS = 20,
};

/* ---- reading -------------------------------------------------------------------------------- */

static int read_all(int fd, const char *path, struct buf *b, struct err *reterr)
{
    char chunk[READ_BYTES];

    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(reterr, errno, NULL, "cannot read %s", path);
        if (n == 0)
            return 0;
        buf_add(b, chunk, (size_t)n);
        if (!buf_ok(b))
            return err_set(reterr, ERR_TOO_LONG, NULL, "%s is longer than %zu bytes", path, b->cap);
    }
}

/* O_NONBLOCK: a FIFO put in the file's place must not stop us; for regular files it is void. What
 * is then judged is what was opened, whatever happens to the path meanwhile. */
static int open_regular(const char *path, int flags, int *ret_fd, struct stat *ret_st,
                        struct err *reterr)
{
    AUTO(fd) fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);
    char hint[512];

    if (fd < 0 && errno == ELOOP && (flags & O_NOFOLLOW)) {
        STR_PRINTF(hint, "name or move the file itself: readlink -f '%s'", path);
        return err_set(reterr, ERR_CONFIG, hint, "%s is a symbolic link", path);
    }
    if (fd < 0 || fstat(fd, ret_st) < 0)
        return err_sys(reterr, errno, NULL, "cannot open %s", path);
    if (!S_ISREG(ret_st->st_mode)) {
        const char *what = S_ISDIR(ret_st->st_mode)    ? "a directory"
                           : S_ISFIFO(ret_st->st_mode) ? "a FIFO"
                                                       : "a device";
        STR_PRINTF(hint, "look what put it there: ls -ld '%s'", path);
        return err_set(reterr, ERR_CONFIG, hint, "%s is %s, not a regular file", path, what);
    }
    *ret_fd = auto_fd_take(&fd);
    return 0;
}

static int read_opened(int fd, const char *path, size_t cap_bytes, struct arena *a, char **ret_text,
                       size_t *ret_len, struct err *reterr)
{
    struct buf b;

    buf_init(&b, cap_bytes);
    int r = read_all(fd, path, &b, reterr);
    if (r == 0) {
        *ret_text = arena_strndup(a, b.data, b.len);
        if (ret_len)
            *ret_len = b.len;
    }
    buf_free(&b);
    return r;
}

int file_read(const char *path, size_t cap_bytes, struct arena *a, char **ret_text, size_t *ret_len,
              struct err *reterr)
{
    AUTO(fd) fd = -1;
    struct stat st;
    int r = open_regular(path, 0, &fd, &st, reterr);

    return r < 0 ? r : read_opened(fd, path, cap_bytes, a, ret_text, ret_len, reterr);
}

/* Whose is it, and who else can reach it? */
static int check_owner(const char *path, const struct stat *st, mode_t forbidden_bits,
                       struct err *reterr)
{
    char hint[512];

    if (st->st_uid != geteuid() && st->st_uid != 0) {
        STR_PRINTF(hint, "chown %u '%s'", (unsigned)geteuid(), path);
        return err_set(reterr, ERR_CONFIG, hint,
                       "%s belongs to uid %u; it must belong to uid %u or to root", path,
                       (unsigned)st->st_uid, (unsigned)geteuid());
    }
    if (st->st_mode & forbidden_bits) {
        STR_PRINTF(hint, "chmod %04o '%s'", (unsigned)(st->st_mode & 07777 & ~forbidden_bits),
                   path);
        return err_set(reterr, ERR_CONFIG, hint, "%s has mode %04o: others can reach it", path,
                       (unsigned)(st->st_mode & 07777));
    }
    return 0;
}

int file_read_private(const char *path, mode_t forbidden_bits, size_t cap_bytes, struct arena *a,
                      char **ret_text, size_t *ret_len, struct err *reterr)
{
    AUTO(fd) fd = -1;
    struct stat st;
    int r = open_regular(path, O_NOFOLLOW, &fd, &st, reterr);

    if (r == 0)
        r = check_owner(path, &st, forbidden_bits, reterr);
    return r < 0 ? r : read_opened(fd, path, cap_bytes, a, ret_text, ret_len, reterr);
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* ---- durable changes -------------------------------------------------------------------------
 *
 * The order that makes a replacement atomic and durable: write a temporary file in the same
 * directory, fsync it, rename it over the old one, fsync the directory. The directory is opened
 * before anything is changed, so that nothing but its fsync can fail after the rename.
 */

static int open_dir_of(const char *path, int *ret_fd, struct err *reterr)
{
    const char *slash = strrchr(path, '/');
    AUTO(str) dir = mem_strdup(slash ? path : ".");

    if (slash)
        dir[slash == path ? 1 : slash - path] = '\0';

    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(reterr, errno, NULL, "cannot open directory %s", dir);
    *ret_fd = fd;
    return 0;
}

static int sync_dir(int fd, const char *path, struct err *reterr)
{
    if (fsync(fd) < 0)
        return err_sys(reterr, errno, NULL, "cannot fsync the directory of %s", path);
    return 0;
}

int file_sync_dir_of(const char *path, struct err *reterr)
{
    AUTO(fd) dir = -1;
    int r = open_dir_of(path, &dir, reterr);

    return r < 0 ? r : sync_dir(dir, path, reterr);
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static int write_new(int fd, const char *path, const void *bytes, size_t len, mode_t mode,
                     struct err *reterr)
{
    if (write_all(fd, bytes, len) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0)
        return err_sys(reterr, errno, "the old content is untouched; is the disk full?",
                       "cannot write the new content of %s (%zu bytes)", path, len);
    return 0;
}

int file_replace(const char *path, const void *bytes, size_t len, mode_t mode, struct err *reterr)
{
    AUTO(fd) dir = -1;
    int r = open_dir_of(path, &dir, reterr);
    if (r < 0)
        return r;

    struct buf temporary;

    buf_init(&temporary, SIZE_MAX);
    buf_printf(&temporary, "%s.new.XXXXXX", path);

    /* a name of its own for each writer: two at once must not write into one another's file */
    AUTO(fd) fd = mkostemp(temporary.data, O_CLOEXEC);
    if (fd < 0) {
        r = err_sys(reterr, errno, NULL, "cannot create %s", temporary.data);
        goto out;
    }
    r = write_new(fd, path, bytes, len, mode, reterr);
    if (r == 0 && rename(temporary.data, path) < 0)
        r = err_sys(reterr, errno, NULL, "cannot rename %s to %s", temporary.data, path);
    if (r < 0)
        unlink(temporary.data);
    else
        r = sync_dir(dir, path, reterr);
out:
    buf_free(&temporary);
    return r;
}

int file_remove(const char *path, struct err *reterr)
{
    if (unlink(path) < 0 && errno != ENOENT)
        return err_sys(reterr, errno, NULL, "cannot remove %s", path);
    return file_sync_dir_of(path, reterr);
}

static int make_one_dir(const char *path, mode_t mode, struct err *reterr)
{
    struct stat st;

    if (mkdir(path, mode) == 0)
        return 0;
    if (errno != EEXIST)
        return err_sys(reterr, errno, NULL, "cannot make directory %s", path);
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    return err_sys(reterr, ENOTDIR, NULL, "cannot make directory %s", path);
}

int file_make_dir(const char *path, mode_t mode, struct err *reterr)
{
    AUTO(str) parent = mem_strdup(path);

    for (char *p = parent + 1; *parent && *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        int r = make_one_dir(parent, 0755, reterr);
        if (r < 0)
            return r;
        *p = '/';
    }
    return make_one_dir(path, mode, reterr);
}

/* ---- locks ----------------------------------------------------------------------------------- */

/* flock(2) has no deadline of its own, so it is tried again every LOCK_RETRY_MS. */
static int lock_until(int fd, int64_t deadline_ms)
{
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK || clock_mono_ms() >= deadline_ms)
            return -1;
        poll(NULL, 0, LOCK_RETRY_MS);
    }
    return 0;
}

static int held_error(int fd, const char *path, struct err *reterr)
{
    char text[32] = "";
    long long pid;
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (str_to_int(text, 1, INT32_MAX, &pid))
        return err_set(reterr, ERR_HELD, NULL, "%s is held by process %lld", path, pid);
    return err_set(reterr, ERR_HELD, NULL, "%s is held by another process", path);
}

int file_lock(const char *path, int wait_ms, int *ret_fd, struct err *reterr)
{
    AUTO(fd)
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        return err_sys(reterr, errno, NULL, "cannot open the lock file %s", path);

    if (lock_until(fd, clock_mono_ms() + wait_ms) < 0) {
        if (errno == EWOULDBLOCK)
            return held_error(fd, path, reterr);
        return err_sys(reterr, errno, NULL, "cannot lock %s", path);
    }

    /* the pid is for the message of whoever finds it locked; failing to write it does no harm */
    char pid[32];

    STR_PRINTF(pid, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, strlen(pid), 0) < 0)
        errno = 0;
    *ret_fd = auto_fd_take(&fd);
    return 0;
}
