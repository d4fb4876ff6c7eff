/* Frames that travel in, out and through this machine, as products, which the analyses need before they compare
 * rules. */
#include "compiler/analysis/directions.h"

#include "compiler/compiler.h"
#include "compiler/normal/what.h"
#include "vm/packet/key.h"

struct ir_product frames_of_kind(struct ir *ir, enum frame_kind kind)
{
    static const struct pbc_range what[] = {[FRAMES_IP] = {0, WHAT_AH6_UNKNOWN},
                                            [FRAMES_OTHER] = {WHAT_OTHER, WHAT_OTHER},
                                            [FRAMES_ARP] = {WHAT_ARP, WHAT_ARP}};
    struct ir_product p;
    product_all(&p);
    p.field[IR_WHAT] = ir_field_range(ir, IR_WHAT, what[kind].lo, what[kind].hi);
    return p;
}

uint8_t action_said(uint8_t pbc_verdict)
{
    return pbc_verdict == PBC_V_ACCEPT ? ACTION_ACCEPT : pbc_verdict == PBC_V_REJECT ? ACTION_REJECT : ACTION_DROP;
}

uint8_t default_action(const struct pbc_firewall *f, enum frame_kind kind)
{
    if (kind == FRAMES_ARP) return ACTION_PASS;
    if (!f) return ACTION_ACCEPT;
    if (kind == FRAMES_OTHER && f->other != PBC_OTHER_DEFAULT)
        return f->other == PBC_OTHER_PASS ? ACTION_PASS : ACTION_DROP;
    return action_said(f->default_verdict);
}

struct ir_product frames_on(struct compile *c, uint32_t firewall, enum pbc_direction d)
{
    const struct image *img = c->image;
    const struct iface_table t = image_ifaces(img);
    struct pbc_range *on = arena_alloc(c->arena, (img->ifaces_count + 1) * sizeof(*on));
    uint32_t n = 0;
    struct ir_product p;
    for (uint32_t i = 0; i < t.count; i++) {
        if (!iface_is_of(&t, i, img->firewalls[firewall].iface)) continue;
        if (firewall_find(&t, img->firewalls, img->firewalls_count, d, i) == firewall) n = range_add(on, n, i);
    }
    product_all(&p);
    p.field[IR_IFACE] = ir_intern_ranges(c->ir, on, n, IFACE_ABSENT);
    return p;
}

/* Return multicast and broadcast addresses (RFC 1112, RFC 919, RFC 4291). */
uint32_t addrs_of_groups(struct ir *ir)
{
    static const struct pbc_range r4[] = {{0xe0000000, 0xefffffff}, {0xffffffff, 0xffffffff}};
    static const struct pbc_range6 r6[] = {{UINT64_C(0xff) << 56, 0, UINT64_MAX, UINT64_MAX}};
    return ir_addrs_ranges(ir, r4, 2, r6, 1);
}

uint32_t addrs_that_come_in(struct compile *c)
{
    const struct image *img = c->image;
    uint32_t all = addrs_of_groups(c->ir);
    for (uint32_t i = 0; i < img->endpoints_count; i++)
        if (img->endpoints[i].to == PBC_TO_ADDRESS && !img->endpoints[i].wire)
            all = ir_addrs_or(c->ir, all, ir_addrs_one(c->ir, img->endpoints[i].family, img->endpoints[i].addr));
    return all;
}

uint32_t nat_sources(struct ir *ir, const struct program *p, const struct pbc_nat *n)
{
    const bool v4 = n->family == 4;
    uint32_t all = n->from_count ? IR_EMPTY : IR_ALL;
    for (const struct pbc_set *s = p->sets + n->from; s < p->sets + n->from + n->from_count; s++)
        all = ir_addrs_or(
            ir, all,
            ir_addrs_ranges(ir, p->set4 + s->first4, v4 ? s->count4 : 0, p->set6 + s->first6, v4 ? 0 : s->count6));
    return all;
}

