/* The addresses of this machine, as --self or the kernel lists them, in the shape that struct facts wants. */
#pragma once

#include <stddef.h>

#include "vm/vm.h"

struct self {
    uint32_t *v4;          /* host order, ascending, each once */
    struct pbc_range6 *v6; /* ascending, apart */
    unsigned v4_count, v6_count;
    uint32_t first4, first6[4]; /* the first that was listed of each family: this machine speaks from it; 0: none */
};

/* Add a comma-separated list of v4 and v6 addresses. 0, or -EINVAL or -ENOMEM with one line in err. */
int self_add(struct self *s, const char *list, char *err, size_t err_len);
/* Add those of facts: arrays of host order and of ranges of one address each. 0 or -ENOMEM. */
int self_add_facts(struct self *s, const struct facts *f);
/* `count` addresses from `first` on; addresses that lie apart from those that are there, or within one another. 0 or
 * -ENOMEM. They are in order after self_sort. */
int self_put4(struct self *s, uint32_t first, uint32_t count);
int self_put6(struct self *s, const struct pbc_range6 *range);
void self_sort(struct self *s);
/* As facts of them; they stay self's. */
struct facts self_facts(const struct self *s);
void self_fini(struct self *s);
