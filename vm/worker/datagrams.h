/* Whose the pieces of a datagram are: the first alone has ports. Asked at the worker that vm_owner names for a piece,
 * so all of them meet here. */
#pragma once

#include "vm/worker/owner.h"

struct datagrams; /* a worker's, as many as its program's `fragments` */
struct datagrams *datagrams_new(const struct program *p, uint64_t seed); /* NULL: out of memory */
void datagrams_free(struct datagrams *d);

/* The owner of a fragment of which vm_owner said VM_OWNER_FRAGMENT. VM_OWNER_UNKNOWN: its first has not come. The
 * caller keeps it back until that has, DATAGRAM_WAIT_NS at most, and asks again; then its own vm judges it. */
#define VM_OWNER_UNKNOWN UINT32_MAX
enum { DATAGRAM_WAIT_NS = 100000000 };
unsigned datagram_owner(struct datagrams *d, const struct owners *o, const struct facts *facts, struct pkt *pkt,
                        uint64_t now_ns);
