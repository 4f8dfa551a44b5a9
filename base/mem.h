/*
 * Memory: an arena for each command or transition, AUTO() cleanup for foreign handles.
 *
 * Out of memory aborts the program: every crash point is resumable and tested, a half-handled
 * allocation failure is neither.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* AUTO(type) declares a variable that `type`'s cleanup frees at the end of scope. */
#define AUTO(type) __attribute__((cleanup(auto_##type))) auto_type_##type

/* Define what AUTO(name) means: the C type, and a destructor that takes a value (never NULL). */
#define AUTO_DEFINE(name, ctype, destroy)                                                          \
    typedef ctype auto_type_##name;                                                                \
    static inline void auto_##name(ctype *p)                                                       \
    {                                                                                              \
        if (*p)                                                                                    \
            destroy(*p);                                                                           \
    }                                                                                              \
    struct auto_end_##name

/* A file descriptor: closed when >= 0. */
typedef int auto_type_fd;
void auto_fd(int *fd);
/* Hand the descriptor over to the caller: the scope no longer closes it. */
int auto_fd_take(int *fd);

void *mem_alloc(size_t bytes);            /* zeroed; aborts when out of memory */
void *mem_realloc(void *p, size_t bytes); /* aborts when out of memory */
char *mem_strdup(const char *s);          /* aborts when out of memory; NULL gives NULL */

/* An arena owns all that is allocated from it; arena_free() frees it all. NULL is accepted. */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *a);
void *arena_alloc(struct arena *a, size_t bytes); /* zeroed, aligned for any type */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

AUTO_DEFINE(arena, struct arena *, arena_free);

/* memory allocated by malloc-like functions */
void mem_free(void *p);
typedef char *auto_type_str;
void auto_str(char **p);
