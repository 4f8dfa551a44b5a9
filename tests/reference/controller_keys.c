/* docs/configuration.md: the keys of pgtandem.conf. */
#include "controller/cluster/config.h"
#include "tests/reference/markdown.h"

int main(void)
{
    markdown_configuration(stdout, config_sections, n_config_sections);
    return 0;
}
