/* A snapshot as bytes, and back. */
#pragma once

#include "runtime/base/bytes.h"
#include "runtime/exchange/snapshot.h"
#include "runtime/record/format.h"

/* program: its number, whose shape the snapshot has. */
void world_pack(struct bytes *to, const struct snapshot *s, uint64_t program);

/* The table of routes, which goes before the first world that has it. */
void world_pack_routes(struct bytes *to, const struct routes *r);
/* The bytes are hostile. NULL: they are no such table, or memory is out. */
struct routes *world_unpack_routes(const void *bytes, size_t len, unsigned ports);

struct world_said {
    uint64_t number, program, routes; /* the snapshot's; the numbers of its program and of its routes, 0: it has none */
};
/* Whose it is; false: too short. */
bool world_said(const void *bytes, size_t len, struct world_said *said);
/* The bytes are hostile. p: the program whose shape it is said to have; routes: its table, which is counted, or NULL.
 * NULL: they are no such snapshot, or memory is out. */
struct snapshot *world_unpack(const void *bytes, size_t len, const struct program *p, struct routes *routes,
                              const struct record_start *start);
