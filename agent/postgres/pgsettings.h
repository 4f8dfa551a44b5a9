/*
 * Connection strings and configuration files of PostgreSQL, as text (PostgreSQL, 34.1.1 Connection
 * Strings and 20.1.2 Parameter Interaction via the Configuration File).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct postgres_config;
struct upstream;

/* Append ` key=value` (no blank at the start), the value quoted where it must be. */
void pgsettings_conninfo_add(struct buf *b, const char *key, const char *value);

/* primary_conninfo for streaming from `up`: all that `base`, the one in force, says, but for host,
 * hostaddr and port; over that replication_options; replication_user and `node` as application_name
 * where neither says another. The host is an address, unless the server's certificate is verified
 * by its name (sslmode=verify-full), or `base` has a name too (~/.pgpass goes by it): then it is
 * up->host, and the address is in hostaddr. ERR_CONFIG if one of them cannot be parsed. */
int pgsettings_primary_conninfo(const struct postgres_config *c, const char *base,
                                const struct upstream *up, const char *node, char *ret_text,
                                size_t bytes, struct err *reterr);

/* Add every host and hostaddr of a connection string to the comma-separated `list`, each once; a
 * service file's name becomes "service:NAME". False: it did not fit, or could not be parsed. */
bool pgsettings_hosts(const char *conninfo, char *list, size_t bytes);

enum { CONNINFO_BYTES = 1024, CONNINFO_PLACE_BYTES = 160 };
/* The primary_conninfo that a start would take from postgresql.conf, what it includes, and
 * postgresql.auto.conf: the last one counts. */
struct pgsettings_found {
    char value[CONNINFO_BYTES];       /* "" none */
    char place[CONNINFO_PLACE_BYTES]; /* "FILE:LINE"; "" none */
};
/* False: a file could not be read, or a value is malformed; what was found is there all the
 * same. */
bool pgsettings_file_conninfo(const struct postgres_config *c, struct pgsettings_found *ret);

/* One setting as a start would take it from the files. */
struct pgsetting {
    const char *name; /* asked for */
    char value[256];
    char file[256]; /* where the line that counts is; "" nowhere */
    int line;       /* 0: nowhere */
};
/* Fill in value, file and line of each: the last line wins, includes where they stand, and
 * postgresql.auto.conf is read last. The main file is that of agent.conf, else the one that the
 * last postmaster was started with. False: not every file could be read. */
bool pgsettings_of_files(const struct postgres_config *c, struct pgsetting *list, size_t n);

/* Pure: `text` (a configuration file) without its lines for these names, and with `name = 'value'`
 * for each at the end. Into the buffer. ERR_INVALID: a value holds a line break. */
int pgsettings_edit(const char *text, const char *const *names, const char *const *values, size_t n,
                    struct buf *ret_text, struct err *reterr);

/* Do that to postgresql.auto.conf, atomically. Only while PostgreSQL is stopped. */
int pgsettings_auto_conf(const struct postgres_config *c, const char *const *names,
                         const char *const *values, size_t n, struct err *reterr);
