/* VLAN stacks, interned: a flow holds a 16-bit id for the tags it came with, however many (at most 16).
 * Tags are TPID and VID; priority and drop bits belong to a packet, not to its flow. No tag is id 0, one tag of type
 * 8100 is 1 + VID; others take counted entries, which are free again when no flow refers to them. */
#pragma once

#include "vm/keyed/archive.h"
#include "vm/packet/pkt.h"

enum { STACK_UNKNOWN = 0xffff, STACK_MOST = 4097 + (1 << 14), STACK_TAGS = 16 };

static inline bool is_tagged(const struct pkt *pkt) { return pkt->tag_count | pkt->tags_in_frame; }

struct stacks;
struct stacks *stacks_new(uint64_t seed); /* NULL when memory is out */
void stacks_free(struct stacks *s);

/* The id of a parsed packet's stack; STACK_UNKNOWN: no flow has it. */
uint16_t stack_of(const struct stacks *s, const struct pkt *pkt);
/* The same for a flow that begins: counted once more. STACK_UNKNOWN when the table is full. */
uint16_t stack_take(struct stacks *s, const struct pkt *pkt);
void stack_put(struct stacks *s, uint16_t id);

/* All of them (keyed/archive.h), into stacks that are new. */
bool stacks_archive(struct stacks *s, struct archive *a);

struct stack_tag {
    uint16_t tpid, vid;
};
/* The tags, outermost first; returns how many. */
unsigned stack_tags(const struct stacks *s, uint16_t id, struct stack_tag tags[STACK_TAGS]);
