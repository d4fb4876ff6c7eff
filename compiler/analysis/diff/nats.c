/* Statements of a nat as the language writes them: "source from lan to not vpn udp port 500 out on "eth0" ->
 * 203.0.113.2 ports 500". Conditions come from the normal form, so that statements of one meaning are one text. */
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "vm/program/program.h"
#include "vm/words/words.h"

/* Make the product of all that a statement asks for, its sources and interface among them. */
static void make_asks(struct diff *d, const struct side *s, const struct pbc_nat *n, struct ir_product *out)
{
    struct ir *ir = d->c.ir;
    struct ir_product conds, own;
    bool loose = false;
    normal_when(&d->c, s->conds + n->conds, n->cond_count, &conds);
    product_all(&own);
    own.field[IR_WHAT] =
        ir_field_range(ir, IR_WHAT, n->family == 6 ? WHAT_IP6 : 0, n->family == 4 ? WHAT_IP6 - 1 : WHAT_AH6_UNKNOWN);
    if (n->from_count) own.field[IR_SRC] = own.field[IR_SRC_SELF] = sets_union(d, s->program, n->from, n->from_count);
    if (n->iface != PBC_NONE) {
        const enum ir_field way = n->kind == PBC_NAT_FORWARD ? IR_IFACE : IR_OUT;
        own.field[way] = ir_field_range(ir, way, s->ifaces[n->iface], s->ifaces[n->iface]);
    }
    if (product_and(ir, &conds, &own, out, &loose)) return;
    for (enum ir_field f = 0; f < IR_FIELDS; f++) out->field[f] = IR_EMPTY;
}

static void put_number_range(uint32_t lo, uint32_t hi, FILE *out) { fprintf(out, hi > lo ? "%u-%u" : "%u", lo, hi); }

void note_nat_asks(struct diff *d, struct side *s)
{
    const struct program *p = s->program;
    s->nat_asks = arena_alloc(d->c.arena, ((size_t)p->nats_count + 1) * sizeof(*s->nat_asks));
    for (uint32_t i = 0; i < p->nats_count; i++) {
        make_asks(d, s, &p->nats[i], &s->nat_asks[i]);
        s->nats_turn |= p->nats[i].kind == PBC_NAT_FORWARD || p->nats[i].kind == PBC_NAT_MAP;
    }
}

/* Write "tcp/80-90", "icmp" or "gre". */
static void put_forwarded(const struct pbc_nat *n, FILE *out)
{
    if (n->proto == PBC_EP_IP) {
        put_protocol(n->ip_proto, out);
        return;
    }
    fputs(endpoint_info[n->proto].name, out);
    if (n->proto >= PBC_EP_ECHO4) return;
    fputc('/', out);
    if (n->port_lo == 1 && n->port_hi == 65535)
        fputs("any", out);
    else
        put_number_range(n->port_lo, n->port_hi, out);
}

static void put_forward(const struct region_text *text, const struct ir_product *asks, const struct pbc_nat *n,
                        FILE *out)
{
    fputs("forward ", out);
    if (n->flags & (PBC_NAT_TO_SELF | PBC_NAT_TO_ANY))
        fputs(n->flags & PBC_NAT_TO_SELF ? "self" : "any", out);
    else
        put_address_port(n->to, n->family, 0, out);
    region_text_whence(text, asks, n->family == 4 ? IR_V4 : IR_V6, out);
    fputc(' ', out);
    put_forwarded(n, out);
    fputs(" -> ", out);
    put_address_port(n->target, n->family, n->target_port, out);
}

static void put_map(const struct region_text *text, const struct ir_product *asks, const struct pbc_nat *n, FILE *out)
{
    fputs("map ", out);
    put_prefix(n->to, n->family, n->len, out);
    fputs(" <-> ", out);
    put_prefix(n->target, n->family, n->len, out);
    region_text_way_out(text, asks, out);
}

/* Write the ports that the statement names. */
static void put_own_ports(const struct program *p, const struct pbc_nat *n, FILE *out)
{
    if (!(n->flags & PBC_NAT_QUERIES)) return;
    fputs(" ports ", out);
    if (!n->port_count) put_number_range(n->port_lo, n->port_hi, out);
    for (uint32_t i = n->ports; i < n->ports + n->port_count; i++) {
        if (i > n->ports) fputs(", ", out);
        put_number_range(p->ranges[i].lo, p->ranges[i].hi, out);
    }
}

static void put_outbound(struct diff *d, const struct region_text *text, const struct ir_product *asks,
                         const struct program *p, const struct pbc_nat *n, FILE *out)
{
    const bool masquerade = n->kind == PBC_NAT_MASQUERADE;
    fputs(masquerade ? "masquerade" : "source", out);
    if (ir_is_empty(asks))
        fputs(" for nothing", out);
    else
        region_text_conditions(text, asks, !masquerade, out);
    put_ranges(d, p, (const uint32_t[]){n->outside, n->outside_count}, n->family, " -> ", ", ", out);
    put_own_ports(p, n, out);
}

static void put_clamp(uint16_t mss, FILE *out)
{
    fputs("mss clamp ", out);
    if (mss == PBC_MSS_AUTO)
        fputs("auto", out);
    else
        fprintf(out, "%u", mss);
}

void put_nat_statements(struct diff *d, const struct side *s, uint32_t first, FILE *out)
{
    const struct program *p = s->program;
    const struct region_text text = statement_text(d);
    for (uint32_t i = first; i < p->nats_count && p->nats[i].name == p->nats[first].name; i++) {
        const struct pbc_nat *n = &p->nats[i];
        const struct ir_product *asks = &s->nat_asks[i];
        if (i != first) fputc('\n', out);
        if (n->kind == PBC_NAT_FORWARD)
            put_forward(&text, asks, n, out);
        else if (n->kind == PBC_NAT_MAP)
            put_map(&text, asks, n, out);
        else
            put_outbound(d, &text, asks, p, n, out);
    }
    if (!p->nats[first].mss) return;
    fputc('\n', out);
    put_clamp(p->nats[first].mss, out);
}

/* Return the interface that has its own clamp and whose device follows `last` by name; NULL: none. */
static const struct pbc_iface *next_clamped(const struct program *p, const char *last)
{
    const struct pbc_iface *next = NULL;
    for (uint32_t i = 0; i < p->ifaces_count; i++) {
        const struct pbc_iface *f = &p->ifaces[i];
        const char *device = program_str(p, f->device);
        if (!f->mss || (last && strcmp(device, last) <= 0)) continue;
        if (!next || strcmp(device, program_str(p, next->device)) < 0) next = f;
    }
    return next;
}

void put_clamps(const struct program *p, FILE *out)
{
    const char *last = NULL;
    for (const struct pbc_iface *f; (f = next_clamped(p, last));) {
        if (last) fputc('\n', out);
        last = program_str(p, f->device);
        put_clamp(f->mss, out);
        fputs(" out on ", out);
        text_put_quoted(last, out);
    }
}
