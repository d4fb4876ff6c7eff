/* VLAN stacks, interned: a flow holds a 16-bit id for its tags (at most 16). Tags are TPID and VID; priority and
 * drop bits belong to the packet, not to its flow. Id 0 means no tag, and 1 + VID one tag of type 8100. Other stacks
 * take counted entries, freed when no flow refers to them. */
#pragma once

#include "vm/keyed/archive.h"
#include "vm/packet/pkt.h"

enum { STACK_UNKNOWN = 0xffff, STACK_MOST = 4097 + (1 << 14), STACK_TAGS = 16 };

static inline bool is_tagged(const struct pkt *pkt) { return pkt->tag_count | pkt->tags_in_frame; }

struct stacks;
struct stacks *stacks_new(uint64_t seed); /* NULL: out of memory */
void stacks_free(struct stacks *s);

/* Return the id of a parsed packet's stack; STACK_UNKNOWN: no flow has that stack. */
uint16_t stack_of(const struct stacks *s, const struct pkt *pkt);
/* Return the id for a flow that begins, with a reference that stack_put releases. STACK_UNKNOWN: the table is full. */
uint16_t stack_take(struct stacks *s, const struct pkt *pkt);
/* Take one more reference to a held id, and return the id. */
uint16_t stack_again(struct stacks *s, uint16_t id);
/* Take a reference to the stack that has that id in `from`, and return its id here. STACK_UNKNOWN: the table is
 * full, or `from` has no stack with that id. */
uint16_t stack_move(struct stacks *s, const struct stacks *from, uint16_t id);
void stack_put(struct stacks *s, uint16_t id);

/* Write all stacks, or read them into new ones (keyed/archive.h). */
bool stacks_archive(struct stacks *s, struct archive *a);

struct stack_tag {
    uint16_t tpid, vid;
};
/* Write the tags, outermost first; return their number. */
unsigned stack_tags(const struct stacks *s, uint16_t id, struct stack_tag tags[STACK_TAGS]);
