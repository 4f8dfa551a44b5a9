/*
 * The controller's configuration: /etc/pgtandem/pgtandem.conf, declared as field tables, read
 * through base/ini.h, and checked as a whole (config_check): every refusal names file, line and
 * key.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/field.h"
#include "base/ini.h"
#include "dnsupdate/dns.h"
#include "proto/rpc.h"

struct arena;
struct err;

#define CONFIG_DEFAULT_PATH "/etc/pgtandem/pgtandem.conf"

struct config_node {
    char name[NODE_NAME_BYTES];
    char agent[ADDRESS_BYTES];   /* IP:port of its agent */
    char target[DNS_NAME_BYTES]; /* what the alias points to when this node is the owner */
    char address[ADDRESS_BYTES]; /* IP where the other nodes reach its PostgreSQL */
    int64_t port;
};

struct config_cluster {
    char name[CLUSTER_NAME_BYTES];
    char alias[DNS_NAME_BYTES];
};

struct config_dns {
    char zone[DNS_NAME_BYTES];
    char server[DNS_ADDRESS_BYTES];                /* the zone's primary */
    char others[DNS_OTHERS_BYTES];                 /* comma-separated */
    char key_file[256], key_name[256];             /* may update; "" this host only looks */
    char query_key_file[256], query_key_name[256]; /* may only ask; "" none */
    int64_t ttl; /* seconds, of the alias when `dns init` creates it */
    bool tcp;
    int64_t timeout_ms; /* one update until its verdict */
};

struct config_limits {
    int64_t agent_timeout_ms; /* an observation */
    int64_t lag_bytes;        /* switchover: largest receive or replay lag to begin with */
    int64_t clock_skew_ms;    /* largest difference of clocks between controller and nodes */
    int64_t free_bytes;       /* least free space in the target's pg_wal file system */
    int64_t stop_timeout_ms;  /* FENCE: how long a fast stop may take before it is rolled back */
    int64_t promote_timeout_ms;
    int64_t catchup_timeout_ms; /* CHECKPOINT on the old primary and lag to about zero */
    int64_t g3_wait_ms;         /* failover with G3: watch period plus stop time; 0 derives it */
    int64_t ready_files;        /* archive backlog allowed */
    int64_t archive_wait_s;     /* … and for how long its oldest file may wait */
    int64_t plan_age_s;         /* how old a saved plan may be */
    int64_t xact_age_s;         /* oldest transaction on the owner */
    int64_t backup_age_s;       /* newest backup */
    int64_t ttl_s;              /* of the alias */
    int64_t certificate_days;   /* until the target's certificate expires */
};

struct config_preflight {
    char acknowledged_foreign[256]; /* comma-separated: places or hashes of jobs elsewhere */
};

struct config_journal {
    char directory[256];
};

struct config_check { /* [check NAME]: severity of one preflight check */
    char name[40];
    int planned, unplanned; /* enum severity; SEVERITY_DEFAULT: as built in */
};

struct config {
    char path[256];
    struct config_cluster cluster;
    struct config_dns dns;
    struct tls_files tls;
    struct config_journal journal;
    struct config_limits limits;
    struct config_preflight preflight;
    struct config_node nodes[CLUSTER_NODES_MAX];
    size_t n_nodes;
    struct config_check checks[128];
    size_t n_checks;
};

enum severity { SEVERITY_BLOCK, SEVERITY_WARN, SEVERITY_OFF, SEVERITY_DEFAULT };
extern const char *const severity_names[]; /* "block", "warn", "off", "default" */

extern const struct ini_section config_sections[]; /* what a file may hold */
extern const size_t n_config_sections;

/* Load and check. *ret untouched on failure; ERR_CONFIG. */
int config_load(const char *path, struct config *ret_config, struct err *reterr);
/* The same from text; errors show `name` as the file. */
int config_parse(const char *name, const char *text, size_t len, struct config *ret_config,
                 struct err *reterr);

/* ERR_CONFIG: a value that was read and will not do, and why. */
int config_refuse(const struct config *c, struct err *reterr, const char *section, const char *key,
                  const char *value, const char *what);

const struct config_node *config_node_find(const struct config *c, const char *name); /* or NULL */
int config_node_index(const struct config *c, const char *name);                      /* or -1 */
/* The node whose `target` this CNAME is (letters' case does not matter), or NULL. */
const struct config_node *config_node_by_target(const struct config *c, const char *target);

/* The commented sample, generated from the tables (`pgtandem config sample`), for deploy/. */
char *config_sample(struct arena *a);
