/* docs/transitions.md, the controller's part: the steps, and the planner's rows. */
#include "controller/decide/planner.h"
#include "controller/decide/planner_view.h"
#include "controller/decide/steps.h"
#include "tests/reference/markdown.h"

static const char *const on_fail[] = {
    [FAIL_STOP] = "stops",
    [FAIL_BACK] = "back",
    [FAIL_RETRY] = "once more, then back",
    [FAIL_GO_ON] = "goes on",
};

static void put_steps(void)
{
    static const struct {
        unsigned flag;
        const char *word;
    } words[] = {{STEP_DNS, "one UPDATE"},
                 {STEP_NODES, "several nodes at once"},
                 {STEP_STOPS, "a refusal is believed"},
                 {STEP_OBSERVES, "only the act can say"},
                 {STEP_NEEDS_DNS, "needs DNS"},
                 {STEP_BACKWARD, "of the way back"}};

    puts("## Steps\n\n| step | what it does | undone by | if it fails | at most | |\n"
         "| --- | --- | --- | --- | --- | --- |");
    for (int i = STEP_NONE + 1; i < STEP_COUNT; i++) {
        const struct step *s = &steps[i];
        const char *between = "";

        printf("| `%s` | ", s->name);
        markdown_text(stdout, s->title);
        printf(" | %s | %s | %lld s | ", s->undo ? steps[s->undo].name : "-", on_fail[s->on_fail],
               (long long)s->timeout_ms / 1000);
        for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
            if (s->flags & words[k].flag) {
                printf("%s%s", between, words[k].word);
                between = ", ";
            }
        puts(" |");
    }
}

static void put_rows(const char *heading, const struct planner_row *rows)
{
    printf("\n### %s\n\n| | when | then |\n| --- | --- | --- |\n", heading);
    for (int i = 1; rows && rows->text; rows++, i++) {
        printf("| %d | ", i);
        markdown_text(stdout, rows->text);
        if (rows->step)
            printf(" | `%s` |\n", steps[rows->step].name);
        else {
            printf(" | exit %d: ", rows->exit_code);
            markdown_text(stdout, planner_reason_text(rows->reason));
            puts(" |");
        }
    }
}

static void put_open(enum register_state state, const char *forward, const char *back)
{
    const struct planner_view v = {.d.state = (int)state, .command = PLANNER_RESUME};

    put_rows(forward, planner_rows(&v, false));
    if (back)
        put_rows(back, planner_rows(&v, true));
}

static void put_command(enum planner_command command, enum register_state state, bool entry,
                        const char *heading)
{
    const struct planner_view v = {.d.state = (int)state, .d.epoch = 1, .command = command};

    put_rows(heading, entry ? planner_entry_rows(&v) : planner_stable_rows(&v));
}

int main(void)
{
    const struct planner_view silent = {.command = PLANNER_UNFENCE, .d_elsewhere = true};
    struct planner_view ended = {.d.state = REGISTER_STABLE, .command = PLANNER_SWITCHOVER};

    put_steps();
    puts("\n## Before anything is held");
    put_command(PLANNER_SWITCHOVER, REGISTER_STABLE, true, "switchover");
    put_command(PLANNER_FAILOVER, REGISTER_STABLE, true, "failover");
    put_command(PLANNER_RESUME, REGISTER_CLAIM, true, "resume and abort of an open transition");
    put_command(PLANNER_FENCE, REGISTER_CLAIM, true,
                "unfence, fence, rejoin and forget while one is open");
    put_rows("unfence while DNS does not respond, and another server shows the record",
             planner_word_rows(&silent));
    puts("\n## A transition is open: the record is held");
    put_open(REGISTER_CLAIM, "claim, forward", "claim, back");
    put_open(REGISTER_SEIZE, "seize, forward", "seize, back");
    put_open(REGISTER_FLIP, "flip, forward", "flip, back");
    put_open(REGISTER_UNDO, "undo", NULL);
    puts("\n## The record is stable");
    put_command(PLANNER_RESUME, REGISTER_STABLE, false, "resume, and the end of every move");
    put_command(PLANNER_ABORT, REGISTER_STABLE, false, "abort");
    put_command(PLANNER_UNFENCE, REGISTER_STABLE, false, "unfence");
    put_command(PLANNER_FENCE, REGISTER_STABLE, false, "fence");
    put_command(PLANNER_REJOIN, REGISTER_STABLE, false, "rejoin");
    put_command(PLANNER_FORGET, REGISTER_STABLE, false, "forget");
    ended.marks.finished = true;
    put_rows("this run has closed it", planner_stable_rows(&ended));
    ended.marks.finished = false;
    ended.marks.undone = true;
    put_rows("this run has undone it", planner_stable_rows(&ended));
    ended.command = PLANNER_ABORT;
    put_rows("an abort has undone it", planner_stable_rows(&ended));
    return 0;
}
