/* Address translation in the listing. */
#include "vm/words/disasm_priv.h"

static void add_ports(struct text *t, const struct pbc_nat *n)
{
    text_add(t, n->port_lo == n->port_hi ? "%u" : "%u-%u", n->port_lo, n->port_hi);
}

static void add_outbound(struct text *t, const struct program *p, const struct pbc_nat *n)
{
    text_add(t, "%s from ", n->kind == PBC_NAT_SOURCE ? "source" : "masquerade");
    if (!n->from_count) text_add(t, "any");
    for (uint32_t s = 0; s < n->from_count; s++) {
        if (s) text_add(t, ", ");
        text_add_set(t, p, n->from + s);
    }
    text_add(t, " out on ");
    text_add_iface(t, p, n->out);
    if (n->kind == PBC_NAT_SOURCE) text_add(t, " to "), text_add_address(t, n->to, n->family == 6);
    text_add(t, " ports ");
    add_ports(t, n);
}

static void add_forward(struct text *t, const struct pbc_nat *n)
{
    text_add(t, "forward ");
    if (n->flags & PBC_NAT_TO_SELF)
        text_add(t, "self (IPv%u)", n->family);
    else
        text_add_address(t, n->to, n->family == 6);
    text_add(t, " %s", endpoint_proto_name(n->proto));
    if (n->proto < PBC_EP_ECHO4) text_add(t, "/"), add_ports(t, n);
    text_add(t, " -> ");
    text_add_address(t, n->target, n->family == 6);
    if (n->target_port) text_add(t, " port %u", n->target_port);
    if (n->target_port && n->port_hi > n->port_lo) text_add(t, "-%u", n->target_port + (n->port_hi - n->port_lo));
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
            add_forward(&t, n);
        else
            add_outbound(&t, p, n);
        add_place(&t, p, &n->place);
        fprintf(out, "%s\n", line);
    }
}
