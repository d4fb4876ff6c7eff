/* Maps that one process's kernel executor hands to another's, which continues with their contents: all maps that
 * outlive programs, except the arrays of stages, and the tables of the judge in force. The stages that use them, and
 * those arrays, are always the taker's own. */
#pragma once

#include "runtime/kernel/kernel.h"

/* Data about these maps, sent over a socket; hostile for the taker. */
struct kernel_passed_says {
    struct kernel_sizes sizes; /* sizes of the maps; their member `program` is unused */
    uint64_t bytes;            /* most memory that bindings of the flows may take in an archive */
    uint32_t hooks;            /* hooks that are loaded, as in struct kernel_cfg */
    uint32_t program;          /* serial of the program in force, in the stages */
    uint32_t asker;            /* number of the asker that is free for the taker's proof (asker.h) */
    uint32_t zero;
};

enum { PASSED_TABLES = 10, PASSED_FDS = KERNEL_MAPS - 2 + PASSED_TABLES };

/* Hooks of the interfaces, one bit for each. */
struct kernel_passed_hooks {
    uint32_t by_tc;   /* traffic control, not XDP, takes arriving packets */
    uint32_t rings;   /* there is a ring beside XDP's sockets */
    uint32_t generic; /* XDP runs in generic mode */
    uint32_t zero;
};

/* The maps as the taker has them: descriptors, which it owns, in the order of kernel_pass. */
struct kernel_passed {
    struct kernel_passed_says says;
    int fds[PASSED_FDS];
    unsigned count; /* number of fds; 0 if the layouts differ: says.sizes are the sizes for new maps */
    struct kernel_passed_hooks hooks;
    uint32_t mark; /* mark of packets that the giver's sockets send */
};

/* Describe the maps to be handed over. asker: number of an unused asker. Return the number of descriptors,
 * PASSED_FDS, which stay the kernel's; 0: no judge is in force. */
unsigned kernel_pass(const struct kernel *k, unsigned asker, struct kernel_passed_says *says, int fds[PASSED_FDS]);

/* Check the maps handed over: types and sizes by the data sent and the running program; also the contents of maps
 * that have places in other maps. Return 0, or a negative errno with one line in err. */
int kernel_passed_look(const struct kernel_passed *from, const struct program *p, char *err, size_t err_len);
void kernel_passed_close(struct kernel_passed *from);
/* For maps that do not pass: set the sizes of the new maps, large enough for the same flows. slots: of the other
 * flow table, 0 if none; bound: the flows may be bound. Return 0, or a negative errno with one line in err. */
int kernel_passed_anew(struct kernel_passed *from, const struct program *p, uint32_t slots, bool bound, char *err,
                       size_t err_len);

/* Put the descriptors in their places, with -1 for those that are made again. */
void kernel_passed_maps(const struct kernel_passed *from, int maps[KERNEL_MAPS], int tables[PASSED_TABLES]);

/* Write this process's facts for the stages to a copy, while the stages still belong to another process. Once they
 * are this process's, write the facts to the stages (second function). Return 0 or -ENOMEM. */
int kernel_world_copy(struct kernel *k);
void kernel_world_back(struct kernel *k);
