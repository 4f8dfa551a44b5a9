/*
 * What is installed beside pgtandem-agent and made from its tables when it is built: manual
 * pages, the shell's completion. The program here (main.c) is the one that make runs; it is not
 * installed.
 */
#pragma once

#include "base/man.h"

extern const struct man_page pages[];
