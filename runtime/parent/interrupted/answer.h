/* The RST to a segment of an interrupted inline connection */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/flow/flow.h"

struct pkt;
struct interrupted;

/* Make a table of these tuples, which it takes over. NULL: out of memory, and the tuples are freed. */
struct interrupted *interrupted_new(struct inline_tuple *all, size_t count);
void interrupted_free(struct interrupted *i);

/* Answer a frame, given its first `len` bytes: the RST to a segment of one of these connections, with the ends' own
 * addresses, MACs and tags. NULL: no answer. The caller returns the packet by pool_put. */
struct pkt *interrupted_answer(struct interrupted *i, const uint8_t *frame, uint32_t len, uint32_t wire_len);
