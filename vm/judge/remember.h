/* Verdicts that are remembered for flows: where the compiler proved that all established packets of one direction are
 * decided alike (section MEMOS), the first is judged and the rest are told (docs/architecture.md, Recipes and
 * remembered verdicts).
 *
 * What is remembered holds for one program, one interface and one state of the world. Slots carry an epoch: facts that
 * change make a new one, and with it all of them stale at once. Epochs are 16 bits; after the last, nothing is
 * remembered until the slots have been cleared, a few in each vm_tick. */
#pragma once

#include "vm/judge/judge.h"

struct remember;

/* What memo i of the program decides. */
decided remember_decides(const struct program *p, uint32_t i);

/* NULL when memory is out. */
struct remember *remember_new(const struct program *p);
void remember_free(struct remember *m);
/* Epochs go on: nothing that was remembered up to `epoch` holds. And the one that holds now. */
void remember_after(struct remember *m, uint16_t epoch);
uint16_t remember_epoch(const struct remember *m);

/* What the packets from now on are judged by. */
void remember_facts(struct remember *m, const struct facts *facts);

/* The verdict of an established packet: true and *d. flow: its own, or NULL. */
bool remember_find(const struct remember *m, const struct flow *flow, enum flow_dir dir, const struct key *key,
                   const struct pkt *pkt, decided *d);
/* It was judged: keep that, if it may be kept. */
void remember_add(const struct remember *m, struct flow *flow, enum flow_dir dir, const struct key *key,
                  const struct pkt *pkt, decided d);

/* Clear more slots, if epochs have come round; true while there is more to do. */
bool remember_tick(struct remember *m, struct track *t, unsigned slots);
