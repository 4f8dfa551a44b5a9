/* A setting among the facts of an inspection: its value, new or another than before. */
#pragma once

#include <string.h>

#include "base/str.h"
#include "proto/messages.h"

static void set(struct inspect *i, const char *name, const char *value)
{
    size_t n = 0;

    while (n < i->n_settings && strcmp(i->settings[n].name, name) != 0)
        n++;
    i->n_settings += n == i->n_settings;
    STR_COPY(i->settings[n].name, name);
    STR_COPY(i->settings[n].value, value);
}
