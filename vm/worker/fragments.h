/* Fragments on a worker's way: each is told what it is by flow/fragments/frag.h and takes the verdict of its first,
 * waits for it, or is judged. Only in programs with PBC_FOLLOWS_FRAGMENTS. */
#pragma once

#include "vm/program/remap.h"
#include "vm/worker/turns.h"

struct fragments *fragments_new(const struct program *p, uint64_t seed); /* NULL when memory is out */
void fragments_free(struct fragments *f);                                /* what is held goes back to its pool */
const struct frag_counters *fragments_counters(const struct fragments *f);

/* `to`, of another program, goes on with the datagrams of `from`: those that are under way follow their firsts, decided
 * by nobody of this program. */
void fragments_keep(struct fragments *to, struct fragments *from, const struct remap *r);

/* All datagrams, and what is held (keyed/archive.h), into what is new. ifaces: how many there are. */
bool fragments_archive(struct vm *vm, uint32_t ifaces, struct archive *a);

/* No fragment is held any more: dropped as orphans, without an entry of vm_tx. */
void fragments_drop_held(struct vm *vm);

static inline bool is_fragment(const struct key *key) { return key->kind & KIND_FRAGMENT; }

/* One fragment, parsed, malformed or not, in its turn. judge: judges it as any packet that is well formed. */
void fragments_judge(const struct job *j, struct packet_ctx *c, odd_fn *judge);

/* Held fragments whose time has come, as far as there is room for them in j->tx. j->input is INPUT_NONE. */
void fragments_leave(const struct job *j, odd_fn *judge);

/* The next deadline; now, if some still may leave. */
uint64_t fragments_tick(struct fragments *f, uint64_t now_ns);
