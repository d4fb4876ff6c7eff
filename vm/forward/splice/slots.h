/* Spliced connections for the executor in the kernel: a slot for each direction, by the tuple of
 * the packets as they come, has the rewriting of an ordinary segment and its way out
 * (vm/kernel/look/splice_pass.bpf.c). All other segments go up to the worker.
 *
 * One worker writes the slots; the kernel reads them, and counts in them. A tuple has two groups of four slots, by a
 * secret hash; a word for each group holds the tags of its slots, and no two slots of a group have the same tag. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#include "vm/forward/splice/splice.h"
#include "vm/keyed/hash.h"
#include "vm/packet/edit/recipe.h"

/* The tuple of one direction, without VLAN tags; words as in struct key */
struct splice_tuple {
    uint32_t src[4], dst[4];
    uint32_t ports; /* src << 16 | dst */
};

/* Additions to a segment's numbers, and its limits */
struct splice_moves {
    uint32_t seq, ack;           /* ack: also to SACK blocks */
    uint32_t stamp, echo;        /* to TSval and TSecr */
    uint16_t longest;            /* longest IP packet that may pass */
    uint8_t scale_in, scale_out; /* shift of the sender's windows, and the one announced to the receiver; at most 14 */
    uint8_t has;                 /* enum splice_has, of both ends */
    uint8_t v6;
    uint8_t scale_told; /* shift of the windows that the sender gets */
    uint8_t zero;
};

struct splice_slot {
    uint32_t change; /* odd: the slot holds a direction, and this is its version; even: it is free, or being written */
    struct splice_tuple tuple;
    struct splice_moves moves;
    struct recipe recipe; /* addresses, ports and way out, with `service` and `generation` */
    /* Fields that the kernel writes, too. Numbers are those of the sender, except edge and stamp, which were
     * announced to the receiver; each has the slot's use above it (splice_number). */
    uint64_t packets, bytes; /* bytes: of payload */
    uint64_t seen_ns;        /* time of the last segment; 0: there was none */
    uint64_t next, acked;    /* end of the sender's bytes, and newest number that it has acknowledged */
    uint64_t edge, stamp;    /* right edge of the receiver's window, and newest TSval */
    uint32_t use;            /* times that the slot was given to a direction */
    uint32_t gate;           /* SPLICE_OPEN, or the turn of the newest segment that went up to keep the order */
};
static_assert(sizeof(struct splice_slot) == 192 && offsetof(struct splice_slot, recipe) == 64, "three lines");

enum { SPLICE_GROUP = 4 };

/* A direction's gate, which keeps the order of segments where the kernel takes over from the worker: segments at the
 * worker, and those in its ring, leave before later ones. While the gate is shut, every segment goes up and carries
 * its turn, a number that counts them. Once a segment has left, none before it is in the ring. The worker then opens
 * the gate if no later segment has taken a turn, by one compare-and-swap. If a sender never pauses, the gate opens
 * after SPLICE_GATE segments. */
enum { SPLICE_GATE = 4096 };
#define SPLICE_OPEN 0x80000000u

/* A number of a slot, in one word with the slot's use. A kernel program that has copied a slot may write after the
 * slot was given to another direction: a reader then sees by the use that the number is not its own. */
static inline uint64_t splice_number(uint32_t use, uint32_t number) { return (uint64_t)use << 32 | number; }
static inline bool splice_is_of(uint64_t word, uint32_t use) { return word >> 32 == use; }

struct splice_head {
    struct hash_key key; /* secret, so that no sender chooses tuples of one group */
    uint64_t live;       /* slots that hold a direction */
    uint64_t no_room;    /* directions that found no slot, counted by the worker */
};

/* The table as the worker sees it */
struct splice_slots {
    struct splice_head *head;
    uint64_t *tags;            /* [groups]; a tag is 16 bits, slot 0's lowest, and 0: the slot is free */
    struct splice_slot *slots; /* [SPLICE_GROUP * groups] */
    uint32_t groups;
};

struct splice_place {
    uint32_t group[2];
    uint16_t tag;
};

/* Most groups: a kernel map has at most 512 MiB */
enum { SPLICE_GROUPS_MOST = 699000 };

/* Return the number of groups for that many connections: slots for half as many again, so that nearly all find room. */
static inline uint32_t splice_groups_for(uint64_t connections)
{
    const uint64_t groups = connections / SPLICE_GROUP * 3 + 3;
    return groups < SPLICE_GROUPS_MOST ? (uint32_t)groups : SPLICE_GROUPS_MOST;
}

static inline uint64_t splice_hash4(const struct hash_key *k, const struct splice_tuple *t)
{
    const hash_word words[2] = {hash_pair(t->src[0], t->dst[0]), t->ports};
    return hash_words(k, words, 2);
}

