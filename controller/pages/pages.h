/*
 * What is installed beside pgtandem and made from its tables when it is built: manual
 * pages, the shell's completion. The program here (main.c) is the one that make runs; it is not
 * installed.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* "pgtandem.1", "pgtandem.conf.5", "pgtandem.bash"; false for another name. */
bool pages_put(const char *name, FILE *f);
