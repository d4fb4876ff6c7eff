#include "runtime/host/guard/heard.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "runtime/host/guard/line.h"

/* A SYN is soon followed by an ACK, or by nothing: a flood of them holds no place for long. Who is asked is noted again
 * by the next packet. */
enum { SYN_S = 120, ASKED_S = 3600 };
#define OPENS         "tcp flags & (syn | ack) == syn "
#define GOES_ON       "tcp flags & (syn | ack) != syn "
#define WITHOUT_PORTS "meta l4proto != { 1, 6, 17, 58, 132 }"

bool heard_wanted(const struct guard *g)
{
    bool any = false;
    for (unsigned i = 0; i < g->match_count; i++)
        any |= g->matches[i].hides == GUARD_HEARS || g->matches[i].hides == GUARD_ASKS;
    return any;
}

void heard_write_sets(FILE *out)
{
    for (unsigned i = 0; i < LINE_FAMILIES; i++) {
        const struct line_family *f = &line_families[i];
        const char *type = f->family == 4 ? "ipv4_addr" : "ipv6_addr";
        fprintf(out, "set ends%u { type inet_proto . %s . inet_service; size %d; flags dynamic, timeout; }\n",
                f->family, type, HEARD_MOST);
        fprintf(out, "set hosts%u { type %s; size %d; flags dynamic, timeout; }\n", f->family, type, HEARD_MOST);
    }
}

static bool has_ports(uint8_t proto) { return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP; }

/* A rule's line, whose verdict is its own text */
struct rule {
    struct line line;
    char verdict[160];
};

static void note(char *to, size_t size, const struct line_family *f, uint8_t proto, uint32_t for_s)
{
    *to = '\0';
    if (has_ports(proto))
        line_add(to, size, "update @ends%u { meta l4proto . %s saddr . th sport timeout %us } ", f->family, f->ip,
                 for_s);
    line_add(to, size, "update @hosts%u { %s saddr timeout %us }", f->family, f->ip, for_s);
}

/* Make the rule of a match. opens: the one for packets that open a connection. */
static struct rule rule_of(const struct guard *g, const struct guard_match *m, const struct line_family *f, bool opens)
{
    struct rule r = {.line = line_of(g, m, false)};
    if (m->hides == GUARD_ASKS) {
        snprintf(r.verdict, sizeof r.verdict, "add @hosts%u { %s daddr timeout %ds }", f->family, f->ip, ASKED_S);
        return r;
    }
    if (!m->proto) line_add(r.line.rest, sizeof r.line.rest, " " WITHOUT_PORTS);
    if (m->hides == GUARD_HEARS) {
        const bool tcp = m->proto == IPPROTO_TCP;
        if (tcp) line_add(r.line.first, sizeof r.line.first, opens ? OPENS : GOES_ON);
        note(r.verdict, sizeof r.verdict, f, m->proto, opens && m->last_s > SYN_S ? SYN_S : m->last_s);
    } else {
        snprintf(r.verdict, sizeof r.verdict, "drop");
        if (has_ports(m->proto))
            line_add(r.line.rest, sizeof r.line.rest, " meta l4proto . %s daddr . th dport @ends%u", f->ip, f->family);
        else
            line_add(r.line.rest, sizeof r.line.rest, " %s daddr @hosts%u", f->ip, f->family);
    }
    return r;
}

static unsigned family_of(const struct guard_match *m) { return m->to.lo.family ? m->to.lo.family : m->from.lo.family; }

static int write_rules(FILE *out, const struct guard *g, enum guard_hides hides)
{
    struct rule *rules = calloc(2 * g->match_count + 1, sizeof *rules);
    struct line *lines = calloc(2 * g->match_count + 1, sizeof *lines);
    const bool made = rules && lines;
    unsigned count = 0;
    for (unsigned i = 0; i < g->match_count && made; i++) {
        const struct guard_match *m = &g->matches[i];
        if (m->hides != hides) continue;
        const struct line_family *f = &line_families[family_of(m) == 6];
        if (hides == GUARD_HEARS && m->proto == IPPROTO_TCP) rules[count++] = rule_of(g, m, f, true);
        rules[count++] = rule_of(g, m, f, false);
    }
    for (unsigned i = 0; i < count; i++) lines[i] = rules[i].line, lines[i].verdict = rules[i].verdict;
    if (made) lines_write(NULL, out, lines, count);
    free(rules);
    free(lines);
    return made ? 0 : -ENOMEM;
}

/* Write a rule for what goes to a host that was heard or asked, if any inside address is in the test: of matches that
 * hide from those heard, and with `errors` of those that hide errors alone. */
static void write_hidden(FILE *out, const struct guard *g, const struct line_family *f, const char *test, bool errors,
                         void (*write_one)(FILE *, const struct host_addr *))
{
    bool any = false;
    for (unsigned i = 0; i < g->match_count; i++) {
        const struct guard_match *m = &g->matches[i];
        const bool hides = m->hides == GUARD_HIDES_FROM_HEARD || (errors && m->hides == GUARD_HIDES_ERRORS);
        if (!hides || m->from.lo.family != f->family) continue;
        if (any)
            fprintf(out, ", ");
        else
            fprintf(out, "%s { ", test);
        write_one(out, &m->from.lo);
        if (!host_addr_same(&m->from.lo, &m->from.hi)) fprintf(out, "-");
        if (!host_addr_same(&m->from.lo, &m->from.hi)) write_one(out, &m->from.hi);
        any = true;
    }
    if (any) fprintf(out, " } %s daddr @hosts%u fib daddr type != " OURS " counter drop\n", f->ip, f->family);
}

/* Write the rules for later pieces of answers, and for ICMP errors of inside hosts or about packets to them. */
static void write_pieces(FILE *out, const struct guard *g, const struct line_family *f)
{
    char test[200];
    snprintf(test, sizeof test, "%s %s saddr", f->later, f->ip);
    write_hidden(out, g, f, test, false, line_address);
    snprintf(test, sizeof test, "%s } %s saddr", f->errors, f->ip);
    write_hidden(out, g, f, test, false, line_address);
    snprintf(test, sizeof test, "%s } %s", f->errors, f->quoted);
    write_hidden(out, g, f, test, true, line_number);
}

int heard_write(FILE *out, const struct guard *g)
{
    int failed = 0;
    for (enum guard_hides h = GUARD_HEARS; h <= GUARD_HIDES_FROM_HEARD && !failed; h++) failed = write_rules(out, g, h);
    for (unsigned i = 0; i < LINE_FAMILIES && !failed; i++) write_pieces(out, g, &line_families[i]);
    return failed;
}
