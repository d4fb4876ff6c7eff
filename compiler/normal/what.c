/* Decomposition of sets of IR_WHAT (what.h). */
#include "compiler/normal/what.h"

#include <string.h>

#include "compiler/image/image.h"
#include "vm/packet/parse/header.h"

const uint16_t what_bases[WHAT_BASES] = {WHAT_IP4, WHAT_IP6, WHAT_AH6};

bool what_is_walked(uint32_t what)
{
    return what_is_six(what) && !what_is_unknown(what) && ip6_is_extension((uint8_t)(what % WHAT_IP6));
}

uint32_t what_numbers(const struct ir *ir, uint32_t set, uint32_t base, struct pbc_range out[128])
{
    const struct pbc_range everything = {0, WHAT_MOST};
    const struct ir_ranges r = set == IR_ALL ? (struct ir_ranges){&everything, 1} : ir_ranges(ir, set);
    uint32_t n = 0;
    for (uint32_t i = 0; i < r.count; i++) {
        const uint32_t lo = r.r[i].lo > base ? r.r[i].lo : base, hi = r.r[i].hi < base + 255 ? r.r[i].hi : base + 255;
        if (lo <= hi) out[n++] = (struct pbc_range){lo - base, hi - base};
    }
    return n;
}

bool what_asks_ah(const struct ir *ir, uint32_t set)
{
    struct pbc_range plain[128], ah[128];
    if (set == IR_ALL || set == IR_EMPTY) return false;
    const uint32_t n = what_numbers(ir, set, WHAT_IP6, plain);
    return n != what_numbers(ir, set, WHAT_AH6, ah) || memcmp(plain, ah, n * sizeof(*plain)) != 0 ||
           ir_ranges_have(ir, set, WHAT_IP6_UNKNOWN) != ir_ranges_have(ir, set, WHAT_AH6_UNKNOWN);
}

uint32_t what_either(struct ir *ir, uint32_t set)
{
    struct pbc_range r[WHAT_MOST + 1];
    uint32_t n = 0;
    if (!what_asks_ah(ir, set)) return set;
    for (uint32_t v = 0; v <= WHAT_MOST; v++) {
        const uint32_t plain = what_without_ah(v);
        const uint32_t ah = !what_is_six(plain)      ? plain
                            : what_is_unknown(plain) ? WHAT_AH6_UNKNOWN
                                                     : plain - WHAT_IP6 + WHAT_AH6;
        if (ir_ranges_have(ir, set, plain) || ir_ranges_have(ir, set, ah)) n = range_add(r, n, v);
    }
    return ir_intern_ranges(ir, r, n, WHAT_MOST);
}
