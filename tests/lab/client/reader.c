/* Counts the writer's rows each time: reads go on where writes cannot. */
#include "grid.h"

int main(int argc, char **argv)
{
    static const struct grid_kind reader = {
        .name = "reader",
        .sql = "SELECT count(*), host(inet_server_addr()) FROM writes WHERE $1::bigint >= 0",
    };
    return grid_main(argc, argv, &reader);
}
