/* A match as text. Matches that differ only in single addresses and ports share a rule that looks in a set, so a
 * thousand services cost no more per packet than one. Ranges are in the rule itself. */
#include "runtime/host/guard/line.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void line_add(char *to, size_t size, const char *format, ...)
{
    const size_t len = strlen(to);
    va_list more;
    va_start(more, format);
    vsnprintf(to + len, size - len, format, more);
    va_end(more);
}

const struct line_family line_families[] = {
    {4, IPPROTO_ICMP, "ip", "type ipv4_addr", "ip frag-off & 0x1fff != 0",
     "icmp type { destination-unreachable, time-exceeded, parameter-problem", "@th,192,32"},
    {6, IPPROTO_ICMPV6, "ip6", "type ipv6_addr", "exthdr frag exists frag frag-off != 0",
     "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem", "@th,256,128"},
};

void line_number(FILE *out, const struct host_addr *a)
{
    fprintf(out, "0x");
    for (unsigned i = 0; i < (a->family == 4 ? 1 : 4); i++) fprintf(out, "%08x", a->word[i]);
}

void line_address(FILE *out, const struct host_addr *a)
{
    char text[HOST_ADDR_TEXT];
    fprintf(out, "%s", host_addr_text(a, text));
}

/* Add a field: a single value goes to the element, a range to the rule. A range of all values needs no test. */
static void add_field(struct line *l, const char *field, const char *type, const char *lo, const char *hi)
{
    if (strcmp(lo, hi) != 0) {
        line_add(l->rest, sizeof l->rest, " %s %s-%s", field, lo, hi);
        return;
    }
    const char *joint = *l->head ? " . " : "";
    line_add(l->head, sizeof l->head, "%s%s", joint, field);
    line_add(l->types, sizeof l->types, "%s%s", joint, type);
    line_add(l->element, sizeof l->element, "%s%s", joint, lo);
}

static void add_addresses(struct line *l, const struct guard_addresses *a, unsigned family, const char *end)
{
    char field[16], lo[HOST_ADDR_TEXT], hi[HOST_ADDR_TEXT];
    if (!a->lo.family) return;
    snprintf(field, sizeof field, family == 4 ? "ip %s" : "ip6 %s", end);
    add_field(l, field, family == 4 ? "ipv4_addr" : "ipv6_addr", host_addr_text(&a->lo, lo),
              host_addr_text(&a->hi, hi));
}

static void add_ports(struct line *l, struct guard_ports p, const char *field)
{
    char lo[8], hi[8];
    if (p.lo == 0 && p.hi == 65535) return;
    snprintf(lo, sizeof lo, "%u", p.lo);
    snprintf(hi, sizeof hi, "%u", p.hi);
    add_field(l, field, "inet_service", lo, hi);
}

void line_way(char *to, size_t size, const struct guard *g, const char *out)
{
    line_add(to, size, " fib daddr type unicast fib daddr oifname ");
    if (*out) {
        line_add(to, size, "\"%s\"", out);
        return;
    }
    for (unsigned i = 0; i < g->port_count; i++) line_add(to, size, "%s\"%s\"", i ? ", " : "{ ", g->ports[i]);
    line_add(to, size, " }");
}

void line_devices(char *to, size_t size, const struct guard *g, const struct guard_match *m)
{
    if (*m->in) line_add(to, size, " iifname \"%s\"", m->in);
    if (m->reach == GUARD_SENT_ON) line_way(to, size, g, m->out);
    for (unsigned i = 0; i < GUARD_BUT_MOST && *m->not_in.name[i]; i++)
        line_add(to, size, " iifname != \"%s\"", m->not_in.name[i]);
    if (*m->not_out.name[0]) line_add(to, size, " fib daddr type unicast");
    for (unsigned i = 0; i < GUARD_BUT_MOST && *m->not_out.name[i]; i++)
        line_add(to, size, " fib daddr oifname != \"%s\"", m->not_out.name[i]);
}

