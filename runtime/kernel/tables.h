/* A program's own maps besides its sections (table.def): what its judge counts and keeps. */
#ifndef RUNTIME_KERNEL_TABLES_H
#define RUNTIME_KERNEL_TABLES_H

#include "runtime/kernel/maps.h"

enum kernel_table {
#define TABLE(name, type, entries) KERNEL_TABLE_##name,
#define CONST(name, number)
#include "runtime/kernel/table.def"
#undef TABLE
#undef CONST
    KERNEL_TABLES
};

/* What their sizes follow from. */
struct table_sizes {
    uint32_t cpus; /* possible ones */
    const struct program *program;
};

struct tables {
    struct table_sizes sizes;
    struct map v[KERNEL_TABLES + 1];
};

/* Call tables_fini in any case. 0 or a negative errno with one line in err. */
int tables_init(struct tables *t, const struct program *p, uint32_t cpus, char *err, size_t err_len);
void tables_fini(struct tables *t);

/* table_NAME, mask_NAME, map_NAME and const_NAME. */
bool tables_value(const struct tables *t, const char *symbol, struct link_value *v);

#endif
