/* CRON_OFF, CRON_ON, CRON_WRITE. Order: the command is in the state file before the crontab
 * changes. For the jobs that still run CRON_OFF waits in its tail. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/acts/acts.h"
#include "agent/cron/cron.h"
#include "base/clock.h"
#include "base/crontab.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"

enum { BACKUPS = 10 };

static void cron_off_intent(struct act *a)
{
    struct agent_state admitted, next;
    enum rule r = rules_admit(&a->s, a->q->epoch, a->q->seq, &admitted);

    if (r == RULE_OBEY)
        r = rules_cron_off(&admitted, &next);
    act_obey(a, r, &next);
}

static void cron_off_do(struct act *a)
{
    const struct cron_expected x = {.hash = a->q->expected_hash,
                                    .entries = a->q->expected_entries,
                                    .environment = a->q->expected_environment};
    cron_off(a->agent->cron, &x, act_done, a);
}

static void cron_off_wait(struct act *a)
{
    int64_t most_s = act_left_ms(a) / 1000;

    cron_wait_jobs(a->agent->cron, a->q->wait_jobs_s < most_s ? a->q->wait_jobs_s : most_s,
                   act_done, a);
}

static void cron_off_forsake(struct act *a)
{
    cron_wait_cancel(a->agent->cron, a);
}

static const act_phase_fn cron_off_phases[] = {cron_off_intent, cron_off_do, NULL};
static const act_phase_fn cron_off_tail[] = {cron_off_wait, NULL};
const struct act_kind act_cron_off = {.name = "cron-off",
                                      .phases = cron_off_phases,
                                      .tail = cron_off_tail,
                                      .forsake = cron_off_forsake};

static void cron_on_permitted(struct act *a)
{
    struct agent_state next;
    enum rule r = rules_cron_on_permitted(&a->s, &a->f, a->agent->config->agent.node, a->q->nonce,
                                          &a->d, &next);

    act_obey(a, r, &next);
}

static void cron_on_do(struct act *a)
{
    cron_on(a->agent->cron, a->q->expected_hash, act_done, a);
}

static const act_phase_fn cron_on_phases[] = {
    act_admit, act_read_d, act_look, cron_on_permitted, cron_on_do, NULL,
};
const struct act_kind act_cron_on = {.name = "cron-on", .phases = cron_on_phases};

/* ---- CRON_WRITE ------------------------------------------------------------------------------ */

/* Entries are switched on by CRON_ON alone, under D (I4). */
static bool refuse_switched_on(struct act *a)
{
    struct crontab_summary s;
    enum crontab_mode mode = (enum crontab_mode)a->agent->config->cron.mode;
    struct err e;

    if (crontab_summarize(a->q->crontab, strlen(a->q->crontab), mode, &s, &e) < 0) {
        act_fail(a, &e);
        return true;
    }
    if (s.on > 0 && !a->s.cron_on) {
        err_set(&e, ERR_REFUSED,
                "write it with its entries off; `pgtandem status` says whose turn "
                "it is to have them on",
                "the new crontab has %zu managed entr%s on, and this node's are commanded off",
                s.on, s.on == 1 ? "y" : "ies");
        act_fail(a, &e);
        return true;
    }
    return false;
}

static void cron_write_check(struct act *a)
{
    struct err e;

    if (!a->q->crontab) {
        err_set(&e, ERR_PROTOCOL, NULL, "the request brings no crontab");
        act_fail(a, &e);
    } else if (!refuse_switched_on(a)) {
        act_next(a);
    }
}

/* crontab.backup.N, N being when; the oldest go. */
static int keep_backup(const char *directory, const char *text, struct buf *note,
                       struct err *reterr)
{
    char path[320], oldest[300] = "";
    size_t n = 0;
    int r;

    STR_PRINTF(path, "%s/crontab.backup.%" PRId64, directory, clock_wall_ms());
    r = file_replace(path, text, strlen(text), 0600, reterr);
    if (r < 0)
        return r;
    buf_printf(note, "the previous crontab is kept in %s", path);

    DIR *dir = opendir(directory);
    for (struct dirent *d; dir && (d = readdir(dir)) != NULL;) {
        if (strncmp(d->d_name, "crontab.backup.", 15) != 0)
            continue;
        n++;
        if (!oldest[0] || strcmp(d->d_name, oldest) < 0)
            STR_COPY(oldest, d->d_name);
    }
    if (dir)
        closedir(dir);
    STR_PRINTF(path, "%s/%s", directory, oldest);
    if (n > BACKUPS)
        file_remove(path, NULL);
    return 0;
}

static void on_previous(void *arg, const char *text, const struct err *e)
{
    struct act *a = arg;
    struct err why;

    if (e)
        act_fail(a, e);
    else if (keep_backup(a->agent->config->binding.directory, text, &a->text, &why) < 0)
        act_fail(a, &why);
    else
        act_next(a);
}

static void cron_write_backup(struct act *a)
{
    cron_read(a->agent->cron, on_previous, a);
}

/* Without a block: the entries were taken out of management. */
static void on_written(void *arg, const struct err *e)
{
    struct act *a = arg;
    struct crontab_summary s;

    if (!e &&
        crontab_summarize(a->q->crontab, strlen(a->q->crontab), CRONTAB_BLOCK, &s, NULL) == 0 &&
        !s.has_block)
        cron_forget(a->agent->cron);
    act_done(a, e);
}

static void cron_write_do(struct act *a)
{
    cron_write(a->agent->cron, a->q->crontab, a->q->expected_hash, on_written, a);
}

static const act_phase_fn cron_write_phases[] = {
    act_admit, cron_write_check, cron_write_backup, cron_write_do, NULL,
};
const struct act_kind act_cron_write = {.name = "cron-write", .phases = cron_write_phases};

void act_cron_resume(struct act *a)
{
    if (a->s.cron_on)
        cron_on(a->agent->cron, "", act_done, a);
    else
        act_next(a);
}
