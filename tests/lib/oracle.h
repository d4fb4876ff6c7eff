/* A program's answers by its plain lists, without a worker: the oracle for its code. */
#pragma once

#include "vm/judge/decide.h"

/* Every rule tried, in order, with the first condition that failed: `fn` is called once per rule. */
struct decision oracle_explain(const struct program *p, const struct key *key, const struct pkt *pkt, trace_fn *fn,
                               void *arg);

/* program_stream (vm/judge/decide.h) by the list. */
uint32_t oracle_stream(const struct program *p, const struct key *key, const struct first *first);
