/* Random rule files and random frames that meet: both draw from one small stock of addresses, ports, tags and MACs, and
 * frames also from their neighbours, so that every boundary of every rule is stepped on from both sides. */
#ifndef TESTS_LIB_DRAW_H
#define TESTS_LIB_DRAW_H

#include <stddef.h>
#include <stdint.h>

#include "tests/lib/rng.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

enum {
    STOCK_V4 = 10,
    STOCK_V6 = 6,
    STOCK_PORTS = 8,
    STOCK_TAGS = 5,
    STOCK_MACS = 5,
    STOCK_PATTERNS = 4,
    STOCK_SELF = 3,
    PATTERN_BYTES = 4,
};

struct prefix_v4 {
    uint32_t addr;
    unsigned len;
};
struct prefix_v6 {
    uint8_t addr[16];
    unsigned len;
};

struct stock {
    struct prefix_v4 v4[STOCK_V4];
    struct prefix_v6 v6[STOCK_V6];
    uint16_t ports[STOCK_PORTS];
    uint16_t tags[STOCK_TAGS];
    uint8_t macs[STOCK_MACS][6];
    uint8_t patterns[STOCK_PATTERNS][PATTERN_BYTES];
    uint32_t self4[STOCK_SELF]; /* ascending: as struct facts wants them */
    uint8_t self6[2][16];       /* ascending */
    bool has_self;
};

void stock_draw(struct stock *s, struct rng *r);

/* A rule file. Pieces that can be left out on their own (conditions, list members stay together) are separated by
 * DRAW_SPLIT, which reads as a space; a line that can be left out is one whose first byte is DRAW_LINE, which also
 * does. That is what shrinking uses. Every file compiles without error. */
enum { DRAW_SPLIT = '\x1f', DRAW_LINE = '\x1e' };
struct text {
    char *s;
    size_t len, cap;
};
void rules_draw(struct text *out, const struct stock *s, struct rng *r, unsigned size);
void text_free(struct text *t);

/* The states (enum flow_mark) that following flows can give the packet; returns how many. */
unsigned states_of(const struct key *key, uint32_t states[4]);

/* A frame: mostly well formed, sometimes with bytes changed. Returns its length; link and tags that the kernel took off
 * are filled into pkt, which becomes a view of it. */
enum { DRAWN_FRAME_MAX = 512 };
void frame_draw(uint8_t out[DRAWN_FRAME_MAX], struct pkt *pkt, const struct stock *s, struct rng *r, unsigned ifaces);
/* Routes' facts about it, as something that the view already has; often nothing. */
void ways_draw(struct pkt *pkt, struct rng *r, unsigned ifaces);

#endif
