/* Snapshots as bytes, and back. */
#pragma once

#include "runtime/base/bytes.h"
#include "runtime/exchange/snapshot.h"
#include "runtime/record/format.h"

/* Append a snapshot. program: number of the program that its arrays belong to. */
void world_pack(struct bytes *to, const struct snapshot *s, uint64_t program);

/* Append a table of routes, which comes before its first world. */
void world_pack_routes(struct bytes *to, const struct routes *r);
/* Read a table of routes from hostile bytes. NULL: malformed, or out of memory. */
struct routes *world_unpack_routes(const void *bytes, size_t len, unsigned ports);

struct world_said {
    uint64_t number, program, routes; /* numbers of the snapshot, its program, and its routes (0: none) */
    uint32_t bare;                    /* bits of interfaces without Ethernet, as in the snapshot */
};
/* Read the numbers of a packed snapshot. False: too short. */
bool world_said(const void *bytes, size_t len, struct world_said *said);
/* Read a snapshot from hostile bytes. p: the program that gives its shape; routes: its table, to which the snapshot
 * takes a reference, or NULL. NULL: malformed, or out of memory. */
struct snapshot *world_unpack(const void *bytes, size_t len, const struct program *p, struct routes *routes,
                              const struct record_start *start);
