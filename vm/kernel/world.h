/* What processes tell the stages: one for all, in a map that processes write. */
#ifndef VM_KERNEL_WORLD_H
#define VM_KERNEL_WORLD_H

#include <stdint.h>

struct kernel_world {
    uint32_t program; /* number of the program whose judge is in force */
    uint32_t reserved;
    uint64_t secret; /* what a test run shows, to be believed that it is one: not 0, and nobody else knows it */
};

#endif
