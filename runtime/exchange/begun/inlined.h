/* Connections of services in `mode proxy inline`, by their number in a worker: the real ends of a connection whose
 * packets have made-up addresses in the inline stack (vm/flow/inline_addr.h). The worker stores them with the
 * first packet, the proxy loop finds them at accept. There is no lock: a place being written reads as empty. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/flow/flow.h"

struct inlined_conn {
    struct inline_open open;
    uint64_t at_ns;   /* monotonic time of the judgement */
    uint64_t program; /* serial of the program that the numbers in `open` belong to */
};

/* Serial for an unknown program, so that the packet is judged again */
#define INLINED_ANY UINT64_MAX

struct inlined;

/* Return a table for the numbers below `most` (at most INLINE_NUMBERS), or NULL if memory is out. Memory is touched as
 * it is used. */
struct inlined *inlined_new(uint32_t most);
void inlined_free(struct inlined *i); /* NULL is accepted */
size_t inlined_bytes(void);           /* return the bytes of memory for each number */

/* Store a connection, in place of an earlier one of its number. Called by one thread. False: the table has no place
 * for the number. */
bool inlined_put(struct inlined *i, const struct inline_open *open, uint64_t program, uint64_t at_ns);
/* Find a connection by its number and its port at INLINE_CLIENT. Called by any thread. False: none, or another
 * connection has the number now. */
bool inlined_find(const struct inlined *i, uint32_t number, uint16_t port, struct inlined_conn *found);
