/* A snapshot as bytes, and back. */
#ifndef RUNTIME_RECORD_WORLD_H
#define RUNTIME_RECORD_WORLD_H

#include "runtime/record/bytes.h"
#include "runtime/record/format.h"
#include "runtime/worker/snapshot.h"

/* program: its number, whose shape the snapshot has. */
void world_pack(struct bytes *to, const struct snapshot *s, uint64_t program);

struct world_said {
    uint64_t number, program;
};
/* Whose it is; false: too short. */
bool world_said(const void *bytes, size_t len, struct world_said *said);
/* The bytes are hostile. p: the program whose shape it is said to have; NULL: they are no
 * such snapshot, or memory is out. */
struct snapshot *world_unpack(const void *bytes, size_t len, const struct program *p, const struct record_start *start);

#endif
