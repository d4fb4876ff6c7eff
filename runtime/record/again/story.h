/* The story of a recording: the programs that the main thread recorded, in order, and the worlds. */
#pragma once

#include "runtime/host/guard/program/opened.h"
#include "runtime/record/film.h"

struct remap;

struct told_program {
    uint64_t number;
    struct program *p;   /* program as workers run it, with its past */
    struct remap *remap; /* from the program before; NULL: the first */
    uint64_t prepare_ns, world;
    uint16_t iface[PORTS_MOST];
    struct opened opened;
    uint8_t digest[PBC_DIGEST_LEN]; /* digest of the program's file */
};
struct told_world {
    uint64_t number;
    struct snapshot *s;
};
struct story {
    struct record_start start;
    uint32_t inline_half_open; /* bound of half-open connections, as in struct inline_share */
    char name[PORTS_MOST][RECORD_NAME];
    struct told_program **programs; /* pointers, so that programs keep their addresses */
    unsigned programs_count;
    struct told_world *worlds; /* worlds, in order of their numbers */
    unsigned worlds_count;
    struct routes **routes; /* tables of routes, in order of their numbers */
    unsigned routes_count;
    struct program *other; /* program that judges instead of the recorded ones; NULL: none. Owned by the caller */
    uint16_t other_iface[PORTS_MOST];
    struct opened other_opened;
};

/* Read the first scene of a file. Return 0, or -EINVAL with one line in err if the scene is not a beginning. */
int story_begin(struct story *t, const struct scene *s, char *err, size_t err_len);
void story_end(struct story *t);
/* Read a program, a table of routes or a world; a known one is skipped. Return 0, or a negative errno with one line in
 * err. */
int story_hear(struct story *t, const struct scene *s, char *err, size_t err_len);

/* Return the report under that number; NULL: unknown. */
const struct told_program *story_program(const struct story *t, uint64_t number);
struct snapshot *story_world(const struct story *t, uint64_t number);
