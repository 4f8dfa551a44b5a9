/* Any bytes as a configuration: accepted or refused, never read or written out of bounds. */
#include "base/ini.h"

#include "base/err.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct node {
    char name[16];
    char host[32];
    int64_t port;
};

struct config {
    struct node nodes[3];
    size_t n_nodes;
};

static const struct field fields[] = {
    F_STRING(struct node, host, FIELD_REQUIRED, NULL, "address"),
    F_INT(struct node, port, 0, 1, 65535, "1", "port"),
};
static FIELD_TABLE(table, struct node, "node", fields);

static const struct ini_section section = {
    .name = "node",
    .table = &table,
    .offset = offsetof(struct config, nodes),
    .repeated = true,
    .elem_size = sizeof(struct node),
    .max = 3,
    .count_offset = offsetof(struct config, n_nodes),
    .label_offset = offsetof(struct node, name),
    .label_size = sizeof(((struct node *)0)->name),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) a = arena_new();
    struct config config = {0};
    struct err e = {0};

    ini_parse_text("fuzz", (const char *)data, size, &section, 1, &config, a, &e);
    return 0;
}
