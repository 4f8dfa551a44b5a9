/* docs/configuration.md: the keys of agent.conf. */
#include "agent/node/config.h"
#include "tests/reference/markdown.h"

int main(void)
{
    markdown_configuration(stdout, config_sections, n_config_sections);
    return 0;
}
