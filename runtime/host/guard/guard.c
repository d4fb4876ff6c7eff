/* Guard rules as text for libnftables. A match is a line (line.h). */
#include "runtime/host/guard/guard.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/change_priv.h"
#include "runtime/host/guard/line.h"
#include "runtime/host/guard/nft.h"
#include "runtime/host/guard/peers.h"
#include "runtime/host/state.h"

bool guard_names(const char *interface)
{
    for (const unsigned char *c = (const unsigned char *)interface; *c; c++)
        if (*c <= ' ' || *c == 0x7f || strchr("\"*\\", *c)) return false;
    return *interface && strlen(interface) < IFNAMSIZ;
}

/* True if nftables' syntax can express a device of a match, which may be a pattern */
static bool can_match(const char *device)
{
    char name[IFNAMSIZ];
    snprintf(name, sizeof name, "%s", device);
    const size_t len = strlen(name);
    if (len > 1 && name[len - 1] == '*') name[len - 1] = '\0';
    return guard_names(name);
}

static bool devices_end(const struct guard_devices *d)
{
    bool end = true;
    for (unsigned i = 0; i < GUARD_BUT_MOST; i++) end &= memchr(d->name[i], 0, sizeof d->name[i]) != NULL;
    return end;
}

static int compare_addresses(const struct host_addr *a, const struct host_addr *b)
{
    for (unsigned i = 0; i < 4; i++)
        if (a->word[i] != b->word[i]) return a->word[i] < b->word[i] ? -1 : 1;
    return 0;
}

static bool addresses_valid(const struct guard_addresses *a)
{
    const uint8_t family = a->lo.family;
    if (!family) return !a->hi.family;
    return (family == 4 || family == 6) && a->hi.family == family && compare_addresses(&a->lo, &a->hi) <= 0;
}

bool guard_match_valid(const struct guard_match *m)
{
    const unsigned from = m->from.lo.family, to = m->to.lo.family;
    return addresses_valid(&m->from) && addresses_valid(&m->to) && (!from || !to || from == to) &&
           m->from_ports.lo <= m->from_ports.hi && m->to_ports.lo <= m->to_ports.hi && m->reach <= GUARD_SENT_ON &&
           (!*m->out || m->reach == GUARD_SENT_ON) &&
           (!m->proxied || (m->proxied <= GUARD_ANSWERS && m->proto == IPPROTO_TCP)) &&
           m->hides <= GUARD_HIDES_FROM_HEARD && (!m->hides || !m->proxied) &&
           (m->hides <= GUARD_HIDES_UNTAKEN || from || to) &&
           (m->hides != GUARD_HIDES_UNTAKEN || m->reach == GUARD_OWN) &&
           (m->hides != GUARD_HIDES_FROM_PEERS || m->reach == GUARD_SENT_ON) && (m->hides != GUARD_HEARS || to) &&
           (m->hides != GUARD_HIDES_FROM_HEARD || from) && memchr(m->in, 0, sizeof m->in) &&
           memchr(m->out, 0, sizeof m->out) && devices_end(&m->not_in) && devices_end(&m->not_out);
}

void guard_table_name(const char *instance, char name[GUARD_TABLE_MOST])
{
    char *at = name + sprintf(name, "prey_");
    for (const char *c = instance; *c && at < name + GUARD_TABLE_MOST - 4; c++)
        at += isalnum((unsigned char)*c) ? sprintf(at, "%c", *c) : sprintf(at, "_%02x", (unsigned)(unsigned char)*c);
}

/* Addresses of matches. TO: destinations. SERVED: destinations for which the host's stack gets ICMP errors, because
 * it carries connections there. BURIED: the other destinations. FROM: sources of forwarded packets. BACK: servers
 * that reply to clients' addresses */
enum end { TO, SERVED, BURIED, FROM, BACK };

