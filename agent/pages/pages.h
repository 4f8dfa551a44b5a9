/*
 * What is installed beside pgtandem-agent and made from its tables when it is built: manual
 * pages, the shell's completion. The program here (main.c) is the one that make runs; it is not
 * installed.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* "pgtandem-agent.8", "pgtandem-agent.conf.5", "pgtandem-agent.bash"; false for another name. */
bool pages_put(const char *name, FILE *f);
