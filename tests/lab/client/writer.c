/* Inserts a row each time; its log says which were acknowledged, by whom and when. */
#include "grid.h"

int main(int argc, char **argv)
{
    static const struct grid_kind writer = {
        .name = "writer",
        .sql = "INSERT INTO writes (id) VALUES ($1::bigint) RETURNING id, node",
    };
    return grid_main(argc, argv, &writer);
}
