/* The executor in the kernel, as its own files see it. */
#pragma once

#include "runtime/kernel/kernel.h"
#include "runtime/kernel/maps/sections.h"
#include "runtime/kernel/maps/tables.h"
#include "runtime/kernel/object/object.h"
#include "runtime/kernel/run/world.h"
#include "vm/kernel/flow/memo.h"

struct judge {
    struct sections sections;
    struct tables tables;
    uint64_t serial;              /* its program's */
    struct world_says says;       /* what look is told of its program */
    uint64_t memos[KERNEL_MEMOS]; /* decisions of it that are remembered */
    int programs[KERNEL_ENTRIES]; /* of judges; else -1 */
};
struct judge *judge_begin(void); /* NULL: out of memory */

struct kernel {
    struct kernel_cfg cfg;
    struct objects *objects;
    struct maps maps;
    struct map constants; /* of the objects */
    int btf;
    int programs[KERNEL_ENTRIES]; /* of all other stages; -1: not loaded */
    struct judge *judge;          /* in force; NULL: none yet */
    uint32_t cpus;
};

/* Made anew for each program. */
enum { JUDGE_ENTRIES = 3 };
static inline bool entry_is_programs(enum kernel_entry e)
{
    return e == KERNEL_ENTRY_judge_xdp || e == KERNEL_ENTRY_judge_tc || e == KERNEL_ENTRY_sweep_meters;
}
/* Does the program with these tables need it at all? */
static inline bool tables_want(const struct tables *t, enum kernel_entry e)
{
    return e != KERNEL_ENTRY_sweep_meters || t->sizes.meters.slots;
}

/* The judge that the generator made, or another: into the kernel, but into no array. 0 or a negative errno with one
 * line in err. */
int load_code(const struct kernel *k, const struct program *p, const struct code *code, struct judge *j, char *err,
              size_t err_len);
/* All stages but the judge, into their arrays. 0 or a negative errno with one line in err. */
int load_stages(struct kernel *k, char *err, size_t err_len);
