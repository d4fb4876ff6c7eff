/* Random rule files, and random frames that match them. Both draw from one small stock of addresses, ports, tags and
 * MACs, and frames also from neighbouring values, so that frames hit both sides of every boundary of every rule. */
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
    uint32_t self4[STOCK_SELF]; /* ascending, as struct facts requires */
    uint8_t self6[2][16];       /* ascending */
    bool has_self;
};

void stock_draw(struct stock *s, struct rng *r);

/* Draw a rule file, which always compiles without error. For shrinking, DRAW_SPLIT separates the pieces that can be
 * removed (conditions; list members stay together), and DRAW_LINE begins each line that can be removed. Both read as
 * a space. */
enum { DRAW_SPLIT = '\x1f', DRAW_LINE = '\x1e' };
struct text {
    char *s;
    size_t len, cap;
};
void rules_draw(struct text *out, const struct stock *s, struct rng *r, unsigned size);
void text_free(struct text *t);

/* Fill in the states (enum flow_mark) that flow tracking can give the packet, and return their number. */
unsigned states_of(const struct key *key, uint32_t states[4]);

/* Draw a frame: mostly well formed, sometimes with changed bytes. Returns its length. pkt becomes a view of it, with
 * the link type and the tags that the kernel took off. */
enum { DRAWN_FRAME_MAX = 512 };
void frame_draw(uint8_t out[DRAWN_FRAME_MAX], struct pkt *pkt, const struct stock *s, struct rng *r, unsigned ifaces);
/* Give the view random route facts, as if routes were already looked up; often none. */
void ways_draw(struct pkt *pkt, struct rng *r, unsigned ifaces);

#endif
