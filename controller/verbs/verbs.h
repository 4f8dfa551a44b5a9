/* Every verb's function. The table of them is in verbs.c; each prints its own result. */
#pragma once

struct err;
struct session;

/* looking */
int verb_status(struct session *s, struct err *reterr);
int verb_topology(struct session *s, struct err *reterr);
int verb_plan(struct session *s, struct err *reterr);
int verb_preflight(struct session *s, struct err *reterr);
int verb_checks(struct session *s, struct err *reterr);
int verb_history(struct session *s, struct err *reterr);
int verb_show(struct session *s, struct err *reterr);
int verb_report(struct session *s, struct err *reterr);
int verb_config_check(struct session *s, struct err *reterr);
int verb_config_sample(struct session *s, struct err *reterr);
int verb_config_nodes(struct session *s, struct err *reterr);
int verb_version(struct session *s, struct err *reterr);
int verb_audit_verify(struct session *s, struct err *reterr);

/* moving */
int verb_switchover(struct session *s, struct err *reterr);
int verb_failover(struct session *s, struct err *reterr);
int verb_resume(struct session *s, struct err *reterr);
int verb_abort(struct session *s, struct err *reterr);
int verb_fence(struct session *s, struct err *reterr);
int verb_unfence(struct session *s, struct err *reterr);
int verb_rejoin(struct session *s, struct err *reterr);
int verb_forget(struct session *s, struct err *reterr);
int verb_cancel(struct session *s, struct err *reterr);

/* the ownership record */
int verb_dns_show(struct session *s, struct err *reterr);
int verb_dns_verify(struct session *s, struct err *reterr);
int verb_dns_init(struct session *s, struct err *reterr);
int verb_dns_set(struct session *s, struct err *reterr);

/* the crontabs */
int verb_cron_show(struct session *s, struct err *reterr);
int verb_cron_diff(struct session *s, struct err *reterr);
int verb_cron_adopt(struct session *s, struct err *reterr);
int verb_cron_unadopt(struct session *s, struct err *reterr);
int verb_cron_sync(struct session *s, struct err *reterr);