static bool has_end(const struct guard_match *m, enum end end)
{
    if (m->proxied == GUARD_ANSWERS || (m->proxied == GUARD_RETURNS) != (end == BACK) || m->reach == GUARD_OWN)
        return false;
    if (m->hides) return false;
    if (end == FROM) return m->reach == GUARD_SENT_ON;
    /* FROM has the source, with its direction; a match for a source's packets to anywhere has no ports */
    if ((m->reach == GUARD_SENT_ON || m->reach == GUARD_FOREIGN) && m->from.lo.family) return false;
    return end == SERVED ? m->proxied : end != BURIED || !m->proxied;
}

/* True if both matches ask for the same devices */
static bool same_devices(const struct guard_match *a, const struct guard_match *b)
{
    return (a->reach == GUARD_SENT_ON) == (b->reach == GUARD_SENT_ON) && !strcmp(a->in, b->in) &&
           !strcmp(a->out, b->out) && !memcmp(&a->not_in, &b->not_in, sizeof a->not_in) &&
           !memcmp(&a->not_out, &b->not_out, sizeof a->not_out);
}

/* The matches with the same devices, those with `id` in ids; ids NULL: all matches */
struct group {
    const struct guard *g;
    const struct line_family *p;
    const unsigned *ids; /* [g->match_count] */
    unsigned id;
    const char *devices; /* tests for these devices */
};

static const struct guard_addresses *addresses_of(const struct group *of, unsigned i, enum end end)
{
    const struct guard_match *m = &of->g->matches[i];
    const struct guard_addresses *a = end == FROM || end == BACK ? &m->from : &m->to;
    const bool is_in = a->lo.family == of->p->family && has_end(m, end) && (!of->ids || of->ids[i] == of->id);
    return is_in ? a : NULL;
}

/* Write a set of one end's addresses of a group's matches, named `name`. Return false, without a set, if the group
 * has none. */
static bool write_addresses(FILE *sets, const struct group *of, const char *name, enum end end, const char *type,
                            void (*write_one)(FILE *, const struct host_addr *))
{
    bool any = false;
    for (unsigned i = 0; i < of->g->match_count; i++) {
        const struct guard_addresses *a = addresses_of(of, i, end);
        if (!a) continue;
        if (any) fprintf(sets, ", ");
        if (!any) fprintf(sets, "set %s { %s; flags interval; auto-merge; elements = { ", name, type);
        line_range(sets, a, write_one);
        any = true;
    }
    if (any) fprintf(sets, " } }\n");
    return any;
}

/* Write the test for the protocols of a group's matches, and for `more` (0: none). Write no test if one match takes
 * any protocol */
static void write_protocols(FILE *rules, const struct group *of, enum end end, uint8_t more)
{
    bool asked[256] = {[0] = false};
    const char *joint = " meta l4proto { ";
    asked[more] = true;
    for (unsigned i = 0; i < of->g->match_count; i++) {
        if (!addresses_of(of, i, end)) continue;
        if (!of->g->matches[i].proto) return;
        asked[of->g->matches[i].proto] = true;
    }
    for (unsigned n = 1; n < 256; n++) {
        if (!asked[n]) continue;
        fprintf(rules, "%s%u", joint, n);
        joint = ", ";
    }
    fprintf(rules, " }");
}

#define FOREIGN " fib daddr type != " OURS " counter drop\n"

/* Write the rules for fragments to the group's destinations */
static void write_fragments_to(FILE *sets, FILE *rules, const struct group *of)
{
    const struct line_family *p = of->p;
    char name[40];
    snprintf(name, sizeof name, "to%u_%u", p->family, of->id);
    if (write_addresses(sets, of, name, TO, p->type, line_address)) {
        fprintf(rules, "%s %s daddr @%s", p->later, p->ip, name);
        write_protocols(rules, of, TO, p->icmp); /* echo requests have fragments, too */
        fprintf(rules, "%s" FOREIGN, of->devices);
        fprintf(rules, "%s type echo-request %s daddr @%s%s" FOREIGN, p->family == 4 ? "icmp" : "icmpv6", p->ip, name,
                of->devices);
    }
    snprintf(name, sizeof name, "served%u_%u", p->family, of->id);
    if (of->g->routed && write_addresses(sets, of, name, SERVED, p->type, line_address))
        fprintf(rules, "%s } %s daddr @%s%s counter accept\n", p->errors, p->ip, name, of->devices);
    snprintf(name, sizeof name, "buried%u_%u", p->family, of->id);
    if (write_addresses(sets, of, name, BURIED, p->type, line_address))
        fprintf(rules, "%s } %s daddr @%s%s" FOREIGN, p->errors, p->ip, name, of->devices);
}

