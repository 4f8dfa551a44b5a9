/*
 * The explorer: a small simulated world around the three pure parts (agent/decide/rules,
 * controller/decide/steps and planner, dnsupdate/register), walked exhaustively within a budget
 * of faults.
 *
 * World: one register with compare-and-swap and UPDATEs that may arrive late; three nodes, each a
 * host with an agent (durable state, the guard at start, the watch), a PostgreSQL (role, signal
 * file, pg_control, timelines, WAL as a counter) and a crontab (on or off); two controllers, each
 * running planner_next on what it last heard. Messages are delivered, answered, lost, or delivered
 * after their sender has given up. Hosts, agents and controllers die at any point and come back.
 *
 * convert.c  the compact world as the pure parts' own structs
 * node.c     a node: PostgreSQL, guard and watch, requests in their phases
 * world.c    what may happen next: deliveries, acts, faults
 * control.c  a command that runs: its moves, its messages, what comes of them
 * view.c     what a controller has heard, as the planner's view; its marks
 * admin.c    what a controller may do next: move, give up, die; what an administrator may type
 * oracle.c   the invariants; looks at the world only, never asks the code that it judges
 * explore.c  breadth first, hashing, the shortest trace of a violation
 * seeds.c    protocol errors, sown one at a time: each must be caught
 * main.c     scenarios
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/decide/rules.h"
#include "controller/decide/planner.h"
#include "dnsupdate/register.h"

typedef uint8_t u8;

enum { NODES = 3, CONTROLLERS = 2, MESSAGES = 6, UPDATES = 3, NOBODY = 255, NAME_BYTES = 200 };
enum { A, B, C };

/* A record in ten bytes or so; node names are indices. */
struct rec {
    u8 epoch, nonce, state, owner, to, n_from, from[NODES], grade[NODES], txn, tli, by;
};

/* What an observation shows, and what it is made of. */
struct node {
    u8 up, agent;  /* host, agent process */
    u8 cut;        /* its network is cut, from everybody and from DNS */
    u8 epoch, seq; /* durable state … */
    struct rec seen;
    u8 fenced, standby_only, was_primary, fence_tli, fence_lsn;
    u8 held, held_primary, held_tli;
    u8 promoting, promoting_epoch, promoting_tli, revoked, revoked_epoch, cron_cmd;
    u8 role, signal, control, control_tli, control_lsn; /* PostgreSQL … */
    u8 orphan; /* its postmaster has died, a backend lives on (role unknown) and commits */
    u8 tli, newest_tli, wal, base; /* base: WAL where its timeline began */
    u8 upstream, receiving;
    u8 stale;      /* its walreceiver hangs on a connection that its upstream has lost */
    u8 attached;   /* in a look: bit per node that streams from here, as the walsenders know */
    u8 cron;       /* the crontab itself */
    u8 act, phase; /* a request being carried out: verb, how far */
    u8 act_run, act_read, immediate, by_word;
    u8 pending; /* pg_promote was asked, its agent has died: it may still happen */
};

struct message {
    u8 verb, node, run, live, epoch, seq, nonce, upstream, immediate, used;
    u8 by_word,
        declared; /* unfence while DNS does not respond; bit per node: a person says it is down */
};

struct update {
    u8 used, run, live, expected;
    struct rec r;
};

enum phase { IDLE, RUNNING, WAITING };

/* What a controller remembers of the world, in the same shape as the world itself. */
struct marks {
    uint64_t done, failed, failed_again;
    u8 given_epoch, epoch, nonce, last_failed, last_unknown, late_flip, turned, declined, lost;
    u8 unsettled, arm_failed, follow_failed, rejoin_failed, cut, accepted;
    u8 undone, finished, began;
};

struct control {
    u8 phase, run, command, to, step, pending;
    u8 sent; /* nonce of the UPDATE that it waits for */
    u8 outcome[NODES + 1];
    u8 d_answered, d_elsewhere, answered, seen_writable;
    u8 saw_d; /* bit per node: the last record that it saw is d */
    struct rec d;
    struct node view[NODES];
    struct marks marks;
};

