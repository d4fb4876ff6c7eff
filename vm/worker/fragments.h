/* Fragments on a worker's way: flow/fragments/frag.h tells the kind of each; then it takes the verdict of its first,
 * waits for the first, or is judged. Only in programs with PBC_FOLLOWS_FRAGMENTS. */
#pragma once

#include "vm/program/remap.h"
#include "vm/worker/turns.h"

struct fragments *fragments_new(const struct program *p, uint64_t seed); /* NULL: out of memory */
void fragments_free(struct fragments *f);                                /* held fragments return to their pool */
const struct frag_counters *fragments_counters(const struct fragments *f);

/* Move the datagrams of `from` to `to`, which is of another program. Their later fragments follow the firsts, and count
 * for no rule unless the programs are the same. */
void fragments_keep(struct fragments *to, struct fragments *from, const struct remap *r);

/* Write or read (into a new vm) all datagrams and held fragments (keyed/archive.h). ifaces: number of interfaces. */
bool fragments_archive(struct vm *vm, uint32_t ifaces, struct archive *a);

/* Drop all held fragments as orphans, without entries in vm_tx. */
void fragments_drop_held(struct vm *vm);

static inline bool is_fragment(const struct key *key) { return key->kind & KIND_FRAGMENT; }

/* Judge one fragment in its turn, parsed, malformed or not. judge: the function for any well-formed packet. */
void fragments_judge(const struct job *j, struct packet_ctx *c, odd_fn *judge);

/* Let held fragments leave whose time has come, while j->tx has room. j->input is INPUT_NONE. */
void fragments_leave(const struct job *j, odd_fn *judge);

/* Return the next deadline; now_ns if more can leave at once. */
uint64_t fragments_tick(struct fragments *f, uint64_t now_ns);