/* Write the rules for fragments that prey forwards from the group's sources by its devices */
static void write_fragments_from(FILE *sets, FILE *rules, const struct group *of)
{
    const struct line_family *p = of->p;
    char type[40], name[40];
    snprintf(type, sizeof type, "typeof %s", p->quoted);
    snprintf(name, sizeof name, "from%u_%u", p->family, of->id);
    if (write_addresses(sets, of, name, FROM, p->type, line_address)) {
        fprintf(rules, "%s %s saddr @%s", p->later, p->ip, name);
        write_protocols(rules, of, FROM, 0);
        fprintf(rules, "%s counter drop\n", of->devices);
    }
    snprintf(name, sizeof name, "quoted%u_%u", p->family, of->id);
    if (write_addresses(sets, of, name, FROM, type, line_number))
        fprintf(rules, "%s } %s @%s%s counter drop\n", p->errors, p->quoted, name, of->devices);
}

/* Write the rules for fragments, once for all matches with the same devices. Return 0, or -ENOMEM */
static int write_fragments(FILE *sets, FILE *rules, const struct guard *g)
{
    unsigned *ids = calloc(g->match_count + 1, sizeof *ids), *firsts = calloc(g->match_count + 1, sizeof *firsts);
    unsigned groups = 0;
    for (unsigned i = 0; ids && firsts && i < g->match_count; i++) {
        while (ids[i] < groups && !same_devices(&g->matches[i], &g->matches[firsts[ids[i]]])) ids[i]++;
        if (ids[i] == groups) firsts[groups++] = i;
    }
    for (unsigned id = 0; id < groups; id++) {
        char devices[1600] = "";
        line_devices(devices, sizeof devices, g, &g->matches[firsts[id]]);
        for (const struct line_family *p = line_families; p < line_families + LINE_FAMILIES; p++) {
            const struct group of = {g, p, ids, id, devices};
            write_fragments_to(sets, rules, &of);
            write_fragments_from(sets, rules, &of);
        }
    }
    const int failed = ids && firsts ? 0 : -ENOMEM;
    free(ids);
    free(firsts);
    return failed;
}

static bool has_back(const struct guard *g, unsigned family)
{
    bool any = false;
    for (unsigned i = 0; i < g->match_count; i++)
        any |= g->matches[i].proxied == GUARD_RETURNS && g->matches[i].from.lo.family == family;
    return any;
}

static void write_back_sets(FILE *sets, const struct guard *g)
{
    for (const struct line_family *p = line_families; p < line_families + LINE_FAMILIES; p++) {
        const struct group all = {.g = g, .p = p};
        char type[40], name[40];
        snprintf(type, sizeof type, "typeof %s", p->quoted);
        snprintf(name, sizeof name, "back%u", p->family);
        write_addresses(sets, &all, name, BACK, p->type, line_address);
        snprintf(name, sizeof name, "about%u", p->family);
        write_addresses(sets, &all, name, BACK, type, line_number);
    }
}

/* Write the rules for packets back to clients' addresses, and ICMP errors about packets to them */
static void write_back(FILE *rules, const struct guard *g, const char *what)
{
    for (const struct line_family *p = line_families; p < line_families + LINE_FAMILIES; p++) {
        if (!has_back(g, p->family)) continue;
        fprintf(rules, "%s saddr @back%u meta l4proto tcp %s\n", p->ip, p->family, what);
        fprintf(rules, "%s } %s @about%u %s\n", p->errors, p->quoted, p->family, what);
    }
}

