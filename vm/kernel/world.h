/* What processes tell the stages: one for all, in a map that processes write. */
#ifndef VM_KERNEL_WORLD_H
#define VM_KERNEL_WORLD_H

#include <stdint.h>

struct kernel_world {
    uint32_t program; /* number of the program whose judge is in force */
    uint32_t reserved[15];
};

#endif
