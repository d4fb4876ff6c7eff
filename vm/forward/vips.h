/* Addresses of services and of translation, for which prey answers even if the host lacks them. Requests to the
 * address itself, not to a service at it, are answered here. A host that holds the address answers for itself.
 *
 * | request | answered here | verdict |
 * |---|---|---|
 * | echo request | a service is at the address, none there takes `icmp` (`icmp6`) | `accept`, by the rules |
 * | ARP request | a service `announce`s it; a pool's `source` or a nat has it | `pass`; or by rules that name `arp` |
 * | solicitation | as for ARP | `accept`, by the rules |
 *
 * Requests that the rules drop are not answered. verdict.done: nothing is left for the host, even if the limit or a
 * full pool kept the answer back. Each kind has its own limit (1,000 per second per worker), beside `rejects`. */
#pragma once

#include "vm/context/context.h"
#include "vm/forward/service.h"

struct vips *vips_new(const struct program *p); /* NULL: out of memory */
void vips_free(struct vips *v);

/* Call fn for all addresses of the program, as disjoint ranges that may repeat; false: out of memory. */
typedef void vips_fn(void *arg, const uint32_t lo[4], const uint32_t hi[4], bool v6);
bool vips_each(const struct program *p, vips_fn *fn, void *arg);

/* Answer a packet that was accepted or passed and that no service took, if it asks for one of these addresses. */
void vips_answer(const struct job *j, struct packet_ctx *c);
