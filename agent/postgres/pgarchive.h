/*
 * How far the archiver is: what a stop of a primary waits for. From files and processes alone,
 * since a server that is stopping accepts no connection.
 */
#pragma once

#include <stdint.h>

struct obs_pg;

/* ready_files, ready_oldest_s and, where a file has been waiting for a while and there is a
 * postmaster (pid 0: none), archiving_s. */
void pgarchive_look(const char *data_directory, int postmaster_pid, struct obs_pg *pg);

/* ": archive_command has been running for 41 s, 2 WAL files remain", or as much as is known of it;
 * "" when no file waits. */
void pgarchive_words(const struct obs_pg *pg, char *text, unsigned long bytes);