/* Return the packets that an endpoint on `any` takes. */
static struct ir_product taken_by(struct ir *ir, const struct pbc_endpoint *e)
{
    struct pbc_range r[WHAT_BASES * UPPERS];
    uint32_t n = 0;
    struct ir_product p;
    product_all(&p);
    for (unsigned b = 0; b < WHAT_BASES; b++) /* rows are sorted by number, and so are the ranges */
        for (const struct upper *u = uppers; u < uppers + UPPERS; u++)
            if (u->kind & endpoint_info[e->proto].kinds && u->families & (b ? KIND_IP6 : KIND_IP4)) {
                const uint32_t value = (uint32_t)what_bases[b] + u->number;
                r[n++] = (struct pbc_range){value, value};
            }
    p.field[IR_WHAT] = ir_intern_ranges(ir, r, n, WHAT_MOST);
    p.field[IR_FRAGMENT] = ir_field_range(ir, IR_FRAGMENT, FRAGMENT_NO, FRAGMENT_FIRST);
    if (e->proto == PBC_EP_ECHO4)
        p.field[IR_TYPE] = ir_field_range(ir, IR_TYPE, 8, 8);
    else if (e->proto == PBC_EP_ECHO6)
        p.field[IR_TYPE] = ir_field_range(ir, IR_TYPE, 128, 128);
    else
        p.field[IR_DPORT] = ir_field_range(ir, IR_DPORT, e->port_lo, e->port_hi);
    return p;
}

/* Add crossing packets (for no own, group or service address): those that a service on `any` takes, or the rest. */
static void add_crossing(struct compile *c, const struct ir_product *crossing, bool taken, struct region_budget *budget,
                         struct region *out)
{
    const struct image *img = c->image;
    struct region left;
    region_init(&left);
    region_add(&left, crossing);
    for (uint32_t i = 0; i < img->endpoints_count && !budget->spent; i++) {
        if (img->endpoints[i].to != PBC_TO_ANY || img->endpoints[i].wire) continue;
        const struct ir_product p = taken_by(c->ir, &img->endpoints[i]);
        for (uint32_t k = 0; taken && k < left.count; k++) region_add_both(c->ir, &left.p[k], &p, out);
        region_minus(c->ir, &left, &p, budget);
    }
    for (uint32_t k = 0; !taken && k < left.count; k++) region_add(out, &left.p[k]);
    region_fini(&left);
}

static void add_ip(struct compile *c, const struct ir_product *q, enum pbc_direction d, struct region_budget *budget,
                   struct region *out)
{
    struct ir *ir = c->ir;
    const uint32_t ours = addrs_that_come_in(c);
    struct ir_product way = frames_of_kind(ir, FRAMES_IP), crossing;
    bool loose = false;
    if (d == PBC_DIR_OUT) {
        way.field[IR_SRC] = IR_EMPTY;
        region_add_both(ir, q, &way, out);
        return;
    }
    way.field[IR_SRC_SELF] = IR_EMPTY;
    way.field[IR_DST] = ours;
    if (d == PBC_DIR_IN) region_add_both(ir, q, &way, out);
    way.field[IR_DST_SELF] = IR_EMPTY;
    way.field[IR_DST] = ir_addrs_not(ir, ours);
    if (product_and(ir, q, &way, &crossing, &loose)) add_crossing(c, &crossing, d == PBC_DIR_IN, budget, out);
}

void frames_in_direction(struct compile *c, const struct ir_product *q, enum pbc_direction d,
                         struct region_budget *budget, struct region *out)
{
    const struct ir_product other = frames_of_kind(c->ir, FRAMES_OTHER), arp = frames_of_kind(c->ir, FRAMES_ARP);
    add_ip(c, q, d, budget, out);
    if (d != PBC_DIR_OUT) region_add_both(c->ir, q, &other, out);
    region_add_both(c->ir, q, &arp, out);
}
