/* Maps are made in the order of table.def, and found by the names in a stage's symbols */
#include "runtime/kernel/maps/judge_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/object/refused.h"

static const char *const names[] = {
#define TABLE(name, type, entries) #name,
#define EXACT(name, type, entries) #name,
#define CONST(name, number)
#include "runtime/kernel/maps/table.def"
    NULL};

/* Make the map, or adopt it if it has a descriptor. */
static int table_make(struct map *m, enum kernel_table which, const struct table_sizes *t)
{
#define TABLE(name, type, count)                                                                                       \
    if (which == KERNEL_TABLE_##name)                                                                                  \
        return m->fd < 0 ? map_entries(m, #name, sizeof(type), map_power(count))                                       \
                         : map_adopt(m, m->fd, sizeof(type), map_power(count));
#define EXACT(name, type, count)                                                                                       \
    if (which == KERNEL_TABLE_##name)                                                                                  \
        return m->fd < 0 ? map_entries(m, #name, sizeof(type), (count) + !(count))                                     \
                         : map_adopt(m, m->fd, sizeof(type), (count) + !(count));
#define CONST(name, number)
#include "runtime/kernel/maps/table.def"
    return -EINVAL;
}

/* Set the sizes. Return NULL, or the name of a table that is too large. */
static const char *tables_begin(struct judge_tables *t, const struct program *p, uint32_t cpus)
{
    t->sizes = (struct table_sizes){.cpus = cpus, .program = p};
    for (unsigned i = 0; i != KERNEL_TABLES; i++) t->v[i] = (struct map){.fd = -1};
    if (!kernel_meters_layout(p, 2 * cpus + KERNEL_ASKERS, &t->sizes.meters)) return "meters";
    return kernel_lives_layout(p, &t->sizes.lives) == PBC_NONE ? NULL : "live sets";
}

/* Set up the meters' view of the tables. False: out of memory. */
static bool reach_meters(struct judge_tables *t, const struct program *p)
{
    t->meters = (struct kernel_meters){.layout = t->sizes.meters,
                                       .places = kernel_meters_places(p),
                                       .cells = t->v[KERNEL_TABLE_meter_cells].memory,
                                       .said = t->v[KERNEL_TABLE_meter_said].memory,
                                       .tags = t->v[KERNEL_TABLE_meter_tags].memory,
                                       .words = t->v[KERNEL_TABLE_meter_words].memory,
                                       .keys = t->v[KERNEL_TABLE_meter_keys].memory};
    return t->meters.places;
}

int tables_init(struct judge_tables *t, const struct program *p, uint32_t cpus, uint64_t seed, char *err,
                size_t err_len)
{
    const char *large = tables_begin(t, p, cpus);
    if (large) return refused_map(large, 0, -E2BIG, err, err_len);
    for (unsigned i = 0; i != KERNEL_TABLES; i++) {
        const int failed = table_make(&t->v[i], i, &t->sizes);
        if (failed) return refused_map(names[i], t->v[i].len, failed, err, err_len);
    }
    if (!reach_meters(t, p)) return refused_map("meters", 0, -ENOMEM, err, err_len);
    kernel_meters_fill(&t->meters, p, seed);
    return 0;
}

int tables_adopt(struct judge_tables *t, const struct program *p, uint32_t cpus, const int fds[])
{
    int failed = tables_begin(t, p, cpus) ? -E2BIG : 0;
    for (unsigned i = 0; i != KERNEL_TABLES; i++) t->v[i].fd = fds[i];
    for (unsigned i = 0; i != KERNEL_TABLES && !failed; i++) failed = table_make(&t->v[i], i, &t->sizes);
    if (!failed && !reach_meters(t, p)) failed = -ENOMEM;
    return failed;
}

void tables_fini(struct judge_tables *t)
{
    free(t->meters.places);
    for (unsigned i = 0; i != KERNEL_TABLES; i++) map_fini(&t->v[i]);
}

/* Find the number with this name. False if none has it. */
static bool const_find(const struct table_sizes *t, const char *name, uint64_t *number)
{
#define TABLE(name, type, count)
#define EXACT(name, type, count)
#define CONST(ident, value)                                                                                            \
    if (!strcmp(name, #ident)) return *number = (value), true;
#include "runtime/kernel/maps/table.def"
    return false;
}

bool tables_value(const struct judge_tables *t, const char *symbol, struct link_value *v)
{
    *v = (struct link_value){.kind = LINK_NUMBER};
    if (!strncmp(symbol, "const_", 6)) return const_find(&t->sizes, symbol + 6, &v->number);
    for (unsigned i = 0; i != KERNEL_TABLES; i++)
        if (map_value(&t->v[i], symbol, "table_", names[i], v)) return true;
    return false;
}