static void write_names(FILE *out, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++) fprintf(out, "%s\"%s\"", i ? ", " : "", names[i]);
}

#define CROSSES "fib daddr type unicast fib daddr oifname { "

/* Write the rules for packets between interfaces: with a foreign unicast destination, by a route out of a port */
static void write_routed(FILE *rules, const struct guard *g)
{
    static const char *const of[] = {"meta protocol ip", "ip6 daddr != fe80::/10"};
    for (unsigned i = 0; i < 2; i++) {
        fprintf(rules, "%s " CROSSES, of[i]);
        write_names(rules, g->ports, g->port_count);
        fprintf(rules, " } counter drop\n");
    }
}

static void write_lines(FILE *sets, FILE *rules, const struct guard *g, struct line *lines)
{
    unsigned count = 0;
    for (unsigned i = 0; i < g->match_count; i++) {
        const struct guard_match *m = &g->matches[i];
        if (m->proxied == GUARD_ANSWERS || m->hides) continue;
        if (m->proxied != GUARD_RETURNS || m->from_ports.hi < UINT16_MAX) lines[count++] = line_of(g, m, false);
        if (g->routed && m->proxied == GUARD_OPENERS) lines[count++] = line_of(g, m, true);
    }
    lines_write(sets, rules, lines, count);
}

static bool has_untaken(const struct guard *g)
{
    bool any = false;
    for (unsigned i = 0; i < g->match_count; i++) any |= g->matches[i].hides == GUARD_HIDES_UNTAKEN;
    return any;
}

/* Packets to ports of the set `untaken`, which write_untaken_set writes */
#define UNTAKEN "meta l4proto { tcp, udp } th dport @untaken fib daddr type local "

static void write_untaken_set(FILE *sets, const struct guard *g)
{
    bool any = false;
    fprintf(sets, "set untaken { type inet_service; flags interval; auto-merge; elements = { ");
    for (unsigned i = 0; i < g->match_count; i++) {
        const struct guard_match *m = &g->matches[i];
        if (m->hides != GUARD_HIDES_UNTAKEN) continue;
        fprintf(sets, any ? ", %u-%u" : "%u-%u", m->to_ports.lo, m->to_ports.hi);
        any = true;
    }
    fprintf(sets, " } }\n");
}

/* Write the chain that hides packets that no socket of the host takes. The ingress has marked candidates, because
 * sockets can be looked up only behind it. The chain is before reassembly, where hidden packets must not wait. If a
 * socket takes a packet that prey gave back, it has its own copy. `socket transparent { 0, 1 }` matches every socket,
 * also one in TIME_WAIT, which `socket wildcard` and `socket mark` don't. */
static void write_untaken(FILE *sets, FILE *rules, const struct guard *g)
{
    write_untaken_set(sets, g);
    fprintf(rules, "chain untaken {\ntype filter hook prerouting priority -505; policy accept;\n");
    if (g->given) fprintf(rules, "iifname \"%s\" " UNTAKEN "socket transparent { 0, 1 } counter drop\n", g->given);
    fprintf(rules,
            "meta mark & 0x%x == 0 accept\nmeta l4proto != { tcp, udp } accept\n"
            "meta mark set meta mark & 0x%x\nsocket transparent { 0, 1 } accept\ncounter drop\n}\n",
            GUARD_MARK, ~GUARD_MARK);
}

/* Write the ingress table, before the host's stack sees anything */
static int write_ingress(FILE *sets, FILE *rules, const struct guard *g)
{
    struct line *lines = calloc(2 * g->match_count + 1, sizeof *lines);
    if (!lines) return -ENOMEM;
    if (g->bridged_count) {
        fprintf(rules, "iifname { ");
        write_names(rules, g->bridged, g->bridged_count);
        fprintf(rules, " } counter drop\n");
    }
    shut_ports_write(sets, rules, g);
    write_lines(sets, rules, g, lines);
    if (has_untaken(g)) {
        write_untaken_set(sets, g);
        fprintf(rules, UNTAKEN "meta mark set meta mark | 0x%x\n", GUARD_MARK);
    }
    const int failed = write_fragments(sets, rules, g);
    if (g->routed) write_back_sets(sets, g);
    if (g->routed) write_back(rules, g, "counter accept");
    if (g->routed) write_routed(rules, g);
    line_chain(sets, g, "guard", -500);
    fprintf(rules, "}\n");
    free(lines);
    return failed;
}

