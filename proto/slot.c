#include "proto/slot.h"

#include <string.h>

#include "base/str.h"

void slot_name_of(const char *node, struct slot_name *ret_slot)
{
    STR_COPY(ret_slot->name, node);
    for (char *c = ret_slot->name; *c; c++)
        if (*c == '-')
            *c = '_';
}

bool slot_is_of(const char *slot, const char *node)
{
    struct slot_name own;

    slot_name_of(node, &own);
    return strcmp(slot, own.name) == 0;
}
