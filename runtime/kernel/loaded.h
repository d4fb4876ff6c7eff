/* The kernel executor, loaded before the service begins, by the process that becomes the service's parent. */
#pragma once

#include "runtime/kernel/kernel.h"
#include "runtime/kernel/prove.h"

struct loaded {
    struct kernel *kernel; /* kernel executor; NULL: not loaded */
    struct judge *judge;   /* judge of the first program, proved and not in force; NULL with `kernel` */
    struct proof proof;
    uint8_t digest[PBC_DIGEST_LEN]; /* digest of that program */
};

/* Return the seed for hashes: that of --seed N, or a random one without the option. */
uint64_t loaded_seed(uint64_t said);
/* Make the maps, load the stages and the judge, and prove the judge; cfg->seed as in loaded_seed. Return 0, or a
 * negative errno with one line in err and *l empty. */
int loaded_begin(struct loaded *l, const struct program *p, const struct kernel_cfg *cfg, char *err, size_t err_len);
/* Give up descriptors and memory; an empty struct is fine. Objects that another process holds stay. */
void loaded_free(struct loaded *l);