/* Write the chain at prerouting, before the host's routing: packets for a socket are marked; if prey carries traffic
 * between interfaces, other packets are dropped as at the ingress */
static int write_prerouting(FILE *sets, FILE *rules, const struct guard *g)
{
    char marks[100], *crosses = NULL;
    size_t len;
    FILE *f = g->routed ? open_memstream(&crosses, &len) : NULL;
    snprintf(marks, sizeof marks, "socket transparent 1 meta mark set meta mark | 0x%x counter accept", GUARD_MARK);
    write_back_sets(sets, g);
    fprintf(rules, "chain back {\ntype filter hook prerouting priority mangle; policy accept;\n");
    write_back(rules, g, marks);
    if (!g->routed) return fprintf(rules, "}\n") < 0 ? -ENOMEM : 0;
    if (!f) return -ENOMEM;
    fprintf(f, "iifname { ");
    write_names(f, g->ports, g->port_count);
    fprintf(f, " } " CROSSES);
    write_names(f, g->ports, g->port_count);
    fprintf(f, " } counter drop");
    if (!fclose(f)) write_back(rules, g, crosses);
    free(crosses);
    fprintf(rules, "}\n");
    return 0;
}

/* Write the chain that drops packets that the host would forward from one port to another: the look-ups at the
 * ingress don't know policy rules by incoming interface. With br_netfilter, packets that cross within a bridge come
 * here, too, and must pass. Packets that policy rules route back to their incoming bridge pass, too, because nothing
 * distinguishes the two. */
static void write_forward(FILE *rules, const struct guard *g)
{
    static const char *const came[] = {"iifname", "meta sdifname"}; /* in a VRF, iifname is the VRF's device */
    fprintf(rules, "chain across {\ntype filter hook forward priority -300; policy accept;\nmeta iifkind \"bridge\" "
                   "iifname . oifname { ");
    for (unsigned i = 0; i < g->port_count; i++)
        fprintf(rules, "%s\"%s\" . \"%s\"", i ? ", " : "", g->ports[i], g->ports[i]);
    fprintf(rules, " } counter accept\n");
    for (unsigned i = 0; i < sizeof came / sizeof *came; i++) {
        fprintf(rules, "%s { ", came[i]);
        write_names(rules, g->ports, g->port_count);
        fprintf(rules, " } oifname { ");
        write_names(rules, g->ports, g->port_count);
        fprintf(rules, " } counter drop\n");
    }
    fprintf(rules, "}\n");
}

/* Write the table at hooks of the host's stack */
static int write_stack(FILE *sets, FILE *rules, const struct guard *g)
{
    shut_write(rules, g);
    if (g->routed && g->port_count) write_forward(rules, g);
    if (has_untaken(g)) write_untaken(sets, rules, g);
    return has_back(g, 4) || has_back(g, 6) ? write_prerouting(sets, rules, g) : 0;
}

/* Append a family's table to out: it replaces the former table, or removes it if not `wanted` */
static int write_table(FILE *out, const char *family, const char *name, const struct guard *g, bool wanted,
                       int (*write)(FILE *sets, FILE *rules, const struct guard *g))
{
    char *text[2] = {0};
    size_t len[2];
    int failed = 0;
    fprintf(out, "table %s %s\ndelete table %s %s\n", family, name, family, name);
    if (!wanted) return 0;
    FILE *sets = open_memstream(&text[0], &len[0]), *rules = open_memstream(&text[1], &len[1]);
    failed = sets && rules ? write(sets, rules, g) : -ENOMEM;
    if (sets && fclose(sets)) failed = -ENOMEM;
    if (rules && fclose(rules)) failed = -ENOMEM;
    if (!failed) fprintf(out, "table %s %s {\n%s%s}\n", family, name, text[0], text[1]);
    for (int i = 0; i < 2; i++) free(text[i]);
    return failed;
}