unsigned line_family_of(const struct guard_match *m) { return m->to.lo.family ? m->to.lo.family : m->from.lo.family; }

struct line line_of(const struct guard *g, const struct guard_match *m, bool passes)
{
    struct line l = {0};
    char proto[8];
    const unsigned family = line_family_of(m);
    if (!family) line_add(l.rest, sizeof l.rest, " meta protocol { ip, ip6 }");
    snprintf(proto, sizeof proto, "%u", m->proto);
    if (m->proto) add_field(&l, "meta l4proto", "inet_proto", proto, proto);
    add_addresses(&l, &m->from, family, "saddr");
    add_addresses(&l, &m->to, family, "daddr");
    add_ports(&l, m->from_ports, "th sport");
    add_ports(&l, m->to_ports, "th dport");
    if (m->reach == GUARD_OWN) line_add(l.rest, sizeof l.rest, " fib daddr type local");
    if (m->reach == GUARD_FOREIGN) line_add(l.rest, sizeof l.rest, " fib daddr type != " OURS);
    if (m->proxied == GUARD_OPENERS)
        line_add(l.first, sizeof l.first, "tcp flags & (syn | ack) %s syn ", passes ? "!=" : "==");
    l.verdict = passes || m->proxied == GUARD_RETURNS ? "accept" : "drop";
    line_devices(l.rest, sizeof l.rest, g, m);
    return l;
}

static int compare_lines(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    const int head = strcmp(x->head, y->head), rest = strcmp(x->rest, y->rest);
    const int verdict = strcmp(x->verdict, y->verdict), first = strcmp(x->first, y->first);
    return verdict ? verdict : first ? first : head ? head : rest ? rest : strcmp(x->element, y->element);
}

static bool same_rule(const struct line *a, const struct line *b)
{
    return !strcmp(a->first, b->first) && !strcmp(a->head, b->head) && !strcmp(a->rest, b->rest) &&
           !strcmp(a->verdict, b->verdict);
}

static void write_elements(FILE *out, const struct line *first, const struct line *end)
{
    fprintf(out, "{ ");
    for (const struct line *l = first; l < end; l++) fprintf(out, "%s%s", l == first ? "" : ", ", l->element);
    fprintf(out, " }");
}

static void write_set(FILE *sets, unsigned id, const struct line *first, const struct line *end)
{
    fprintf(sets, "set m%u { type %s; elements = ", id, first->types);
    write_elements(sets, first, end);
    fprintf(sets, " }\n");
}

void line_range(FILE *out, const struct guard_addresses *a, void (*write_one)(FILE *, const struct host_addr *))
{
    write_one(out, &a->lo);
    if (host_addr_same(&a->lo, &a->hi)) return;
    fprintf(out, "-");
    write_one(out, &a->hi);
}

void lines_write(FILE *sets, FILE *rules, struct line *lines, unsigned count)
{
    unsigned id = 0;
    qsort(lines, count, sizeof *lines, compare_lines); /* lines of one rule become adjacent */
    for (const struct line *l = lines, *end; l < lines + count; l = end) {
        for (end = l; end < lines + count && same_rule(l, end);) end++;
        fprintf(rules, "%s", l->first);
        if (*l->head) fprintf(rules, sets ? "%s @m%u" : "%s ", l->head, id);
        if (*l->head && sets) write_set(sets, id++, l, end);
        if (*l->head && !sets) write_elements(rules, l, end);
        fprintf(rules, "%s counter %s\n", l->rest, l->verdict);
    }
}

void line_chain(FILE *out, const struct guard *g, const char *name, int priority)
{
    unsigned there = 0;
    fprintf(out, "chain %s {\n", name);
    for (unsigned i = 0; i < g->port_count; i++) {
        if (!if_nametoindex(g->ports[i])) continue;
        fprintf(out, "%s\"%s\"", there++ ? ", " : "type filter hook ingress devices = { ", g->ports[i]);
    }
    if (there) fprintf(out, " } priority %d; policy accept;\n", priority);
}
