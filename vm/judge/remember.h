/* Remembered verdicts for flows. If the compiler proved that all established packets of one direction are decided alike
 * (section MEMOS), the first is judged, and the rest get its verdict (docs/architecture.md, Recipes and remembered
 * verdicts).
 *
 * A remembered verdict holds for one program, one interface and one state of the world. Slots carry an epoch: a change
 * of facts begins a new one, which invalidates all slots at once. Epochs have 16 bits; after the last, nothing is
 * remembered until the slots have been cleared, a few in each vm_tick. */
#pragma once

#include "vm/judge/effects.h"

struct remember;

/* Return the decision of the program's memo i. */
decided remember_decides(const struct program *p, uint32_t i);

/* NULL: out of memory. */
struct remember *remember_new(const struct program *p);
void remember_free(struct remember *m);
/* Invalidate all verdicts up to `epoch`. Return the current epoch (second function). */
void remember_after(struct remember *m, uint16_t epoch);
uint16_t remember_epoch(const struct remember *m);

/* Set the facts by which packets are judged from now on. */
void remember_facts(struct remember *m, const struct facts *facts);

/* Find the verdict of an established packet. True: it is in *d. flow: the packet's flow, or NULL. */
bool remember_find(const struct remember *m, const struct flow *flow, enum flow_dir dir, const struct key *key,
                   const struct pkt *pkt, decided *d);
/* Keep the verdict of a packet that was judged, if it may be kept. */
void remember_add(const struct remember *m, struct flow *flow, enum flow_dir dir, const struct key *key,
                  const struct pkt *pkt, decided d);

/* Two decisions of a program with audit: in fact, and without the word `audit` (program->would). */
struct remembered_pair {
    decided d, would; /* the two decisions; both 0: none */
    bool other;       /* another rule or default would decide, or the same would decide differently (vm/judge/decided.h,
                         decided_same) */
};
/* The same for both decisions at once. The caller leaves out flows that audit would change. NULL: none. */
const struct remembered_pair *remember_find_both(const struct remember *m, const struct flow *flow, enum flow_dir dir,
                                                 const struct key *key, const struct pkt *pkt);
void remember_add_both(struct remember *m, struct flow *flow, enum flow_dir dir, const struct key *key,
                       const struct pkt *pkt, const struct remembered_pair *pair);

/* Clear more slots after the last epoch. True while there is more to do. */
bool remember_tick(struct remember *m, struct track *t, unsigned slots);
