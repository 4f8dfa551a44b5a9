#include "controller/preflight.h"

bool preflight_known(const char *name)
{
    return *name != '\0';
}