static inline uint64_t splice_hash6(const struct hash_key *k, const struct splice_tuple *t)
{
    const hash_word words[5] = {hash_pair(t->src[0], t->src[1]), hash_pair(t->src[2], t->src[3]),
                                hash_pair(t->dst[0], t->dst[1]), hash_pair(t->dst[2], t->dst[3]), t->ports};
    return hash_words(k, words, 5);
}

/* Return where the tuple with that hash may be. groups: at least 1. */
static inline struct splice_place splice_place(uint64_t hash, uint32_t groups)
{
    enum { TAG_BITS = 16, GROUP_BITS = 24 };
    const uint64_t mask = (1u << GROUP_BITS) - 1;
    const uint16_t tag = (uint16_t)hash;
    return (struct splice_place){.group = {(uint32_t)((hash >> TAG_BITS & mask) * groups >> GROUP_BITS),
                                           (uint32_t)((hash >> (TAG_BITS + GROUP_BITS)) * groups >> GROUP_BITS)},
                                 .tag = tag ? tag : 1};
}

/* Return the place of a tag in its group; SPLICE_GROUP: no slot has that tag. */
static inline uint32_t splice_at(uint64_t tags, uint16_t tag)
{
    if ((uint16_t)tags == tag) return 0;
    if ((uint16_t)(tags >> 16) == tag) return 1;
    if ((uint16_t)(tags >> 32) == tag) return 2;
    return (uint16_t)(tags >> 48) == tag ? 3 : SPLICE_GROUP;
}

static inline bool splice_same_tuple(const struct splice_tuple *a, const struct splice_tuple *b, bool v6)
{
    uint32_t differ = (a->src[0] ^ b->src[0]) | (a->dst[0] ^ b->dst[0]) | (a->ports ^ b->ports);
    for (unsigned i = 1; v6 && i < 4; i++) differ |= (a->src[i] ^ b->src[i]) | (a->dst[i] ^ b->dst[i]);
    return !differ;
}

/* True if a segment's number is within the largest window past its sender's newest one, and so is its
 * acknowledgement. A stranger who knows only the tuple can't make the worker follow other numbers. */
static inline bool splice_is_near(const struct splice_moves *m, uint32_t next, uint32_t acked, uint32_t end,
                                  uint32_t ack)
{
    enum { BEHIND = 1 << 20, BEYOND = 1 << 16 /* bytes that reordering, probes and rounding account for */ };
    const uint32_t sent = BEYOND + ((uint32_t)UINT16_MAX << (m->scale_told & 15));
    const uint32_t heard = BEYOND + ((uint32_t)UINT16_MAX << (m->scale_in & 15));
    return end - next + BEHIND <= sent + BEHIND && ack - acked + BEHIND <= heard + BEHIND;
}

/* Return a window for the receiver, as splice_pass computes it; ack: as the receiver reads it. If rounding down
 * would take back the announced edge (*edge), the window is rounded up: so less than one unit is ever taken back
 * (RFC 7323, 2.4). *edge is moved. */
static inline uint16_t splice_window(uint16_t window, unsigned scale_in, unsigned scale_out, uint32_t ack,
                                     uint32_t *edge)
{
    const uint32_t bytes = (uint32_t)window << scale_in;
    uint32_t v = bytes >> scale_out;
    if (v >= UINT16_MAX) v = UINT16_MAX;
    const bool shrinks = (int32_t)(ack + (v << scale_out) - *edge) < 0 && bytes > v << scale_out;
    if (shrinks && v < UINT16_MAX) v++;
    const uint32_t told = ack + (v << scale_out);
    if ((int32_t)(*edge - told) < 0) *edge = told;
    return (uint16_t)v;
}

/* slots.c */

/* Put a direction into the table, or change the one with its tuple; the numbers that the kernel writes are raised to
 * those of `s`, which have no use yet. Return its slot, or SPLICE_NO_SLOT: there is no room. */
enum { SPLICE_NO_SLOT = UINT32_MAX };
uint32_t splice_slots_put(struct splice_slots *all, const struct splice_slot *s);
/* Note that the segment with that turn has left, with all that the worker saw before it. */
void splice_slots_sent(struct splice_slots *all, uint32_t slot, uint32_t turn);
/* Take a direction out of the table. */
void splice_slots_drop(struct splice_slots *all, uint32_t slot);
/* Return the slot of a direction. */
static inline struct splice_slot *splice_slots_at(const struct splice_slots *all, uint32_t slot)
{
    return &all->slots[slot];
}
/* Return the later of two numbers: the known one, and that of a slot (*word), which counts only with the slot's use. */
uint32_t splice_slot_most(const struct splice_slot *s, const uint64_t *word, uint32_t known);

/* Fill in the moves of segments of end `from`. False: the ends agreed on different options, or lack what a slot
 * needs, so segments must be rewritten fully. */
bool splice_slots_moves(const struct splice *s, unsigned from, bool v6, uint32_t mtu, struct splice_moves *m);
