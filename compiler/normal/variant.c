/* Which frames a product judges: ARP and the rest are judged by functions of their own. */
#include "compiler/normal/normal.h"

static bool all_but_arp(const struct ir *ir, uint32_t what)
{
    return what == IR_ALL || (ir_ranges_have(ir, what, 0) && ir_ranges(ir, what).r[0].hi >= WHAT_ARP - 1 &&
                              ir_ranges_have(ir, what, WHAT_OTHER));
}

bool product_judges(const struct ir *ir, const struct ir_product *p, enum variant v)
{
    const uint32_t what = p->field[IR_WHAT];
    if (what == IR_ALL || what == IR_EMPTY) return what == IR_ALL;
    if (v == ARP) return ir_ranges_have(ir, what, WHAT_ARP);
    const struct ir_ranges r = ir_ranges(ir, what);
    return r.count > 1 || r.r[0].lo != WHAT_ARP || r.r[0].hi != WHAT_ARP;
}

bool product_is_everything(const struct ir *ir, const struct ir_product *p, enum variant v)
{
    for (enum ir_field f = 0; f < IR_FIELDS; f++)
        if (f != IR_WHAT && p->field[f] != IR_ALL) return false;
    return v == ARP ? product_judges(ir, p, ARP) : all_but_arp(ir, p->field[IR_WHAT]);
}
