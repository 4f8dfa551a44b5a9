/* docs/messages.md: the protocol's verbs and messages. */
#include "proto/messages.h"
#include "tests/reference/markdown.h"

int main(void)
{
    printf("Version %d; the oldest that is spoken: %d.\n\n## Verbs\n\n"
           "| verb | since | changes something (carries epoch and seq) |\n| --- | --- | --- |\n",
           PROTO_VERSION, PROTO_VERSION_MIN);
    for (int v = 0; v < VERB_COUNT; v++)
        printf("| `%s` | %d | %s |\n", verb_names[v], verb_since((enum verb)v),
               verb_changes((enum verb)v) ? "yes" : "no");
    puts("\n## Messages");
    markdown_message(stdout, "hello", &hello_table);
    markdown_message(stdout, "request", &request_table);
    markdown_message(stdout, "reply", &reply_table);
    markdown_message(stdout, "rehearsals", &rehearsals_table);
    return 0;
}
