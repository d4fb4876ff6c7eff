/* Warn about services that no rule lets in. Every frame to them meets a firewall that drops by default, and no
 * accepting rule can match a packet that opens a connection. Certain, or silent. */
#include "compiler/normal/normal.h"
#include "compiler/normal/what.h"
#include "compiler/resolve/services/service_work.h"
#include "vm/program/program.h"

struct ir_product endpoint_opened(struct compile *c, const struct pbc_endpoint *e)
{
    struct ir_product p = {{0}};
    struct pbc_range what[WHAT_BASES];
    uint32_t n = 0;
    p.field[IR_STATE] = ir_field_range(c->ir, IR_STATE, STATE_IS_NEW, STATE_IS_NEW);
    if (e->to == PBC_TO_ADDRESS) p.field[IR_DST] = p.field[IR_DST_SELF] = ir_addrs_one(c->ir, e->family, e->addr);
    if (e->wire) {
        /* an endpoint in the wire takes nothing for this machine itself */
        p.field[IR_DST_SELF] = IR_EMPTY;
        if (e->iface) p.field[IR_IFACE] = ir_field_range(c->ir, IR_IFACE, e->iface - 1, e->iface - 1);
        if (e->wire == PBC_WIRE_UNTAGGED) p.field[IR_VLAN] = ir_field_range(c->ir, IR_VLAN, VLAN_ABSENT, VLAN_ABSENT);
        if (e->wire == PBC_WIRE_TAGGED) p.field[IR_VLAN] = ir_field_range(c->ir, IR_VLAN, 0, VLAN_ABSENT - 1);
        if (e->wire == PBC_WIRE_VLAN) p.field[IR_VLAN] = ir_field_range(c->ir, IR_VLAN, e->vlan_lo, e->vlan_hi);
    }
    if (e->proto < PBC_EP_ECHO4) p.field[IR_DPORT] = ir_field_range(c->ir, IR_DPORT, e->port_lo, e->port_hi);
    if (e->proto == PBC_EP_PORTS) return p;
    for (const struct upper *u = uppers; u < uppers + UPPERS; u++) {
        if (u->kind != endpoint_info[e->proto].kinds) continue;
        if (e->family != 6 && u->families & KIND_IP4)
            what[n++] = (struct pbc_range){WHAT_IP4 + u->number, WHAT_IP4 + u->number};
        for (unsigned b = 1; b < WHAT_BASES && e->family != 4 && u->families & KIND_IP6; b++)
            what[n++] = (struct pbc_range){what_bases[b] + u->number, what_bases[b] + u->number};
    }
    p.field[IR_WHAT] = ir_intern_ranges(c->ir, what, n, WHAT_MOST);
    return p;
}

/* True if a firewall judges every frame of the direction, and drops it by default. */
static bool is_direction_closed(const struct image *img, enum pbc_direction d)
{
    bool general = false;
    for (uint32_t i = 0; i < img->firewalls_count; i++) {
        const struct pbc_firewall *f = &img->firewalls[i];
        if (!firewall_judges(f, d)) continue;
        if (f->default_verdict == PBC_V_ACCEPT) return false;
        general |= f->iface == PBC_NONE;
    }
    return general;
}

static bool may_enter(struct compile *c, const struct pbc_endpoint *e)
{
    const struct ir_product p = endpoint_opened(c, e);
    for (uint32_t i = 0; i < c->image->rules_count; i++)
        if (c->image->rules[i].verdict == PBC_V_ACCEPT && c->ir->rules[i].state == IR_LIVE &&
            ir_may_meet(c->ir, &c->ir->rules[i].product, &p))
            return true;
    return false;
}

void warn_closed_services(struct compile *c)
{
    const struct image *img = c->image;
    const bool in = is_direction_closed(img, PBC_DIR_IN), across = is_direction_closed(img, PBC_DIR_FORWARD);
    for (uint32_t i = 0; i < img->services_count; i++) {
        const struct pbc_service *s = &img->services[i];
        bool enters = s->flags & PBC_SERVICE_CUT || !(mode_is(s->mode, MODE_INLINE) ? in && across : in);
        for (uint32_t e = s->endpoints; e < s->endpoints + s->endpoint_count && !enters; e++)
            enters = may_enter(c, &img->endpoints[e]);
        if (enters) continue;
        diag(c->diags, W_SERVICE_CLOSED, span_at(c, &s->place), "no firewall rule lets traffic to the service `%s` in",
             image_str(img, s->name));
        diag_advise(c->diags,
                    "add an `accept` with the service's address and ports: a service doesn't open the firewall");
    }
}
