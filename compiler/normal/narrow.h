/* Conditions as narrowed fields (narrow.c), for making the normal form of rules (normal.c). */
#pragma once

#include "compiler/normal/ir.h"

struct normal {
    const struct image *img;
    struct ir *ir;
    uint32_t *set_id;                            /* [image set]: addrs id + 1 */
    uint32_t *live_first;                        /* [live set]: the first one of its name, which represents it */
    uint32_t *live_may;                          /* [live set]: addrs id of its possible members */
    uint32_t *pattern_slots, pattern_slots_size; /* 1 + pattern, hashed by content; size is a power of two */
    struct {
        uint32_t a, b, result;
    } unions[256]; /* recently made unions, by ids; 0: none */
    /* sets that many rules need */
    uint32_t ip, ip4, ip6, not_ip, not_ip4, not_ip6, known, known_or_ah, arp, not_arp, ports, tcp, icmp6, with_header;
    uint32_t *meter_asked; /* [over, within of each meter]: last rule that asks it, counted from 1 */
    uint32_t rules;        /* rules processed so far */
    uint32_t no_later, whole, can_be_invalid, can_be_related, can_be_either, tagged, nd, nd_types, nd_ttl;
    uint64_t *macs; /* room for the current condition; only new sets are copied */
    size_t macs_room;
};

void narrow(struct normal *n, struct ir_product *p, enum ir_field f, uint32_t set);
/* Return the union of some ranges, canonical, interned for the field. */
uint32_t union_of(struct normal *n, enum ir_field f, const struct pbc_range *r, uint32_t count);
/* Return the addresses of a set of the image. */
uint32_t addrs_of_set(struct normal *n, uint32_t set);
/* Return protocols by bits of key.kind, as a set of IR_WHAT. */
uint32_t what_protocols(struct normal *n, uint32_t mask);
/* Return a set of states; bit i: value i of IR_STATE. */
uint32_t states_set(struct normal *n, unsigned mask);

/* Apply one condition, except those of normal_patterns and normal_meters. */
void normal_cond(struct normal *n, struct ir_product *p, const struct pbc_cond *c);
/* Apply all byte conditions of a rule at once: there may be very many. */
void normal_patterns(struct normal *n, struct ir_product *p, const struct pbc_cond *conds, uint32_t count);
/* Apply all meters of a rule at once, in the order in which they are asked; a repeated meter adds nothing. */
void normal_meters(struct normal *n, struct ir_product *p, const struct pbc_cond *conds, uint32_t count);
