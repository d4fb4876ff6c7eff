/* Addresses of this machine, from --self or the kernel's list, in the form of struct facts, and the choice of a
 * source address. */
#pragma once

#include <stddef.h>

#include "vm/vm.h"

struct self {
    uint32_t *v4;          /* addresses in host order, ascending, without duplicates */
    struct pbc_range6 *v6; /* ranges, ascending and disjoint */
    unsigned v4_count, v6_count;
    uint32_t first4, first6[4]; /* first listed address of each family, this machine's own source address; 0: none */
};

/* An address that this machine may send from on an interface. */
struct source_candidate {
    bool here;       /* the address is the interface's own */
    bool wide;       /* the address's scope is wider than the link */
    bool deprecated; /* the address's preferred lifetime has expired */
    bool secondary;  /* IPv4: not the first address of its subnet; IPv6: temporary */
};
/* Return the address's rank as a source of packets beyond the link; 0: unusable. The first of equal addresses
 * counts. An address of wide scope on another interface is preferred to one with the link's scope (RFC 6724, 5, rule
 * 2; Linux takes the same for IPv4: inet_select_addr). */
unsigned source_preference(const struct source_candidate *c);

/* Add a comma-separated list of IPv4 and IPv6 addresses. Return 0, or -EINVAL or -ENOMEM with one line in err. */
int self_add(struct self *s, const char *list, char *err, size_t err_len);
/* Add the addresses of facts: arrays in host order, and ranges of one address each. Return 0 or -ENOMEM. */
int self_add_facts(struct self *s, const struct facts *f);
/* Add `count` addresses from `first` on, or a range. Two ranges must be disjoint or one inside the other. Return 0 or
 * -ENOMEM. self_sort puts the addresses in order. */
int self_put4(struct self *s, uint32_t first, uint32_t count);
int self_put6(struct self *s, const struct pbc_range6 *range);
void self_sort(struct self *s);
/* Return facts that point to these addresses; self keeps owning them. */
struct facts self_facts(const struct self *s);
void self_fini(struct self *s);
