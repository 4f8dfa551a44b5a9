/*
 * A fuzz harness without its fuzzer: runs every file of tests/fuzz/corpus/NAME once, seeds and what
 * was ever found. For `make check`, with any compiler; a harness that finds something aborts.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_CAP_BYTES = 1 << 20 };

static int replay(const char *path, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    char *text;
    size_t len;
    int r = file_read(path, INPUT_CAP_BYTES, a, &text, &len, reterr);

    if (r < 0)
        return r;
    uint8_t *bytes = mem_alloc(len ? len : 1); /* just so many: a sanitizer sees a byte too far */
    memcpy(bytes, text, len);
    printf("# %s\n", path);
    fflush(stdout); /* the last one named is the one that aborts */
    LLVMFuzzerTestOneInput(bytes, len);
    mem_free(bytes);
    return 0;
}

int main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '/');
    struct err e = {.code = 0};
    char directory[256], path[600];
    size_t n = 0;

    (void)argc;
    name = strstr(name ? name : argv[0], "fuzz_");
    STR_PRINTF(directory, "tests/fuzz/corpus/%s", name ? name + strlen("fuzz_") : "");
    DIR *d = opendir(directory);
    for (struct dirent *f; d && e.code == 0 && (f = readdir(d)); n += f->d_name[0] != '.') {
        STR_PRINTF(path, "%s/%s", directory, f->d_name);
        if (f->d_name[0] != '.')
            replay(path, &e);
    }
    if (d)
        closedir(d);
    if (!n || e.code != 0)
        printf("not ok %s: %s\n", directory, e.code ? e.msg : "no input there");
    else
        printf("ok %s: %zu inputs\n", directory, n);
    return !n || e.code != 0;
}
