/* Rules that name `fragment`, tried on later fragments, which follow their first. Such a rule takes precedence over
 * the rule that decided the first fragment if it is before that rule (docs/semantics.md, Fragments).
 *
 * The rules tried are those that name `fragment`, the `do`s that lead to them, and all of a chain whose `do` names it.
 * They are numbered in order, with chains expanded; a rule's place is the number of them before it. So two rules of
 * chains that are called from several places still have an order. */
#pragma once

#include "vm/judge/effects.h"

struct frag_order;

struct frag_order *frag_order_new(const struct program *p); /* NULL: out of memory */
void frag_order_free(struct frag_order *o);

/* Return the place of the rule that decided this first fragment. A rule has several places if its chain is called
 * both before and after tried rules. Then the rule list is walked again to find the right place, and only then is
 * the packet read. That walk peeks at meters; if their result has changed since, return the first of the places. */
uint32_t frag_order_place(const struct frag_order *o, const struct verdict *v, const struct key *key,
                          const struct pkt *pkt, const struct peek *peek);

/* Try the rules before `place`, in the firewall of the first fragment, on a later fragment, the first packet of `e`.
 * They count, log and ask meters as usual. True: one of them decides, and *out is its decision. */
bool frag_order_try(const struct frag_order *o, uint32_t firewall, uint32_t place, const struct key *key,
                    const struct pkt *pkt, const struct effects *e, const struct tracer *tracer, decided *out);
