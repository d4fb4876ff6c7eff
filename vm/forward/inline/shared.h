/* Tuples of open connections in memory that outlives the worker, see vm/flow/tuples.h */
#pragma once

#include "vm/flow/tuples.h"

/* Store a tuple: `which` of the two of its connection. Nothing is done without such memory. */
void shared_put(const struct inline_share *s, uint32_t number, unsigned which, const struct inline_tuple *t);
void shared_drop(const struct inline_share *s, uint32_t number, unsigned which);
