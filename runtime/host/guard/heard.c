/* Sets and rules use fields by their offsets, because nftables has no names for fields in a packet quoted by an ICMP
 * error, and one set serves both. A packet with IP options, or with extension headers other than a fragment's, is
 * not noted. */
#include "runtime/host/guard/heard.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "runtime/host/guard/line.h"

/* Stacks keep fragments no longer (RFC 8200, 4.5: 60 s; Linux: 30 s). A SYN waits as long for its ACK as a half-open
 * flow. */
enum { FRAGMENTS_S = 30, OPENS_S = 60 };
#define OPENS         "tcp flags & (syn | ack) == syn "
#define GOES_ON       "tcp flags & (syn | ack) != syn "
#define WITHOUT_PORTS " meta l4proto != { " PORTED ", 132 }"

/* The far end of a packet: its protocol and address, then a port or an identifier */
struct end {
    const char *bare, *port, *id;
};
/* A form of headers, and the offsets of its fields */
struct form {
    unsigned family;
    const char *only;    /* test for packets of that form that have ports */
    struct end from, to; /* offsets of its sender and of its receiver */
    const char *cut,
        *name; /* test for the first of several fragments; fields that identify the datagram in each fragment */
};
#define V4_FROM          "@nh,72,8 . @nh,96,32"
#define V4_TO            "@nh,72,8 . @nh,128,32"
#define V6_FROM          "@nh,48,8 . @nh,64,128"
#define V6_TO            "@nh,48,8 . @nh,192,128"
#define V6_FRAGMENT_FROM "@nh,320,8 . @nh,64,128"
#define V6_FRAGMENT_TO   "@nh,320,8 . @nh,192,128"
#define V6_NAME          "@nh,64,128 . @nh,192,128 . @nh,352,32"
static const struct form forms[] = {
    {4,
     " ip frag-off & 0x1fff == 0",
     {V4_FROM, V4_FROM " . @nh,160,16", V4_FROM " . @nh,192,16"},
     {V4_TO, V4_TO " . @nh,176,16", V4_TO " . @nh,192,16"},
     " ip frag-off & 0x2000 != 0",
     "@nh,32,16 . @nh,96,32 . @nh,128,32"},
    {6,
     " exthdr frag missing",
     {V6_FROM, V6_FROM " . @nh,320,16", V6_FROM " . @nh,352,16"},
     {V6_TO, V6_TO " . @nh,336,16", V6_TO " . @nh,352,16"},
     NULL,
     V6_NAME},
    {6,
     " exthdr frag exists frag frag-off 0",
     {V6_FRAGMENT_FROM, V6_FRAGMENT_FROM " . @nh,384,16", V6_FRAGMENT_FROM " . @nh,416,16"},
     {V6_FRAGMENT_TO, V6_FRAGMENT_TO " . @nh,400,16", V6_FRAGMENT_TO " . @nh,416,16"},
     " frag more-fragments 1",
     V6_NAME},
};
enum { FORMS = sizeof forms / sizeof *forms };
/* The far end of the packet that an ICMP error quotes, by family */
static const struct end quoted[LINE_FAMILIES] = {
    {"@th,136,8 . @th,160,32", "@th,136,8 . @th,160,32 . @th,224,16", "@th,136,8 . @th,160,32 . @th,256,16"},
    {"@th,112,8 . @th,128,128", "@th,112,8 . @th,128,128 . @th,384,16", "@th,112,8 . @th,128,128 . @th,416,16"},
};

bool heard_wanted(const struct guard *g)
{
    bool any = false;
    for (unsigned i = 0; i < g->match_count; i++) any |= g->matches[i].hides == GUARD_HEARS;
    return any;
}

void heard_write_sets(FILE *out)
{
    for (const struct form *f = forms; f < forms + LINE_FAMILIES; f++) {
        static const char *const kept = "flags dynamic, timeout; }";
        fprintf(out, "set ends%u { typeof %s; size %d; %s\n", f->family, f->from.port, HEARD_MOST, kept);
        fprintf(out, "set hosts%u { typeof %s; size %d; %s\n", f->family, f->from.bare, HEARD_MOST, kept);
        fprintf(out, "set fragments%u { typeof %s; size %d; %s\n", f->family, f->name, HEARD_MOST, kept);
    }
}

static bool has_ports(uint8_t proto) { return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP; }
static bool is_icmp(uint8_t proto) { return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6; }

/* Write the name of the set for a packet's far end, and the end's key in it. */
static void noted(char *to, size_t size, const struct form *f, const struct end *end, uint8_t proto, bool test)
{
    const bool ends = has_ports(proto) || is_icmp(proto);
    const char *what = has_ports(proto) ? end->port : is_icmp(proto) ? end->id : end->bare;
    if (test)
        line_add(to, size, " %s @%s%u", what, ends ? "ends" : "hosts", f->family);
    else
        line_add(to, size, "@%s%u { %s timeout", ends ? "ends" : "hosts", f->family, what);
}