struct world {
    struct rec d;
    struct rec secondary;        /* what the zone's other server shows (MENU_WORD); it may lag */
    u8 dns;                      /* the zone's primary answers */
    u8 faults, commands, writes; /* left */
    u8 nonces, runs;             /* handed out */
    u8 given_up;                 /* bit per node: a G3 was recorded for it and it has not settled */
    u8 acked;                    /* I7: WAL of the last planned stop; 0 none */
    struct node node[NODES];
    struct control ctl[CONTROLLERS];
    struct message msg[MESSAGES];
    struct update upd[UPDATES];
};

/* A protocol error, sown by wrapping the world or the pure parts, never inside them. */
#define SEEDS(X)                                                                                   \
    X(SEED_NONE, "none")                                                                           \
    X(SEED_SKIP_FENCE, "FLIP without FENCE")                                                       \
    X(SEED_NO_REREAD, "PROMOTE without re-reading D")                                              \
    X(SEED_IGNORE_W, "rule W ignored")                                                             \
    X(SEED_NO_TAKEOVER, "resume without TAKEOVER")                                                 \
    X(SEED_OBEY_STALE, "agents obey older (epoch, seq)")                                           \
    X(SEED_GUARD_BLIND, "the guard ignores epoch and seize")                                       \
    X(SEED_UNDO_SILENT, "UNFENCE(A) while B is silent after FLIP")                                 \
    X(SEED_NO_REVOKE, "abort after FLIP without REVOKE")                                           \
    X(SEED_CRON_FIRST, "cron on before it is off elsewhere")                                       \
    X(SEED_ACT_FIRST, "agents persist after the act")                                              \
    X(SEED_BLIND_UPDATE, "UPDATE without prerequisites")                                           \
    X(SEED_SOFT_FENCE, "a fence that does not survive a restart")                                  \
    X(SEED_NO_LATE_FLIP, "a late FLIP is not fenced before UNFENCE")                               \
    X(SEED_WATCH_EAGER, "the watch fences whoever is not named as target")                         \
    X(SEED_PID_FILE_ONLY, "stopped is what postmaster.pid says")                                   \
    X(SEED_BLIND_SET, "dns set names nobody who may still write")                                  \
    X(SEED_WORD_UNHEARD, "released by word over a node that does not respond and was not named")   \
    X(SEED_WORD_BLIND, "released by word over a peer that has seen another record")                \
    X(SEED_BELIEVE_TARGET, "the target alone says that it streams")

enum seed {
#define X(id, text) id,
    SEEDS(X)
#undef X
        SEED_COUNT
};
extern const char *const seed_names[SEED_COUNT];

struct scenario {
    const char *name;
    void (*start)(struct world *w);
    enum step_id from; /* STEP_NONE, or: all has gone well up to here */
    u8 faults, commands, writes;
    unsigned menu;              /* enum menu */
    size_t states, deep_states; /* where to stop */
};
enum menu { /* which commands an administrator may give later on */
            MENU_SWITCHOVER = 1,
            MENU_RESUME = 2,
            MENU_ABORT = 4,
            MENU_FAILOVER = 8,
            MENU_ACCEPT = 16,
            MENU_CUT_POSSIBLE = 32, /* the G2 hook exists */
            MENU_NETWORK = 64,      /* cuts are among the faults */
            MENU_POSTMASTER = 128,  /* a primary's postmaster dies, a backend lives on */
            MENU_FORGET = 256,      /* of the first owner */
            MENU_SET = 512,         /* a record typed by hand (dns set) */
            MENU_WORD = 1024, /* the first owner unfenced, by word while DNS does not respond */
};

/* The run's settings; set once before it begins. */
struct settings {
    enum seed seed;
    const struct scenario *scenario;
};
extern struct settings sim;

/* One step of the world, named for people. The callee fills *next and `text`; false: not possible.
 */
struct violation {
    const char *invariant; /* "I1" … NULL none */
    char text[NAME_BYTES];
};
struct step_out {
    struct world w;
    char text[NAME_BYTES];
    struct violation bad;
};
/* All successors of `w`: calls `fn` for each. */
typedef void (*successor_fn)(void *arg, const struct step_out *out);
void world_successors(const struct world *w, successor_fn fn, void *arg);

