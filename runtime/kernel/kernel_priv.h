/* Declarations of the kernel executor for its own files. */
#pragma once

#include "runtime/kernel/kernel.h"
#include "runtime/kernel/maps/judge_tables.h"
#include "runtime/kernel/maps/sections.h"
#include "runtime/kernel/object/object.h"
#include "runtime/kernel/run/world_says.h"
#include "vm/kernel/shapes.h"

struct judge {
    struct sections sections;
    struct judge_tables tables;
    uint64_t serial;                  /* serial of the judge's program */
    struct world_says says;           /* data about the judge's program for `look` */
    uint64_t memos[2 * KERNEL_MEMOS]; /* the judge's decisions to remember, then those without `audit` */
    int programs[KERNEL_ENTRIES];     /* entries of the judge; others -1 */
};
struct judge *judge_begin(void); /* Return an empty judge, or NULL if memory is out. */

struct kernel {
    struct kernel_cfg cfg;
    struct objects *objects;
    struct maps maps;
    struct map constants; /* constants of the objects */
    int btf;
    int programs[KERNEL_ENTRIES]; /* all stages but the judge; -1: not loaded */
    struct judge *judge;          /* judge in force; NULL: none yet */
    int rings[KERNEL_SERVED];     /* by port: ring made in advance and not requested yet; -1: none */
    uint32_t cpus;
    bool first;      /* the next judge is the first over another process's maps, where its facts are set already */
    unsigned prover; /* number of the asker that proves the judge */
    int tables[KERNEL_TABLES + 1]; /* tables of cfg.passed, for the first judge; -1: the judge makes its own */
    void *world; /* the stages' own facts, while this process writes to a copy (pass/passed.h); else NULL */
};

/* Return a kernel that has no descriptors yet, or NULL if memory is out. */
struct kernel *kernel_empty(const struct kernel_cfg *cfg);

/* Number of entries that are made again for each program. */
enum { JUDGE_ENTRIES = 3 };
static inline bool entry_is_programs(enum kernel_entry e)
{
    return e == KERNEL_ENTRY_judge_xdp || e == KERNEL_ENTRY_judge_tc || e == KERNEL_ENTRY_sweep_meters;
}
/* True if a program with these tables needs the entry. */
static inline bool tables_want(const struct judge_tables *t, enum kernel_entry e)
{
    return e != KERNEL_ENTRY_sweep_meters || t->sizes.meters.slots;
}

/* True if a kernel with these hooks loads the entry. */
bool entry_is_wanted(unsigned hooks, enum kernel_entry e);
/* Load the generated judge, or other code, without putting it into an array. Return 0, or a negative errno with one
 * line in err. */
int load_code(const struct kernel *k, const struct program *p, const struct code *code, struct judge *j, char *err,
              size_t err_len);
/* Load all stages but the judge into their arrays. Return 0, or a negative errno with one line in err. */
int load_stages(struct kernel *k, char *err, size_t err_len);

/* Make the rings of cfg.raises, as a thread. */
void *rings_make(void *kernel);
