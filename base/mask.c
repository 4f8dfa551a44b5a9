#include "base/mask.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static const char *const telling[] = {"pass", "pwd", "secret", "token", "credential"};

struct copy {
    char *to;
    size_t left; /* with room for the end */
};

static void put(struct copy *c, const char *from, size_t n)
{
    n = n < c->left ? n : c->left - 1;
    memcpy(c->to, from, n);
    c->to += n;
    c->left -= n;
    *c->to = '\0';
}

static bool name_tells(const char *name, size_t n)
{
    for (size_t k = 0; k < sizeof(telling) / sizeof(telling[0]); k++)
        for (size_t i = 0; i + strlen(telling[k]) <= n; i++)
            if (strncasecmp(name + i, telling[k], strlen(telling[k])) == 0)
                return true;
    return false;
}

/* The length of a value: a quoted one to its quote, else up to a blank or a quote. */
static size_t value_length(const char *value)
{
    if (*value == '"' || *value == '\'') {
        const char *end = strchr(value + 1, *value);
        return end ? (size_t)(end - value) + 1 : strlen(value);
    }
    return strcspn(value, " \t\"';&|");
}

/* How much of `at`, which follows a name or a scheme, is a secret. */
static size_t secret_length(const char *text, const char *at)
{
    const char *name = at - 1;

    if (at - text >= 1 && at[-1] == '=') {
        while (name > text && (isalnum((unsigned char)name[-1]) || strchr("_-", name[-1])))
            name--;
        return name_tells(name, (size_t)(at - 1 - name)) ? value_length(at) : 0;
    }
    if (at - text >= 1 && at[-1] == ':') { /* scheme://user:…@ */
        while (name > text && !strchr(" \t/@\"'", name[-1]))
            name--;
        if (name - text >= 3 && strncmp(name - 3, "://", 3) == 0 &&
            at[strcspn(at, " \t/@\"'")] == '@')
            return strcspn(at, "@");
    }
    return 0;
}

void mask_secrets(const char *text, char *ret, size_t bytes)
{
    struct copy c = {ret, bytes};

    if (bytes == 0)
        return;
    *ret = '\0';
    for (const char *at = text; *at;) {
        size_t hidden = secret_length(text, at);

        if (hidden) {
            put(&c, "***", 3);
            at += hidden;
        } else {
            put(&c, at++, 1);
        }
    }
}
