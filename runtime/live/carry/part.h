/* A change of programs, and each part's share of it in the main thread's state. */
#pragma once

#include "runtime/live/carry/carry_state.h"

struct rules;
struct world;

/* A change, from the look at the program until all workers have it. For a look without a change only the rooms, the
 * program with its name and allowances, and err are set. */
struct program_change {
    struct carry *carry;
    struct world *world; /* the rooms above, for their parts */
    struct rules *rules;
    struct program *program;   /* the new program; owned by the caller, until `remap` holds it */
    const char *name, *allows; /* its file's name; devices that it may leave unjudged, with commas, NULL: none */
    struct remap *remap;
    uint16_t *ids; /* ids from which `remap` was made */
    unsigned ids_count;
    uint8_t *gone; /* leftovers from which it was made; NULL: none */
    uint64_t begun_ns;
    struct lives *lives;       /* made for the new program, until its ruling takes them */
    struct ruling leaving;     /* the ruling that ends with the change: the old one, or after undo the new one */
    struct lingering left;     /* lingering matches that belong to `leaving` */
    bool hidden;               /* guard rules may cover both programs */
    struct snapshot *snapshot; /* for the new program; from the offer on it belongs to the world */
    struct proxied_change *loops;
    struct next_program to[WORKERS_MOST];
    unsigned prepared; /* number of parts whose `prepares` was called */
    bool offered;      /* workers may have taken it */
    bool unjudged;     /* the program is taken whatever it leaves unjudged */
    bool again;        /* the program ran before, so rules that can only be watched are no reason to refuse it */
    char *err;         /* one line with the reason of a refusal; initially "out of memory" */
    size_t err_len;
};

/* A part of the state, and its operations in a change. Each operation may be NULL. rules/parts.c has the list of all
 * parts; it calls each operation in that order, `undoes` in the opposite one. */
struct part {
    /* Check c->program, without a change. False: the program is refused, and c->err gives the reason. */
    bool (*admits)(const struct program_change *c);
    /* Prepare for the new program. False: the program is refused, and c->err gives the reason. */
    bool (*prepares)(struct program_change *c);
    /* Hand over the prepared parts. It can't fail. */
    void (*offers)(struct program_change *c);
    /* Restore the state that `prepares` replaced, even if that failed half-way. Also called after workers refuse an
     * offer. */
    void (*undoes)(struct program_change *c);
    /* Free the remains of the program that is not in force: the old one, or after undo the new one. */
    void (*ends)(struct program_change *c);
};

/* Parts of this folder, each in the file of that name. The others are in rules/parts.c. */
extern const struct part part_copied, part_hide, part_in_kernel, part_inline_stack, part_loops, part_observed,
    part_ports, part_proxied, part_shared_ports, part_steered, part_tun, part_way;