/* Return all tables as text, which the caller frees; NULL: out of memory */
static char *tables_text(const char *name, const struct guard *g)
{
    char *all = NULL;
    size_t len;
    FILE *out = open_memstream(&all, &len);
    if (!out) return NULL;
    int failed = write_table(out, "netdev", name, g, true, write_ingress);
    if (!failed)
        failed =
            write_table(out, "inet", name, g,
                        g->shut_count || g->routed || has_back(g, 4) || has_back(g, 6) || has_untaken(g), write_stack);
    if (!failed) failed = peers_write(out, name, g);
    if (!fclose(out) && !failed) return all;
    free(all);
    return NULL;
}

/* Run the text in one transaction. nftables' message goes to err. */
static int run(const char *text, char *err, size_t err_len)
{
    struct nft_ctx *nft = nft_open();
    if (!nft) return -errno;
    const int failed = nft_run_cmd_from_buffer(nft, text);
    const char *why = failed ? nft_ctx_get_error_buffer(nft) : "";
    snprintf(err, err_len, "%.*s", (int)strcspn(why, "\n"), why);
    nft_ctx_free(nft);
    return failed ? -EPERM : 0;
}

/* Return the first inexpressible interface name; NULL: none */
static const char *odd_name(const struct guard *g)
{
    for (unsigned i = 0; i < g->port_count; i++)
        if (!guard_names(g->ports[i])) return g->ports[i];
    for (unsigned i = 0; i < g->match_count; i++) {
        const struct guard_match *m = &g->matches[i];
        if (*m->in && !can_match(m->in)) return m->in;
        if (*m->out && !can_match(m->out)) return m->out;
        for (unsigned k = 0; k < GUARD_BUT_MOST; k++) {
            if (*m->not_in.name[k] && !can_match(m->not_in.name[k])) return m->not_in.name[k];
            if (*m->not_out.name[k] && !can_match(m->not_out.name[k])) return m->not_out.name[k];
        }
    }
    return NULL;
}

int guard_set(struct state *s, const char *instance, const struct guard *g, char *err, size_t err_len)
{
    char table[GUARD_TABLE_MOST], why[300] = "";
    const char *odd = odd_name(g);
    if (odd) {
        snprintf(err, err_len,
                 "guard rules can't name the interface `%s`; to rename it, run: ip link set dev '%s' "
                 "name NAME",
                 odd, odd);
        return -EINVAL;
    }
    guard_table_name(instance, table);
    char *text = tables_text(table, g);
    int failed = !text ? -ENOMEM : s ? state_note(s, CHANGE_GUARD, table, "", "") : 0;
    if (!failed) failed = run(text, why, sizeof why);
    if (failed) snprintf(err, err_len, "prey can't set its guard rules: %s", *why ? why : strerror(-failed));
    free(text);
    return failed;
}

int guard_undo(const char *what, const char *before, const char *after)
{
    static const char *const families[] = {"netdev", "inet"}, *const ends[] = {"", PEERS_SUFFIX};
    char text[8 * GUARD_TABLE_MOST + 256] = "", table[GUARD_TABLE_MOST + sizeof PEERS_SUFFIX], why[300];
    if (strspn(what, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != strlen(what)) return 0;
    if (strlen(what) >= GUARD_TABLE_MOST) return 0;
    for (unsigned i = 0; i < 4; i++) {
        snprintf(table, sizeof table, "%s%s", what, ends[i / 2]);
        line_add(text, sizeof text, "table %s %s\ndelete table %s %s\n", families[i % 2], table, families[i % 2],
                 table);
    }
    return run(text, why, sizeof why);
}
