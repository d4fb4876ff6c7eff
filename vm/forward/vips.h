/* Addresses for which this machine speaks, though the host need not hold them: services' and those of translation. What
 * is asked of the address itself, not of a service at it, is answered here. A host that holds the address answers for
 * itself.
 *
 * | asked | answered here | verdict |
 * |---|---|---|
 * | echo request | a service is at the address, none there takes `icmp` (`icmp6`) | `accept`, by the rules |
 * | ARP request | a service `announce`s it; a pool's `source` or a nat has it | `pass`; or by rules that name `arp` |
 * | solicitation | likewise | `accept`, by the rules |
 *
 * What the rules drop is not answered. verdict.done says that nothing is left for the host, also where the limit or a
 * full pool kept the answer back. Each kind has a limit of its own (1,000 a second a worker), beside `rejects`. */
#pragma once

#include "vm/context/context.h"
#include "vm/forward/service.h"

struct vips *vips_new(const struct program *p); /* NULL when memory is out */
void vips_free(struct vips *v);

/* All of the program's, ranges that do not overlap but may repeat; false: memory is out. */
typedef void vips_fn(void *arg, const uint32_t lo[4], const uint32_t hi[4], bool v6);
bool vips_each(const struct program *p, vips_fn *fn, void *arg);

/* The packet was accepted, or passed, and no service took it: is it asked of an address of ours? */
void vips_answer(const struct job *j, struct packet_ctx *c);
