/* Rules that name `fragment`, tried on later fragments that follow their first: those that stand before the rule which
 * decided the first one go before it (docs/semantics.md, Fragments).
 *
 * Tried are the rules that name `fragment`, the `do`s that lead to such rules, and all of a chain whose `do` names it.
 * Walked in order, chains expanded, they are numbered; a place is how many of them stand before a rule. So two rules of
 * chains that are called from several places still have an order. */
#pragma once

#include "vm/judge/judge.h"

struct frag_order;

struct frag_order *frag_order_new(const struct program *p); /* NULL when memory is out */
void frag_order_free(struct frag_order *o);

/* The place of the rule that decided this first fragment. Where it has several, being in a chain that is called before
 * and behind rules which are tried, the rule list is walked once more to see which, meters looked at but not asked; if
 * they say another thing by now, it is the first of these places. Only then is the packet looked at. */
uint32_t frag_order_place(const struct frag_order *o, const struct verdict *v, const struct key *key,
                          const struct pkt *pkt, const struct peek *peek);

/* Try the rules before `place` of the first's firewall on a later fragment, the first that `e` speaks of; they count,
 * log and ask meters as ever. True: one of them decides, *out. */
bool frag_order_try(const struct frag_order *o, uint32_t firewall, uint32_t place, const struct key *key,
                    const struct pkt *pkt, const struct effects *e, const struct tracer *tracer, decided *out);
