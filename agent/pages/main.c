/* One page to standard output. */
#include "agent/pages/pages.h"

int main(int argc, char **argv)
{
    if (argc != 2 || !pages_put(argv[1], stdout)) {
        fprintf(stderr, "%s: there is no such page\n", argc == 2 ? argv[1] : "one name");
        return 1;
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
