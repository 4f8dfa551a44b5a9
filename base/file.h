/*
 * Files that must survive a crash: whole reads with a cap, atomic replacement (temporary file in
 * the same directory, fsync, rename, fsync of the directory), advisory locks, checks of owner and
 * mode.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct arena;
struct err;

/* Read the whole regular file into the arena, NUL-terminated. ERR_TOO_LONG above `cap_bytes`; e.sys
 * is ENOENT when it does not exist; a directory, a FIFO or a device in its place is ERR_CONFIG.
 * `ret_len` may be NULL. */
int file_read(const char *path, size_t cap_bytes, struct arena *a, char **ret_text, size_t *ret_len,
              struct err *reterr);

/* The same for private files (keys, state): refused are a symbolic link, a foreign owner (neither
 * we nor root), and a mode with any of `forbidden_bits` (0077: no access for group and others);
 * ERR_CONFIG, and the hint is the chmod or chown to type. It is the opened file that is judged. */
int file_read_private(const char *path, mode_t forbidden_bits, size_t cap_bytes, struct arena *a,
                      char **ret_text, size_t *ret_len, struct err *reterr);

/* Replace `path` by `len` bytes, durably: after 0 the new content survives a power cut; after an
 * error the old content is still there, whole (only when the directory's own fsync fails may it be
 * the new content, whole). */
int file_replace(const char *path, const void *bytes, size_t len, mode_t mode, struct err *reterr);

/* fsync the directory that holds `path`. */
int file_sync_dir_of(const char *path, struct err *reterr);

/* Remove durably; a file that is not there is fine. */
int file_remove(const char *path, struct err *reterr);

bool file_exists(const char *path);

/* Make the directory and its parents (mode for the last one). */
int file_make_dir(const char *path, mode_t mode, struct err *reterr);

/* Exclusive lock; waits up to `wait_ms` (0: try once). Returns an fd that holds the lock until
 * closed. ERR_HELD if someone else has it; the message names the holder's pid when known. */
int file_lock(const char *path, int wait_ms, int *ret_fd, struct err *reterr);
