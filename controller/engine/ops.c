/* The table of acts. */
#include "controller/engine/ops.h"

#include "controller/engine/ops_node.h"

const op_fn ops[STEP_COUNT] = {
    [STEP_PREFLIGHT] = op_preflight,
    [STEP_EVIDENCE] = op_evidence,
    [STEP_LOSS] = op_loss,
    [STEP_CLAIM] = op_record,
    [STEP_SEIZE] = op_record,
    [STEP_TAKEOVER] = op_record,
    [STEP_ARM] = op_arm,
    [STEP_CRON_OFF] = op_cron_off,
    [STEP_CATCHUP] = op_catchup,
    [STEP_ASK_DNS] = op_ask_dns,
    [STEP_FENCE] = op_fence,
    [STEP_VERIFY] = op_verify,
    [STEP_FENCE_OLD] = op_fence_old,
    [STEP_CUT] = NULL, /* handed out only where a hook is configured, and none can be yet */
    [STEP_GRADE] = op_record,
    [STEP_RAISE] = op_raise,
    [STEP_DETACH] = op_detach,
    [STEP_EVIDENCE_AGAIN] = op_evidence,
    [STEP_FLIP] = op_record,
    [STEP_WAIT_WATCH] = op_wait_watch,
    [STEP_RELEASE] = op_release,
    [STEP_PROMOTE] = op_promote,
    [STEP_CRON_STRAY] = op_cron_stray,
    [STEP_CRON_ON] = op_cron_on,
    [STEP_FOLLOW] = op_follow,
    [STEP_CHECKPOINT] = op_checkpoint,
    [STEP_STABLE] = op_record,
    [STEP_REJOIN] = op_rejoin,
    [STEP_FORGET] = op_forget,
    [STEP_REVOKE] = op_revoke,
    [STEP_UNDO] = op_record,
    [STEP_UNFENCE] = op_unfence,
    [STEP_LET_GO] = op_let_go,
    [STEP_CRON_BACK] = op_cron_on,
    [STEP_FOLLOW_BACK] = op_follow,
    [STEP_STABLE_BACK] = op_record,
};
