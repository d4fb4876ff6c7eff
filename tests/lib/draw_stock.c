/* The stock of values that rules and frames of one run draw from: small and nested, with the limits of every field. */
#include <string.h>

#include "tests/lib/draw.h"

void stock_draw(struct stock *s, struct rng *r)
{
    static const unsigned lens4[] = {8, 16, 20, 23, 24, 25, 28, 31, 32, 32}, lens6[] = {16, 32, 48, 64, 127, 128};

    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < STOCK_V4; i++) {
        /* half of them inside an earlier one, so that sets nest and overlap */
        const uint32_t base =
            i && rng_one_in(r, 2) ? s->v4[rng_below(r, i)].addr : 0x0a000000u + rng_below(r, 4) * 0x01010000u;
        const unsigned len = lens4[rng_below(r, 10)];

        s->v4[i] =
            (struct prefix_v4){(base ^ rng_below(r, 4) << (32 - len)) & ~(len == 32 ? 0 : UINT32_MAX >> len), len};
    }
    for (unsigned i = 0; i < STOCK_V6; i++) {
        s->v6[i].len = lens6[rng_below(r, 6)];
        memcpy(s->v6[i].addr, "\x20\x01\x0d\xb8", 4);
        for (unsigned b = 4; b < 16; b++) s->v6[i].addr[b] = (uint8_t)(rng_one_in(r, 4) ? rng_below(r, 3) : 0);
        for (unsigned b = s->v6[i].len; b < 128; b++) s->v6[i].addr[b / 8] &= (uint8_t) ~(0x80 >> b % 8);
    }
    for (unsigned i = 0; i < STOCK_PORTS; i++) {
        const unsigned thousands = rng_below(r, 3) * 1000, port = thousands + rng_below(r, 12);

        s->ports[i] = (uint16_t)(rng_one_in(r, 6) ? 65535 * rng_below(r, 2) : port);
    }
    for (unsigned i = 0; i < STOCK_TAGS; i++)
        s->tags[i] = (uint16_t)(rng_one_in(r, 5) ? rng_below(r, 2) * 4094 : rng_below(r, 12));
    for (unsigned i = 0; i < STOCK_MACS; i++) {
        s->macs[i][0] = rng_one_in(r, 4) ? 3 : 2;
        s->macs[i][5] = (uint8_t)rng_below(r, 8);
    }
    for (unsigned i = 0; i < STOCK_PATTERNS; i++)
        for (unsigned b = 0; b < PATTERN_BYTES; b++) s->patterns[i][b] = (uint8_t)rng_below(r, 4);
    s->has_self = !rng_one_in(r, 4);
    for (unsigned i = 0; i < STOCK_SELF; i++) s->self4[i] = (i ? s->self4[i - 1] + 1 : 0x0a000000u) + rng_below(r, 3);
    memcpy(s->self6[0], "\x20\x01\x0d\xb8", 4);
    memcpy(s->self6[1], "\x20\x01\x0d\xb9", 4);
}
