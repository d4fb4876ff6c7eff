/* Conditions that only a connection's first bytes can meet: what the bytes so far say of one. */
#pragma once

#include "vm/program/program.h"

struct first;

/* What is said so far. Once it is no or yes it stays so, whatever comes. */
enum stream_says { STREAM_NO, STREAM_YES, STREAM_LATER };

/* Does this condition of a proxy service's branch ask the bytes? Else it asks the key. */
static inline bool stream_asks(const struct pbc_cond *c)
{
    return cond_info[c->kind].traits & COND_STREAM || c->kind == COND_BYTES;
}

/* How many of a proxy service's branch ask the key: they stand first. */
static inline uint32_t stream_keyed(const struct pbc_cond *conds, uint32_t count)
{
    uint32_t n = 0;
    while (n < count && !stream_asks(&conds[n])) n++;
    return n;
}

/* One such condition. Lists are searched, or, for the oracle (`plain`), looked at entry by entry. */
enum stream_says stream_cond(const struct program *p, const struct pbc_cond *c, const struct first *first, bool plain);

/* Why no path that is compared looks like this (texts.h, without a `*`); NULL: one may. */
const char *stream_path_fault(const char *path, size_t len);

/* A run of code over one connection. */
struct stream_run {
    const struct first *first;
    bool waits; /* a condition of the branch at hand is not known yet */
};
/* JNFIRST: is the condition known not to hold? */
bool stream_fails(struct stream_run *run, const struct program *p, uint32_t cond);
