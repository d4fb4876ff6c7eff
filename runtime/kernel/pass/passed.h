/* Maps that one process's kernel executor hands to another's, which goes on with what is in them: all that outlive
 * programs but the arrays of stages, and the tables of the judge in force. The stages that use them, and those
 * arrays, are always the taker's own. */
#pragma once

#include "runtime/kernel/kernel.h"

/* Words about them, over a socket; hostile to the taker. */
struct kernel_passed_says {
    struct kernel_sizes sizes; /* `program` means nothing */
    uint64_t bytes;            /* memory that bindings of its flows may take in an archive, at most */
    uint32_t hooks;            /* as in struct kernel_cfg */
    uint32_t program;          /* serial of the program in force, as the stages know it */
    uint32_t asker;            /* number of the asker that is free for the taker's proof (asker.h) */
    uint32_t zero;
};

enum { PASSED_TABLES = 10, PASSED_FDS = KERNEL_MAPS - 2 + PASSED_TABLES };

/* Hooks of its interfaces, a bit for each. */
struct kernel_passed_hooks {
    uint32_t by_tc;   /* traffic control takes what arrives, not XDP */
    uint32_t rings;   /* beside XDP's sockets there is a ring */
    uint32_t generic; /* XDP takes it in generic mode */
    uint32_t zero;
};

/* As the taker has them: descriptors, which it owns, in the order of kernel_pass. */
struct kernel_passed {
    struct kernel_passed_says says;
    int fds[PASSED_FDS];
    unsigned
        count; /* number of fds; 0: none, for they are laid out otherwise: says.sizes are those of maps to be made */
    struct kernel_passed_hooks hooks;
    uint32_t mark; /* mark of packets that its sockets send */
};

/* Report what is handed over. asker: number of one that nobody else uses. Return the number of descriptors,
 * PASSED_FDS, which stay the kernel's; 0: no judge is in force. */
unsigned kernel_pass(const struct kernel *k, unsigned asker, struct kernel_passed_says *says, int fds[PASSED_FDS]);

/* Look at what was handed over: descriptors of maps, of the types and sizes that follow from what is said and from
 * the program that runs; and at what is in those that say where other things are. Return 0, or a negative errno with
 * one line in err. */
int kernel_passed_look(const struct kernel_passed *from, const struct program *p, char *err, size_t err_len);
void kernel_passed_close(struct kernel_passed *from);
/* For maps that do not pass: set the sizes of those in their place, which the same flows fit. slots: of the flow table
 * there, 0 if it keeps none; bound: they may hold flows that are sent on. Return 0, or a negative errno with one line
 * in err. */
int kernel_passed_anew(struct kernel_passed *from, const struct program *p, uint32_t slots, bool bound, char *err,
                       size_t err_len);

/* Put the descriptors in their places, with -1 for those that are made again. */
void kernel_passed_maps(const struct kernel_passed *from, int maps[KERNEL_MAPS], int tables[PASSED_TABLES]);

/* Have all that this process reports of the world to the stages go to a copy, which they do not read: they still
 * have another process beside it. Then, once they are its own, to them. Return 0 or -ENOMEM. */
int kernel_world_copy(struct kernel *k);
void kernel_world_back(struct kernel *k);
