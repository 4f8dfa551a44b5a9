/* docs/transitions.md, the agent's part: the guard's table, and the watch. */
#include "agent/decide/rules.h"
#include "tests/reference/markdown.h"

static void put_watch(void)
{
    static const struct {
        const char *what;
        int role;
        bool cron_on;
    } nodes[] = {
        {"PostgreSQL is writable", PG_WRITABLE, true},
        {"PostgreSQL does not say what it is", PG_UNKNOWN, true},
        {"a standby with its jobs on", PG_RECOVERY, true},
        {"a standby", PG_RECOVERY, false},
        {"stopped, its jobs on", PG_STOPPED, true},
        {"stopped", PG_STOPPED, false},
    };
    static const char *const verdicts[] = {[WATCH_NOTHING] = "nothing",
                                           [WATCH_FENCE] = "fences itself, jobs off",
                                           [WATCH_CRON_OFF] = "jobs off"};
    const struct record d = {.epoch = 5, .state = REGISTER_STABLE, .owner = "db01", .sysid = 7};

    puts("\n## Watch\n\nTwo signed reads name another owner, in `flip` or `stable`, at this node's "
         "epoch or above:\n\n| this node | then |\n| --- | --- |");
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        const struct agent_state s = {.epoch = 5, .sysid = 7, .cron_on = nodes[i].cron_on};
        const struct facts f = {.role = (enum pg_role)nodes[i].role,
                                .sysid = 7,
                                .control_state = CONTROL_IN_ARCHIVE_RECOVERY};

        printf("| %s | %s |\n", nodes[i].what, verdicts[rules_watch(&s, &f, "db02", &d, &d)]);
    }
}

int main(void)
{
    struct guard_ruling r;

    puts("\n## Guard\n\nFirst match decides, before each start of PostgreSQL and while a node is "
         "held.\n\n| row | because | verdict | alarm |\n| --- | --- | --- | --- |");
    for (size_t i = 0; rules_guard_row(i, &r); i++) {
        printf("| %d | ", r.row);
        markdown_text(stdout, rules_guard_row_text(r.row));
        printf(" | %s | %s |\n", guard_verdict_names[r.verdict], r.alarm ? "yes" : "");
    }
    put_watch();
    return 0;
}
