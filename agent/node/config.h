/*
 * The agent's configuration, one file (default /etc/pgtandem/agent.conf; deploy/agent.conf.sample
 * is commented). Peers and DNS servers are IP addresses: the guard must work while names do not
 * resolve.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/cron/cron.h"
#include "agent/postgres/postgres.h"
#include "agent/state/state.h"
#include "base/ini.h"
#include "dnsupdate/dns.h"
#include "proto/rpc.h"

struct err;

#define CONFIG_DEFAULT_PATH "/etc/pgtandem/agent.conf"

struct config_agent {
    char node[NODE_NAME_BYTES];
    char cluster[CLUSTER_NAME_BYTES];
    char listen[ADDRESS_BYTES];
    char state_directory[256];
    int mode; /* enum agent_mode */
};

struct config_dns {
    char alias[DNS_NAME_BYTES];
    char zone[DNS_NAME_BYTES];
    char server[DNS_ADDRESS_BYTES];
    char others[180]; /* comma-separated */
    char key_file[256];
    char key_name[256];
    bool tcp;
    int64_t timeout_ms;
};

struct config_watch {
    bool enabled;
    int64_t interval_ms;
};

struct config_archive {
    char probe_command[256]; /* argv, blank-separated; "" none */
    int64_t timeout_ms;
};

struct config_backup { /* where the newest backup is looked for */
    char dir[256];
    char newest_command[256];
    int64_t timeout_ms; /* of the command */
};

struct config_peer {
    char node[NODE_NAME_BYTES];
    char agent[ADDRESS_BYTES];
    char address[ADDRESS_BYTES];
    int64_t port;
};

struct config {
    char path[256];
    struct config_agent agent;
    struct tls_files tls;
    struct config_dns dns;
    struct config_watch watch;
    struct postgres_config postgresql;
    struct cron_config cron;
    struct config_archive archive;
    struct config_backup backup;
    struct config_peer peers[CLUSTER_NODES_MAX];
    size_t n_peers;

    /* made from the above */
    struct dns_zone zone; /* its key is zero until config_load_key() */
    char others[DNS_NS_MAX][DNS_ADDRESS_BYTES];
    size_t n_others;
    struct state_binding binding; /* its sysid is what pg_control shows; see config_bind() */
};

extern const struct ini_section config_sections[]; /* what a file may hold */
extern const size_t n_config_sections;

/* Read and check the file alone; nothing else is opened. ERR_CONFIG names file, line and key. */
int config_load(const char *path, struct config *ret_config, struct err *reterr);

/* Remedies say "agent.conf": replaces that with the file that this agent was started with. In
 * place; left as it is where there is no room. */
void config_name_file(const struct config *c, char *text, size_t bytes);

/* The TSIG key, into c->zone.key. */
int config_load_key(struct config *c, struct err *reterr);

/* Who this is: machine, user and the data directory's system identifier, into c->binding. */
void config_bind(struct config *c);

/* The configured node of that name, or NULL. */
const struct config_peer *config_peer(const struct config *c, const char *node);

/* What a running agent took over from the file (or, `taken` false, could not without a restart). */
typedef void (*config_change_fn)(void *arg, const char *section, const char *key, const char *old,
                                 const char *now, bool taken);
/* Take over from `now` what may change under a running agent: the rows marked FIELD_RELOADS. Each
 * key that differs is reported; the others stay as they were. */
void config_take(struct config *c, const struct config *now, config_change_fn fn, void *arg);

/* The configuration against the machine: certificates, keys, directories, the durable state. Prints
 * one line a check to standard output; 0 when every one passed. */
int config_check(struct config *c, struct err *reterr);