/* world.c */
void world_init(struct world *w);
/* node.c */
void node_promotes(struct world *w, int node); /* PostgreSQL itself */
const char *node_name(u8 node);
bool reachable(const struct world *w, int node); /* from controllers */
bool reads_dns(const struct world *w, int node);
void node_die(struct world *w, int node);
void node_orphan(struct world *w, int node); /* the postmaster alone dies */
bool node_may_commit(const struct node *n);  /* up or not */
void node_boot(struct world *w, int node, struct step_out *out);
bool node_guard_again(struct world *w, int node, struct step_out *out);
bool node_watch(struct world *w, int node, struct step_out *out);
void node_stream(struct world *w, int node);
bool node_beyond(const struct node *n, const struct node *owner); /* has what that one has not */
void node_start_pg(struct node *n);
void node_stop_pg(struct world *w, int node, bool immediate);
/* What its peers answer to the guard's question; `declared` bits: down by a person's word. */
size_t node_ask_peers(const struct world *w, int node, u8 declared,
                      struct guard_peer peers[NODES - 1]);
bool is_attached(const struct world *w, int upstream, int node); /* streams from it, in truth */
/* node_request.c */
const char *verb_text(u8 verb);
void node_request(struct world *w, size_t message, bool answer, struct step_out *out);
/* The next phase of the act under way; true when the request is finished with it. */
bool node_act(struct world *w, int node, struct violation *bad, enum planner_outcome *outcome);
/* convert.c */
void node_load(const struct node *n, struct agent_state *s);
void node_save(struct node *n, const struct agent_state *s);
struct facts node_facts(const struct node *n);
void rec_to_record(const struct rec *r, struct record *ret);
void rec_from_record(const struct record *r, struct rec *ret);
const char *nonce_text(u8 nonce);
/* control.c */
void control_start(struct world *w, int ctl, int command, int to, bool accept);
void control_answer(struct world *w, u8 run, int node, enum planner_outcome outcome);
void control_update_answer(struct world *w, u8 run, enum planner_outcome outcome,
                           const struct rec *r);
/* Let everything go well until the first controller is about to take `step`. */
void control_forward(struct world *w, enum step_id step);
/* One move of a controller that is not waiting. */
void control_move(struct world *w, int ctl, struct step_out *out);
/* It gives up on everything that has not been answered: whatever is under way is late from now on.
 */
void control_time_out(struct world *w, struct control *c);
struct control *control_of(struct world *w, u8 run);
/* view.c */
void control_view(const struct control *c, struct planner_view *v);
void control_keep(const struct planner_marks *m, u8 nonce, struct marks *k);
void control_hear(const struct world *w, struct control *c, int node);
void control_hear_dns(const struct world *w, struct control *c);
bool anyone_sees_writable(const struct world *w, int node);
/* A look at everything, as `status` has it. */
void control_look(const struct world *w, struct planner_view *ret);
/* admin.c */
void control_successors(const struct world *w, successor_fn fn, void *arg);
/* oracle.c */
void oracle_state(const struct world *w, struct violation *v);
void oracle_update(const struct rec *old, const struct rec *new, struct violation *v);
void oracle_promotion(const struct world *w, int node, struct violation *v);
void oracle_caught_up(const struct world *w, int owner, int to, struct violation *v);
void oracle_undone(const struct world *w, const struct control *c, struct violation *v);
void violate(struct violation *v, const char *invariant, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* From here, with everything healed and no more faults, commands lead to a legal end. */
void oracle_end(const struct world *w, struct violation *v);
/* explore.c */
struct result {
    size_t states, transitions, ends;
    bool complete; /* nothing was left out but what the budgets leave out */
    struct violation bad;
};
void explore(const struct scenario *s, size_t max_states, bool show_trace, struct result *ret);
/* seeds.c: view and move as a wrong planner would have them; what a wrong agent would do */
void seed_view(struct planner_view *v);
bool seed_is(enum seed s);
