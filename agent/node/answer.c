#include "agent/node/answer.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/rpc.h"

struct reply *answer_new(const struct node_obs *obs, const struct err *e)
{
    struct reply *reply = mem_alloc(sizeof(*reply));

    reply->ok = !e || e->code == 0;
    if (!reply->ok) {
        STR_COPY(reply->code, err_name(e->code));
        STR_COPY(reply->msg, e->msg);
        STR_COPY(reply->hint, e->hint);
    }
    reply->obs = *obs;
    return reply;
}

void answer_send(struct rpc_request *r, struct reply *reply)
{
    rpc_answer(r, reply);
    mem_free(reply);
}
