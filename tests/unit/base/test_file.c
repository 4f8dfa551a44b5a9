/* base/file: replacement is all or nothing, reads are capped, locks exclude, modes are judged. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/unit.h"

/* each test runs in a new empty directory */
static char directory[] = "/tmp/pgtandem-test-file-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    STR_COPY(directory, "/tmp/pgtandem-test-file-XXXXXX");
    return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static void remove_all(const char *path)
{
    AUTO(arena) a = arena_new();
    DIR *d = opendir(path);
    const struct dirent *entry;

    if (!d) {
        unlink(path);
        return;
    }
    while ((entry = readdir(d)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_all(arena_printf(a, "%s/%s", path, entry->d_name));
    closedir(d);
    rmdir(path);
}

static int tear_down(void **state)
{
    (void)state;
    if (chdir("/") < 0)
        return -1;
    remove_all(directory);
    return 0;
}

static int entries(void)
{
    DIR *d = opendir(".");
    int n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void assert_content(const char *path, const char *expected)
{
    AUTO(arena) a = arena_new();
    char *text = NULL;
    struct err e = {0};

    assert_int_equal(file_read(path, 100000, a, &text, NULL, &e), 0);
    assert_string_equal(text, expected);
}

static void replace(const char *path, const char *text)
{
    struct err e = {0};

    if (file_replace(path, text, strlen(text), 0600, &e) < 0)
        fail_msg("%s", e.msg);
}

static void test_read(void **state)
{
    AUTO(arena) a = arena_new();
    char *text = NULL;
    size_t len = 0;
    struct err e = {0};

    (void)state;
    assert_int_equal(file_replace("f", "a\0b", 3, 0600, &e), 0);
    assert_int_equal(file_read("f", 3, a, &text, &len, &e), 0);
    assert_int_equal(len, 3);
    assert_memory_equal(text, "a\0b", 4);
    replace("empty", "");
    assert_content("empty", "");
}

static void test_read_failures_touch_nothing(void **state)
{
    AUTO(arena) a = arena_new();
    char *text = NULL;
    size_t len = 7;
    struct err e = {0};

    (void)state;
    replace("f", "abcd");
    assert_int_equal(file_read("f", 3, a, &text, &len, &e), ERR_TOO_LONG);
    assert_string_equal(e.msg, "f is longer than 3 bytes");
    assert_int_equal(file_read("absent", 3, a, &text, &len, &e), ERR_SYS);
    assert_int_equal(e.sys, ENOENT);
    assert_int_equal(file_read(".", 3, a, &text, &len, &e), ERR_CONFIG);
    assert_string_equal(e.msg, ". is a directory, not a regular file");
    assert_null(text);
    assert_int_equal(len, 7);
}

static void test_reading_a_fifo_does_not_hang(void **state)
{
    AUTO(arena) a = arena_new();
    char *text = NULL;

    (void)state;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    file_read("fifo", 3, a, &text, NULL, NULL);
}

static void test_replace(void **state)
{
    struct err e = {0};
    struct stat st;
    AUTO(arena) a = arena_new();

    (void)state;
    umask(077);
    assert_int_equal(file_replace("f", "one", 3, 0644, &e), 0);
    assert_int_equal(stat("f", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644); /* whatever the umask is */
    replace("f", "two");
    assert_content("f", "two");
    assert_int_equal(stat("f", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    replace(arena_printf(a, "%s/g", directory), "three");
    assert_content("g", "three");
    assert_int_equal(entries(), 2);
}

/* a reader that has the old file open keeps the old content: it is a new file, not a rewrite */
static void test_replace_is_by_rename(void **state)
{
    char text[4] = "";

    (void)state;
    replace("f", "old");
    AUTO(fd) fd = open("f", O_RDONLY | O_CLOEXEC);
    replace("f", "new");
    assert_int_equal(read(fd, text, 3), 3);
    assert_string_equal(text, "old");
}

static void test_a_full_disk_keeps_the_old_content(void **state)
{
    static char large[200000];
    struct err e = {0};
    struct rlimit saved, small;

    (void)state;
    replace("f", "old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
    small = (struct rlimit){.rlim_cur = 4096, .rlim_max = saved.rlim_max};
    signal(SIGXFSZ, SIG_IGN); /* then write(2) says EFBIG after the first 4096 bytes */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int r = file_replace("f", large, sizeof(large), 0600, &e);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);

    assert_int_equal(r, ERR_SYS);
    assert_int_equal(e.sys, EFBIG);
    assert_content("f", "old");
    assert_int_equal(entries(), 1); /* nothing half-written stays */
}

static void test_a_directory_that_is_not_there(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(file_replace("absent/f", "x", 1, 0600, &e), ERR_SYS);
    assert_int_equal(e.sys, ENOENT);
    assert_string_equal(e.msg, "cannot open directory absent: No such file or directory (errno 2)");
}

/* root may write anywhere, so as root this is tried as nobody */
static void test_a_directory_that_cannot_be_written(void **state)
{
    enum { NOBODY = 65534 };
    struct err e = {0};
    bool root = geteuid() == 0;

    (void)state;
    replace("f", "old");
    assert_int_equal(chmod("f", 0644), 0);
    assert_int_equal(chmod(directory, 0555), 0);
    assert_int_equal(root ? seteuid(NOBODY) : 0, 0);
    int r = file_replace("f", "new", 3, 0600, &e);
    assert_int_equal(root ? seteuid(0) : 0, 0);
    assert_int_equal(chmod(directory, 0700), 0);

    assert_int_equal(r, ERR_SYS);
    assert_int_equal(e.sys, EACCES);
    assert_content("f", "old");
}

/* the rename is what fails: a directory stands in the way */
static void test_a_rename_that_fails(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(mkdir("f", 0700), 0);
    assert_int_equal(file_replace("f", "new", 3, 0600, &e), ERR_SYS);
    assert_int_equal(e.sys, EISDIR);
    assert_int_equal(entries(), 1);
}

static void test_remove(void **state)
{
    struct err e = {0};

    (void)state;
    replace("f", "x");
    assert_true(file_exists("f"));
    assert_int_equal(file_remove("f", &e), 0);
    assert_false(file_exists("f"));
    assert_int_equal(file_remove("f", &e), 0);
    assert_int_equal(mkdir("d", 0700), 0);
    assert_int_equal(file_remove("d", &e), ERR_SYS);
    assert_int_equal(file_sync_dir_of("f", &e), 0);
    assert_int_equal(file_sync_dir_of("/f", &e), 0);
}

static void test_make_dir(void **state)
{
    struct err e = {0};
    struct stat st;

    (void)state;
    umask(022);
    assert_int_equal(file_make_dir("a/b/c", 0700, &e), 0);
    assert_int_equal(stat("a/b/c", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat("a/b", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(file_make_dir("a/b/c", 0700, &e), 0);
    assert_int_equal(file_make_dir("a/d/", 0700, &e), 0);
    replace("f", "x");
    assert_int_equal(file_make_dir("f", 0700, &e), ERR_SYS);
    assert_int_equal(e.sys, ENOTDIR);
    assert_int_equal(file_make_dir("f/g", 0700, &e), ERR_SYS);
}

static int check_private(const char *path, mode_t forbidden, struct err *e)
{
    AUTO(arena) a = arena_new();
    char *text;

    return file_read_private(path, forbidden, 100, a, &text, NULL, e);
}

static void test_private_files(void **state)
{
    struct err e = {0};

    (void)state;
    replace("key", "x");
    assert_int_equal(check_private("key", 0077, &e), 0);
    assert_int_equal(chmod("key", 0644), 0);
    assert_int_equal(check_private("key", 0022, &e), 0);
    assert_int_equal(check_private("key", 0077, &e), ERR_CONFIG);
    assert_string_equal(e.msg, "key has mode 0644: others can reach it");
    assert_string_equal(e.hint, "chmod 0600 'key'");
    assert_int_equal(check_private(".", 0077, &e), ERR_CONFIG);
    assert_int_equal(check_private("absent", 0077, &e), ERR_SYS);
    assert_int_equal(e.sys, ENOENT);
    assert_int_equal(chmod("key", 0600), 0);
    assert_int_equal(symlink("key", "link"), 0);
    assert_int_equal(check_private("link", 0077, &e), ERR_CONFIG);
    assert_string_equal(e.msg, "link is a symbolic link");
    assert_int_equal(unlink("link"), 0);
}

static void test_a_stranger_s_file(void **state)
{
    struct err e = {0};

    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can give files away */
    replace("key", "x");
    assert_int_equal(chown("key", 12345, 12345), 0);
    assert_int_equal(check_private("key", 0077, &e), ERR_CONFIG);
    assert_string_equal(e.msg, "key belongs to uid 12345; it must belong to uid 0 or to root");
    assert_string_equal(e.hint, "chown 0 'key'");
}

static void test_lock_excludes(void **state)
{
    struct err e = {0};
    AUTO(fd) first = -1;
    int second = -1;
    char expected[100];

    (void)state;
    assert_int_equal(file_lock("lock", 0, &first, &e), 0);
    assert_true(fcntl(first, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(file_lock("lock", 0, &second, &e), ERR_HELD);
    assert_int_equal(second, -1);
    STR_PRINTF(expected, "lock is held by process %d", (int)getpid());
    assert_string_equal(e.msg, expected);

    close(first);
    first = -1;
    assert_int_equal(file_lock("lock", 0, &first, &e), 0);
}

static void test_lock_waits_no_longer_than_told(void **state)
{
    struct err e = {0};
    AUTO(fd) first = -1;
    int second = -1;

    (void)state;
    assert_int_equal(file_lock("lock", 0, &first, &e), 0);
    int64_t began = clock_mono_ms();
    assert_int_equal(file_lock("lock", 60, &second, &e), ERR_HELD);
    int64_t took = clock_mono_ms() - began;
    assert_in_range(took, 60, 1000);
}

/* the lock dies with its holder, and the one who waits gets it */
static void test_lock_passes_on_at_death(void **state)
{
    struct err e = {0};
    int ready[2];
    char byte;

    (void)state;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        int fd;

        if (file_lock("lock", 0, &fd, NULL) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);

    AUTO(fd) fd = -1;
    assert_int_equal(file_lock("lock", 0, &fd, &e), ERR_HELD);
    kill(child, SIGKILL);
    assert_int_equal(file_lock("lock", 5000, &fd, &e), 0);
    waitpid(child, NULL, 0);
    close(ready[0]);
    close(ready[1]);
}

int main(void)
{
#define IN_DIRECTORY(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(test_read),
        IN_DIRECTORY(test_read_failures_touch_nothing),
        IN_DIRECTORY(test_reading_a_fifo_does_not_hang),
        IN_DIRECTORY(test_replace),
        IN_DIRECTORY(test_replace_is_by_rename),
        IN_DIRECTORY(test_a_full_disk_keeps_the_old_content),
        IN_DIRECTORY(test_a_directory_that_is_not_there),
        IN_DIRECTORY(test_a_directory_that_cannot_be_written),
        IN_DIRECTORY(test_a_rename_that_fails),
        IN_DIRECTORY(test_remove),
        IN_DIRECTORY(test_make_dir),
        IN_DIRECTORY(test_private_files),
        IN_DIRECTORY(test_a_stranger_s_file),
        IN_DIRECTORY(test_lock_excludes),
        IN_DIRECTORY(test_lock_waits_no_longer_than_told),
        IN_DIRECTORY(test_lock_passes_on_at_death),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
