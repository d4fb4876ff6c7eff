/* Decides with a program's plain lists, without a worker: the oracle for its code. */
#pragma once

#include "vm/judge/decide.h"

/* Try every rule in order; call `fn` for each with the first condition that failed. */
struct decision oracle_explain(const struct program *p, const struct key *key, const struct pkt *pkt, trace_fn *fn,
                               void *arg);

/* Do the same as program_stream (vm/judge/decide.h) with the list. */
uint32_t oracle_stream(const struct program *p, const struct key *key, const struct first *first);
