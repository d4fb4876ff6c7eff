/* Which combinations of bits of key.kind a well-formed frame can have, as far as family, protocol, fragment and what
 * header is there go: a few dozen. Whoever asks "is this one of the frames that the product means" by masks finds out
 * by trial over these. */
#pragma once

#include "compiler/normal/normal.h"
#include "compiler/normal/what.h"
#include "vm/packet/key.h"

struct kind_frame {
    uint32_t kind;
    bool wanted;
};
enum { KIND_FRAMES_MAX = 64 };

/* Bits of key.kind that the frames are told apart by. */
#define KIND_CORE                                                                                                      \
    (KIND_IP | KIND_UPPER | KIND_AH | KIND_PROTO | KIND_PORTS | KIND_TCP_FLAGS | KIND_ICMP_HEADER | KIND_FRAG_NO |     \
     KIND_FRAGMENT)

struct kind_universe {
    struct kind_frame frames[KIND_FRAMES_MAX];
    unsigned count;
    bool numbers; /* some protocols without a bit of their own are wanted and some of the same family are not */
};

/* All frames but ARP, each with whether it is wanted: what, fragment: of a product's fields. states: those that a test
 * of its own leaves; frames that can have none of them are not told apart, so they are left out. */
void kind_universe(struct kind_universe *u, const struct ir *ir, uint32_t what, uint32_t fragment, unsigned states);

/* The protocol is one whose name is a bit. `what`: a value of IR_WHAT. */
bool kind_is_named(uint32_t what);

/* May a frame have these bits of key.kind: (kind & mask) == value? No is certain. */
bool kind_possible(uint32_t mask, uint32_t value);
