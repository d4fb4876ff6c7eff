/* The inside of address translation: what nat.c and nat_spaces.c share. */
#ifndef VM_FORWARD_BIND_NAT_PRIV_H
#define VM_FORWARD_BIND_NAT_PRIV_H

#include "vm/forward/bind/nat.h"

/* An outside address and its space of ports. */
struct outside {
    uint32_t addr[4];
    uint8_t family;
};

/* Those that are written stand first, sorted; then one of each family for `masquerade`, whose address comes with the
 * facts. Where that is a written one its space is that one's. */
struct outsides {
    struct outside *all;
    uint32_t written;
    uint32_t own[2]; /* space of `masquerade`, by family (0: IPv4); SPACE_NONE: no address is known */
};
#define SPACE_NONE UINT32_MAX

struct nat {
    const struct program *p;
    struct mappings *mappings;
    struct outsides outsides;
    uint32_t *spaces; /* [nats_count] of SOURCE statements */
    struct nat_counters counters;
    struct counter *statements; /* [nats_count]: counters point there */
};

/* Outside addresses of the program. False: out of memory. */
bool outsides_init(struct outsides *o, const struct program *p);
void outsides_fini(struct outsides *o);
static inline uint32_t outsides_count(const struct outsides *o) { return o->written + 2; }

/* The space of an address that is in use, SPACE_NONE. */
uint32_t outside_space(const struct outsides *o, const uint32_t addr[4], uint8_t family);
/* Keep ports that services and `forward` answer on from being given out: of the written addresses. */
void outsides_reserve(const struct outsides *o, const struct program *p, struct mappings *m);
/* This machine's address of that family is now `addr`, all 0: not known. */
void outsides_own(struct outsides *o, const struct program *p, struct mappings *m, uint8_t family,
                  const uint32_t addr[4]);

#endif
