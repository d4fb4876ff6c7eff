/* Address translation in the listing. */
#include "vm/words/words_priv.h"

static void add_port_range(struct text *t, uint32_t lo, uint32_t hi) { text_add(t, lo == hi ? "%u" : "%u-%u", lo, hi); }

static void add_nat_ports(struct text *t, const struct pbc_nat *n) { add_port_range(t, n->port_lo, n->port_hi); }

/* Add the ports to translate to; if there are many ranges, the first ones. */
static void add_own_ports(struct text *t, const struct program *p, const struct pbc_nat *n)
{
    enum { SHOWN = 8 };
    text_add(t, n->flags & PBC_NAT_QUERIES ? " ports and identifiers " : " ports ");
    if (!n->port_count) add_nat_ports(t, n);
    for (uint32_t i = 0; i < n->port_count && i < SHOWN; i++) {
        if (i) text_add(t, ", ");
        add_port_range(t, p->ranges[n->ports + i].lo, p->ranges[n->ports + i].hi);
    }
    if (n->port_count > SHOWN) text_add(t, " and %u more", n->port_count - SHOWN);
}

static void add_from(struct text *t, const struct program *p, const struct pbc_nat *n)
{
    text_add(t, " from ");
    if (!n->from_count) text_add(t, "any");
    for (uint32_t s = n->from; s < n->from + n->from_count; s++) {
        if (s != n->from) text_add(t, ", ");
        text_add_set(t, p, s);
    }
}

static void add_outside(struct text *t, const struct program *p, const struct pbc_nat *n)
{
    bool mixed = false;
    for (uint32_t s = n->outside; s < n->outside + n->outside_count; s++) {
        text_add(t, s == n->outside ? " -> " : ", ");
        text_add_set(t, p, s);
        mixed |= p->sets[s].count4 && p->sets[s].count6;
    }
    if (mixed) text_add(t, " (IPv%u)", n->family);
}

static void add_on(struct text *t, const struct program *p, const struct pbc_nat *n, const char *words)
{
    if (n->iface == PBC_NONE) return;
    text_add(t, " %s ", words);
    text_add_iface(t, p, n->iface);
}

static void add_outbound(struct text *t, const struct program *p, const struct pbc_nat *n)
{
    text_add(t, n->kind == PBC_NAT_SOURCE ? "source" : "masquerade");
    add_from(t, p, n);
    add_on(t, p, n, "out on");
    add_outside(t, p, n);
    add_own_ports(t, p, n);
}

static void add_forward(struct text *t, const struct program *p, const struct pbc_nat *n)
{
    text_add(t, "forward ");
    if (n->flags & PBC_NAT_TO_SELF)
        text_add(t, "self (IPv%u)", n->family);
    else if (n->flags & PBC_NAT_TO_ANY)
        text_add(t, "any (IPv%u)", n->family);
    else
        text_add_address(t, n->to, n->family == 6);
    add_on(t, p, n, "on");
    if (n->from_count) add_from(t, p, n);
    text_add(t, " %s", endpoint_proto_name(n->proto));
    if (n->proto < PBC_EP_ECHO4) text_add(t, "/"), add_nat_ports(t, n);
    if (n->proto == PBC_EP_IP) text_add(t, " %u", n->ip_proto);
    text_add(t, " -> ");
    text_add_address(t, n->target, n->family == 6);
    if (n->target_port) text_add(t, " port %u", n->target_port);
    if (n->target_port && n->port_hi > n->port_lo) text_add(t, "-%u", n->target_port + (n->port_hi - n->port_lo));
}

static void add_nat_map(struct text *t, const struct program *p, const struct pbc_nat *n)
{
    text_add(t, "map ");
    text_add_address(t, n->to, n->family == 6);
    text_add(t, "/%u <-> ", n->len);
    text_add_address(t, n->target, n->family == 6);
    text_add(t, "/%u", n->len);
    add_on(t, p, n, "out on");
}

void dump_nats(const struct program *p, FILE *out)
{
    if (p->nats_count) fprintf(out, "\nnats\n");
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        char line[LINE];
        struct text t = text_of(line, sizeof line);
        add_named(&t, p, "  nat", i, n->name);
        text_add(&t, " ");
        if (n->kind == PBC_NAT_FORWARD)
            add_forward(&t, p, n);
        else if (n->kind == PBC_NAT_MAP)
            add_nat_map(&t, p, n);
        else
            add_outbound(&t, p, n);
        if (n->mss == PBC_MSS_AUTO)
            text_add(&t, " mss clamp auto");
        else if (n->mss)
            text_add(&t, " mss clamp %u", n->mss);
        add_place(&t, p, &n->place);
        fprintf(out, "%s\n", line);
        for (uint32_t c = n->conds; c < n->conds + n->cond_count; c++) dump_cond(p, &p->conds[c], out);
    }
}
