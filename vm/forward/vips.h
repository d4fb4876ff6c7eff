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

struct vips *vips_new(const struct program *p); /* NULL when memory is out */
void vips_free(struct vips *v);

/* All of the program's, ranges that do not overlap but may repeat; false: memory is out. */
typedef void vips_fn(void *arg, const uint32_t lo[4], const uint32_t hi[4], bool v6);
bool vips_each(const struct program *p, vips_fn *fn, void *arg);

/* Who answers an ARP request or neighbour solicitation that the rules let through. */
enum vips_answers {
    VIPS_NOT_ASKED,
    VIPS_HOST,    /* the host holds the address */
    VIPS_SERVICE, /* we do: a service announces it */
    VIPS_OUTSIDE, /* we do: translation speaks from it, or leads it elsewhere */
    VIPS_SILENT,  /* nobody: a service is at it, and does not announce it */
    VIPS_NOBODY,  /* nobody here: it is no address of ours, as far as facts know */
};
struct vips_asked {
    uint32_t target[4]; /* as in struct key; of VIPS_NOT_ASKED nothing */
    uint32_t service;   /* of VIPS_SERVICE, VIPS_SILENT; else PBC_NONE */
    enum vips_answers answers;
};
/* Of a parsed packet. */
struct vips_asked vips_who(const struct program *p, const struct facts *facts, const struct pkt *pkt,
                           const struct key *key);

/* The packet was accepted, or passed, and no service took it: is it asked of an address of ours? */
void vips_answer(const struct job *j, struct packet_ctx *c);

/* May it be? */
static inline bool vips_asked(const struct key *key) { return key->kind & (KIND_ARP | KIND_ICMP_HEADER); }
