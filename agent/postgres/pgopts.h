/*
 * postmaster.opts: the command line of the postmaster that runs here, or ran last (PostgreSQL,
 * src/backend/postmaster/postmaster.c, CreateOptsFile). It says what a start by another way would
 * have to say too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct pgopts {
    char
        config_file[256]; /* the main configuration file, by -c config_file or by -D; "" PGDATA's */
    char others[256];     /* options besides that, without what a start by the agent itself adds */
};

/* False: there is no such file, or it cannot be read. */
bool pgopts_read(const char *data_directory, struct pgopts *ret_opts);

/* Pure: of one line of that file. */
void pgopts_parse(const char *text, const char *data_directory, struct pgopts *ret_opts);
