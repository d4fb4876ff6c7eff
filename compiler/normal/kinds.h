/* Combinations of bits of key.kind that a well-formed frame can have, by family, protocol, fragment and headers: a few
 * dozen. Makers of masks for "does the product mean this frame" find them by trial over these. */
#pragma once

#include "compiler/normal/normal.h"
#include "compiler/normal/what.h"
#include "vm/packet/key.h"

struct kind_frame {
    uint32_t kind;
    bool wanted;
};
enum { KIND_FRAMES_MAX = 64 };

/* Bits of key.kind that distinguish the frames. */
#define KIND_CORE                                                                                                      \
    (KIND_IP | KIND_UPPER | KIND_AH | KIND_PROTO | KIND_PORTS | KIND_TCP_FLAGS | KIND_ICMP_HEADER | KIND_FRAG_NO |     \
     KIND_FRAGMENT)

struct kind_universe {
    struct kind_frame frames[KIND_FRAMES_MAX];
    unsigned count;
    bool numbers; /* true if a family has both wanted and unwanted protocols that no bit names */
};

/* List all frames but ARP, each wanted or not by the product's fields `what` and `fragment`. states: those that a
 * separate test of the state leaves; frames that can have none of them are left out, as they need no distinction. */
void kind_universe(struct kind_universe *u, const struct ir *ir, uint32_t what, uint32_t fragment, unsigned states);

/* True if a frame may have these bits of key.kind: (kind & mask) == value. False is certain. */
bool kind_possible(uint32_t mask, uint32_t value);
