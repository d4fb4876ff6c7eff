/* Writing a drawn router as rules of prey */
#include "tests/diff/routers/world.h"
#include "vm/packet/parse/header.h"

static void set_words(const char *word, nets set, bool negated, FILE *out)
{
    if (!set) return;
    fprintf(out, " %s%s ", word, negated ? " not" : "");
    for (unsigned n = 0, some = 0; n <= NET_WORLD; n++)
        if (set >> n & 1) fprintf(out, "%sn%u", some++ ? ", " : "", n);
}

static void ifaces_words(const char *word, unsigned bits, bool negated, FILE *out)
{
    if (!bits) return;
    fprintf(out, " %s%s ", word, negated ? " not" : "");
    for (unsigned i = 0, some = 0; i < IFS_MOST; i++)
        if (bits >> i & 1) fprintf(out, "%s\"e%u\"", some++ ? ", " : "", i);
}

static const char *proto_word(uint8_t proto)
{
    return proto == IPPROTO_NR_TCP ? "tcp" : proto == IPPROTO_NR_UDP ? "udp" : "icmp, icmp6";
}

/* Write a source statement in today's language if that is enough; statements with conditions have their target
 * behind an arrow. */
static void source_words(const struct world *w, const struct nat *n, FILE *out)
{
    char text[48];
    const bool conditions = w->with & WITH_CONDITIONS;
    fputs(n->kind == NAT_MASQUERADE ? "  masquerade" : "  source", out);
    if (n->from)
        set_words("from", n->from, false, out);
    else
        fputs(" from any", out);
    set_words("to", n->to, n->not_to, out);
    if (n->proto) fprintf(out, " %s%s", n->not_proto ? "not " : "", proto_word(n->proto));
    if (n->port) fprintf(out, "%s port %u", n->to ? "" : " to", n->port);
    ifaces_words("on", n->on_bits, n->not_on, out);
    ifaces_words("out on", n->outs ? n->outs : 1u << n->out, n->not_outs, out);
    if (n->kind == NAT_SOURCE)
        fprintf(out, " %s %s", conditions ? "->" : "to", world_host_text(n->v6, n->out, HOST_POOL, text));
    fprintf(out, " ports %u-%u\n", n->port_lo, n->port_hi);
}

static void nat_words(const struct world *w, const struct nat *n, FILE *out)
{
    char text[48], inside[48];
    if (n->kind <= NAT_SOURCE) {
        source_words(w, n, out);
        return;
    }
    if (n->kind == NAT_MAP) {
        fprintf(out, "  map %s/%u <-> %s/%u", world_host_text(n->v6, n->out, HOST_MAPPED, text),
                (n->v6 ? 128 : 32) - MAPPED_BITS, world_host_text(n->v6, n->net, HOST_MAPPED, inside),
                (n->v6 ? 128 : 32) - MAPPED_BITS);
        if (!n->anywhere) fprintf(out, "%s on \"e%u\"", w->with & WITH_CONDITIONS ? " out" : "", n->out);
        fputc('\n', out);
        return;
    }
    fprintf(out, "  forward %s", n->second ? world_host_text(n->v6, n->out, HOST_SECOND, text) : "self");
    if (n->on) fprintf(out, " on \"e%u\"", n->out);
    set_words("from", n->from, false, out);
    fprintf(out, " %s/%u -> %s%s%s:%u\n", proto_word(n->proto), n->port, n->v6 ? "[" : "",
            world_host_text(n->v6, n->net, n->host, inside), n->v6 ? "]" : "", n->to_port);
}

static void rule_words(const struct rule *r, FILE *out)
{
    fprintf(out, "  %s", (const char *[]){"accept", "drop", "reject"}[r->verdict]);
    if (r->proto) fprintf(out, " %s", proto_word(r->proto));
    ifaces_words("on", r->on, r->not_on, out);
    ifaces_words("out on", r->out, r->not_out, out);
    set_words("from", r->from, r->not_from, out);
    set_words("to", r->to, r->not_to, out);
    if (r->port_lo) fprintf(out, "%s port %u-%u", r->to ? "" : " to", r->port_lo, r->port_hi);
    if (r->fresh) fputs(" state new", out);
    /* Every rule needs a condition. */
    if (!r->proto && !r->on && !r->out && !r->from && !r->to && !r->fresh) fputs(" from any", out);
    fputc('\n', out);
}

static void firewall_words(const struct world *w, const struct firewall *f, const char *direction, FILE *out)
{
    if (!f->judges) return;
    fprintf(out, "firewall %s_ %s default %s {\n  accept udp to 172.%u.0.0/16 port 9\n", direction, direction,
            f->accepts ? "accept" : "drop", PROBE_OUTSIDE + w->number);
    if (f->follows) fputs("  accept state established, related\n", out);
    if (f->no_invalid) fputs("  drop state invalid\n", out);
    for (unsigned i = 0; i < f->count; i++) rule_words(&f->rules[i], out);
    fputs("}\n", out);
}

void world_as_prey(const struct world *w, FILE *out)
{
    char v4[48], v6[48];
    fputs("limits { flows 30_000 }\n", out);
    for (unsigned n = 0; n <= NET_WORLD; n++)
        if (world_has_net(w, n))
            fprintf(out, "set n%u = %s, %s\n", n, world_net_text(false, n, v4), world_net_text(true, n, v6));
    fprintf(out, "nat r {\n  map 172.%u.0.0/16 <-> 172.%u.0.0/16 on \"e%u\"\n", PROBE_OUTSIDE + w->number,
            PROBE_INSIDE + w->number, w->probe_out);
    for (unsigned i = 0; i < w->nat_count; i++) nat_words(w, &w->nats[i], out);
    fputs("}\n", out);
    firewall_words(w, &w->across, "forward", out);
    firewall_words(w, &w->here, "in", out);
}