/* Rules of a match in their order: heard senders; replies with further fragments; dropped replies. A reply prolongs
 * no entry: otherwise one forged packet would hide the host's own connections for as long as the host tries them. */
enum rule { HEARS, CUTS, DROPS, RULES };

static bool has_rule(const struct guard_match *m, const struct form *f, enum rule rule)
{
    const unsigned family = line_family_of(m);
    if (family != f->family || (rule == CUTS && !f->cut)) return false;
    return m->hides == (rule == HEARS ? GUARD_HEARS : GUARD_HIDES_FROM_HEARD);
}

/* Make a match's rule. opens: the rule for SYNs. The verdict is written to `verdict`. */
static struct line rule_of(const struct guard *g, const struct guard_match *m, const struct form *f, enum rule rule,
                           bool opens, char *verdict, size_t size)
{
    struct line l = line_of(g, m, false);
    *verdict = '\0';
    l.verdict = verdict;
    line_add(l.rest, sizeof l.rest, "%s%s", f->only, m->proto ? "" : WITHOUT_PORTS);
    if (rule == HEARS) {
        line_add(verdict, size, "update ");
        noted(verdict, size, f, &f->from, m->proto, false);
        line_add(verdict, size, " %us }", opens && m->last_s > OPENS_S ? OPENS_S : m->last_s);
        if (m->proto == IPPROTO_TCP) line_add(l.first, sizeof l.first, opens ? OPENS : GOES_ON);
        return l;
    }
    noted(l.rest, sizeof l.rest, f, &f->to, m->proto, true);
    if (rule == CUTS) {
        line_add(l.rest, sizeof l.rest, "%s", f->cut);
        line_add(verdict, size, "update @fragments%u { %s timeout %ds }", f->family, f->name, FRAGMENTS_S);
        return l;
    }
    line_add(verdict, size, "drop");
    return l;
}

static int write_rules(FILE *out, const struct guard *g, const struct form *f, enum rule rule)
{
    struct line *lines = calloc(2 * g->match_count + 1, sizeof *lines);
    char(*verdicts)[200] = calloc(2 * g->match_count + 1, sizeof *verdicts);
    const bool made = lines && verdicts;
    unsigned count = 0;
    for (unsigned i = 0; i < g->match_count && made; i++) {
        const struct guard_match *m = &g->matches[i];
        if (!has_rule(m, f, rule)) continue;
        for (unsigned opens = 0; opens <= (rule == HEARS && m->proto == IPPROTO_TCP); opens++) {
            lines[count] = rule_of(g, m, f, rule, opens, verdicts[count], sizeof *verdicts);
            count++;
        }
    }
    if (made) lines_write(NULL, out, lines, count);
    free(lines);
    free(verdicts);
    return made ? 0 : -ENOMEM;
}

static bool hides_any(const struct guard *g, unsigned family)
{
    bool any = false;
    for (unsigned i = 0; i < g->match_count; i++)
        any |= g->matches[i].hides == GUARD_HIDES_FROM_HEARD && g->matches[i].from.lo.family == family;
    return any;
}

/* Write the inside addresses of a family, as a set in a rule. */
static void write_inside(FILE *out, const struct guard *g, unsigned family)
{
    const char *joint = " { ";
    for (unsigned i = 0; i < g->match_count; i++) {
        const struct guard_match *m = &g->matches[i];
        if (m->hides != GUARD_HIDES_FROM_HEARD || m->from.lo.family != family) continue;
        fprintf(out, "%s", joint);
        line_range(out, &m->from, line_number);
        joint = ", ";
    }
    fprintf(out, " }");
}

/* Write the rules for later fragments of replies, and for ICMP errors about packets from far ends to inside
 * addresses. */
static void write_others(FILE *out, const struct guard *g, unsigned which)
{
    const struct line_family *f = &line_families[which];
    const struct end *q = &quoted[which];
    const struct {
        const char *what, *set;
    } about[] = {{q->port, "ends"}, {q->id, "ends"}, {q->bare, "hosts"}};
    fprintf(out, "%s %s @fragments%u counter drop\n", f->later, forms[which].name, f->family);
    for (unsigned i = 0; i < sizeof about / sizeof *about; i++) {
        fprintf(out, "%s } %s @%s%u %s", f->errors, about[i].what, about[i].set, f->family, f->quoted);
        write_inside(out, g, f->family);
        fprintf(out, " fib daddr type != " OURS " counter drop\n");
    }
}

int heard_write(FILE *out, const struct guard *g, int priority)
{
    int failed = 0;
    line_chain(out, g, "heard", priority);
    for (enum rule rule = HEARS; rule < RULES; rule++)
        for (const struct form *f = forms; f < forms + FORMS && !failed; f++) failed = write_rules(out, g, f, rule);
    for (unsigned i = 0; i < LINE_FAMILIES && !failed; i++)
        if (hides_any(g, line_families[i].family)) write_others(out, g, i);
    fprintf(out, "}\n");
    return failed;
}
