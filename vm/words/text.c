/* Words for addresses, fields and conditions (words_priv.h). */
#include <arpa/inet.h>
#include <stdarg.h>
#include <string.h>

#include "vm/tables.h"
#include "vm/words/words.h"
#include "vm/words/words_priv.h"

void text_add(struct text *t, const char *format, ...)
{
    va_list args;
    if (t->used + 1 >= t->len) return;
    va_start(args, format);
    int n = vsnprintf(t->buf + t->used, t->len - t->used, format, args);
    va_end(args);
    if (n > 0) t->used += (size_t)n;
    if (t->used >= t->len) t->used = t->len - 1;
}

void text_add_name(struct text *t, const char *name)
{
    for (; *name && t->used + 1 < t->len; name++) {
        unsigned char c = (unsigned char)*name;
        t->buf[t->used++] = c < 0x20 || c == 0x7f ? '?' : *name;
    }
    if (t->len) t->buf[t->used] = '\0';
}

void text_add_mac(struct text *t, uint64_t mac)
{
    for (int shift = 40; shift >= 0; shift -= 8)
        text_add(t, "%s%02x", shift == 40 ? "" : ":", (unsigned)(mac >> shift & 0xff));
}

const char *address_text(unsigned family, const uint32_t addr[4], char buf[INET6_ADDRSTRLEN])
{
    const uint32_t be[4] = {htonl(addr[0]), htonl(addr[1]), htonl(addr[2]), htonl(addr[3])};
    return inet_ntop(family == 6 ? AF_INET6 : AF_INET, be, buf, INET6_ADDRSTRLEN);
}

void text_add_address(struct text *t, const uint32_t a[4], bool v6)
{
    char name[INET6_ADDRSTRLEN];
    text_add(t, "%s", address_text(v6 ? 6 : 4, a, name));
}

typedef unsigned __int128 u128;

static void add_long_address(struct text *t, u128 a)
{
    const uint32_t words[4] = {(uint32_t)(a >> 96), (uint32_t)(a >> 64), (uint32_t)(a >> 32), (uint32_t)a};
    text_add_address(t, words, true);
}

void text_add_range4(struct text *t, const struct pbc_range *r)
{
    uint32_t span = r->hi ^ r->lo;
    text_add_address(t, (const uint32_t[4]){r->lo}, false);
    if (r->lo == r->hi) return;
    if ((span & (span + 1)) == 0 && (r->lo & span) == 0) {
        text_add(t, "/%d", __builtin_clz(span));
    } else {
        text_add(t, "-");
        text_add_address(t, (const uint32_t[4]){r->hi}, false);
    }
}

void text_add_range6(struct text *t, const struct pbc_range6 *r)
{
    u128 lo = (u128)r->lo_hi << 64 | r->lo_lo, hi = (u128)r->hi_hi << 64 | r->hi_lo, span = hi ^ lo;
    add_long_address(t, lo);
    if (lo == hi) return;
    if ((span & (span + 1)) == 0 && (lo & span) == 0) {
        uint64_t upper = (uint64_t)(span >> 64);
        text_add(t, "/%d", upper ? __builtin_clzll(upper) : 64 + __builtin_clzll((uint64_t)span));
    } else {
        text_add(t, "-");
        add_long_address(t, hi);
    }
}

void range4_print(const struct pbc_range *r, FILE *out)
{
    char line[2 * INET6_ADDRSTRLEN];
    struct text t = text_of(line, sizeof line);
    text_add_range4(&t, r);
    fputs(line, out);
}

void range6_print(const struct pbc_range6 *r, FILE *out)
{
    char line[2 * INET6_ADDRSTRLEN];
    struct text t = text_of(line, sizeof line);
    text_add_range6(&t, r);
    fputs(line, out);
}

void text_add_set(struct text *t, const struct program *p, uint32_t set)
{
    const struct pbc_set *s = &p->sets[set];
    if (s->name)
        text_add_name(t, program_str(p, s->name));
    else if (s->count4 == 1 && s->count6 == 0)
        text_add_range4(t, &p->set4[s->first4]);
    else if (s->count4 == 0 && s->count6 == 1)
        text_add_range6(t, &p->set6[s->first6]);
    else
        text_add(t, "set %u", set);
}

void text_add_macset(struct text *t, const struct program *p, uint32_t set)
{
    const struct pbc_set *s = &p->macsets[set];
    if (s->name)
        text_add_name(t, program_str(p, s->name));
    else if (s->count4 == 1)
        text_add_mac(t, p->macs[s->first4]);
    else
        text_add(t, "MAC set %u", set);
}

/* Add the list's name, or its entries. */
static void text_add_names(struct text *t, const struct program *p, uint32_t list)
{
    const struct pbc_names *l = &p->names[list];
    if (l->name) {
        text_add_name(t, program_str(p, l->name));
        return;
    }
    for (uint32_t i = 0; i < l->count; i++) {
        text_add(t, i ? ", \"" : "\"");
        text_add_name(t, program_str(p, p->hosts[l->first + i]));
        text_add(t, "\"");
    }
}

void text_add_iface(struct text *t, const struct program *p, uint32_t iface)
{
    if (iface >= p->ifaces_count)
        text_add(t, "one that the rules don't name");
    else if (p->ifaces[iface].name)
        text_add_name(t, program_str(p, p->ifaces[iface].name));
    else
        text_add_name(t, program_str(p, p->ifaces[iface].device));
}

void text_add_pattern(struct text *t, const struct pbc_pattern *pattern)
{
    static const char *const layers[] = {[PBC_L2] = "l2", [PBC_L3] = "l3", [PBC_L4] = "l4", [PBC_PAYLOAD] = "payload"};
    bool whole = true;
    text_add(t, "%s at %u is%s", layers[pattern->layer], pattern->at, pattern->is_not ? " not" : "");
    for (unsigned i = 0; i < pattern->len; i++) {
        text_add(t, " %02x", pattern->value[i]);
        if (pattern->mask[i] != 0xff) whole = false;
    }
    if (whole) return;
    text_add(t, " mask");
    for (unsigned i = 0; i < pattern->len; i++) text_add(t, " %02x", pattern->mask[i]);
}

struct word {
    uint32_t bit;
    const char *name;
};

static const struct word flag_words[] = {
    {TCP_FIN, "fin"}, {TCP_SYN, "syn"}, {TCP_RST, "rst"}, {TCP_PSH, "psh"}, {TCP_ACK, "ack"},
    {TCP_URG, "urg"}, {TCP_ECE, "ece"}, {TCP_CWR, "cwr"}, {0, NULL},
};
static const struct word kind_words[] = {
    {KIND_IP4, "ip"},
    {KIND_IP6, "ip6"},
    {KIND_ARP, "arp"},
#define UPPERS_ALONE
#define UPPER(ident, number, name, families, there, header, sum) {KIND_##ident, name},
#include "vm/proto.def"
    {KIND_AH, "ah"},
    {KIND_PROTO, "proto"},
    {KIND_PORTS, "ports"},
    {KIND_TCP_FLAGS, "flags"},
    {KIND_ICMP_HEADER, "icmp_header"},
    {KIND_FRAG_NO, "frag_no"},
    {KIND_FRAG_FIRST, "frag_first"},
    {KIND_FRAG_LATER, "frag_later"},
    {KIND_OPTIONS, "options"},
    {KIND_VLAN, "vlan"},
    {KIND_VLAN2, "vlan2"},
    {KIND_SRC_SELF, "src_self"},
    {KIND_DST_SELF, "dst_self"},
    {KIND_IN, "in"},
    {KIND_OUT, "out"},
    {KIND_FORWARD, "forward"},
    {KIND_ETHER, "ether"},
    {KIND_ETHERTYPE, "ethertype"},
    {KIND_ND, "nd"},
    {0, NULL},
};
static const struct word fragment_words[] = {
    {KIND_FRAG_FIRST, "first"},
    {KIND_FRAG_LATER, "later"},
    {KIND_FRAG_NO, "no"},
    {0, NULL},
};
static const struct word state_words[] = {
    {MARK_NEW, "new"}, {MARK_ESTABLISHED, "established"}, {MARK_RELATED, "related"}, {MARK_INVALID, "invalid"},
    {0, NULL},
};
static const struct word self_words[] = {{KIND_SRC_SELF, "self"}, {KIND_DST_SELF, "self"}, {0, NULL}};
static const struct word vlan_words[] = {{VLAN_ANY, "any"}, {VLAN_NONE, "none"}, {0, NULL}};
static const struct word mac_words[] = {{MAC_MULTICAST, "multicast"}, {MAC_BROADCAST, "broadcast"}, {0, NULL}};
static const struct word no_words[] = {{0, NULL}};

static void add_words(struct text *t, const struct word *words, uint32_t bits, const char *between)
{
    const char *comma = "";
    for (; words->name; words++) {
        if (!(bits & words->bit)) continue;
        text_add(t, "%s%s", comma, words->name);
        comma = between;
    }
}

void text_add_flags(struct text *t, uint32_t flags) { add_words(t, flag_words, flags, ", "); }

void text_add_kind(struct text *t, uint32_t kind, const char *between)
{
    uint32_t known = 0;
    for (const struct word *w = kind_words; w->name; w++) known |= w->bit;
    add_words(t, kind_words, kind, between);
    if (kind & ~known) text_add(t, "%s0x%x", kind & known ? between : "", kind & ~known);
}

void text_add_states(struct text *t, uint32_t marks)
{
    const char *between = "";
    for (const struct word *w = state_words; w->name; w++) {
        if (!(marks & w->bit)) continue;
        text_add(t, "%s%s", between, w->name);
        between = "|";
    }
}

/* Words for the bits of a condition's arg in its list. */
static const struct word *const arg_words[COND_COUNT] = {
#define COND(ident, name, code, operands, has, args, words, traits, lacks, doc) [COND_##ident] = words##_words,
#include "vm/cond.def"
};

/* Add the *i-th word whose bit is set; if there are fewer, *i then counts from the operands. */
static bool add_word(struct text *t, const struct pbc_cond *c, uint32_t *i)
{
    for (const struct word *w = arg_words[c->kind]; w->name; w++) {
        if (!(c->arg & w->bit)) continue;
        if (*i == 0) {
            text_add(t, "%s", w->name);
            return true;
        }
        (*i)--;
    }
    return false;
}

void text_add_value(struct text *t, const struct program *p, const struct pbc_cond *c, uint32_t value)
{
    const char *name = NULL;
    if (c->kind == COND_PROTO) name = proto_name(value % PBC_PROTO_IP4);
    if (c->kind == COND_ICMP_TYPE) name = icmp_type_name(c->arg & KIND_ICMP6 ? 6 : 4, value);
    if (cond_info[c->kind].traits & COND_IFACES)
        text_add_iface(t, p, value);
    else if (name)
        text_add(t, "%s", name);
    else
        text_add(t, c->kind == COND_ETHER ? "0x%04x" : "%u", value);
}

/* Add a range. Protocols and types in it are numbers, since names would not show its extent. */
static void add_value_range(struct text *t, const struct program *p, const struct pbc_cond *c,
                            const struct pbc_range *r)
{
    if (r->lo == r->hi) {
        text_add_value(t, p, c, r->lo);
    } else {
        text_add(t, c->kind == COND_ETHER ? "0x%04x-0x%04x" : "%u-%u", r->lo, r->hi);
    }
}

/* Add the fields that replace a list: flags and options. */
static bool add_single(struct text *t, const struct pbc_cond *c)
{
    if (c->kind == COND_OPTIONS) text_add(t, c->arg ? "any" : "none");
    if (c->kind == COND_FLAGS) {
        const char *space = c->arg & 0xff && c->arg >> 8 ? " " : "";
        if (c->arg & 0xff) text_add(t, "has ");
        text_add_flags(t, c->arg & 0xff);
        text_add(t, "%s", space);
        if (c->arg >> 8) text_add(t, "lacks ");
        text_add_flags(t, c->arg >> 8);
    }
    return c->kind == COND_OPTIONS || c->kind == COND_FLAGS;
}

static bool asks_for(const struct program *p, const struct pbc_cond *c, uint32_t iface)
{
    uint32_t i = 0;
    while (i < c->count && (iface < p->ranges[c->first + i].lo || iface > p->ranges[c->first + i].hi)) i++;
    return i < c->count;
}

/* Add the i-th interface of the list, not counting those that a pattern in it holds. */
static bool add_listed_iface(struct text *t, const struct program *p, const struct pbc_cond *c, uint32_t i)
{
    const struct iface_table ifaces = program_ifaces(p);
    for (uint32_t id = 0; id < ifaces.count; id++) {
        const uint32_t around = iface_around(&ifaces, id);
        if (!asks_for(p, c, id) || (around != PBC_NONE && asks_for(p, c, around)) || i--) continue;
        text_add_iface(t, p, id);
        return true;
    }
    return false;
}

/* Add the i-th schedule of the mask. */
static bool add_schedule_name(struct text *t, const struct program *p, uint32_t mask, uint32_t i)
{
    for (; mask && i; i--) mask &= mask - 1;
    if (mask) text_add_name(t, program_str(p, p->schedules[__builtin_ctz(mask)].name));
    return mask != 0;
}

bool text_add_item(struct text *t, const struct program *p, const struct pbc_cond *c, uint32_t i)
{
    if (i == 0 && add_single(t, c)) return true;
    if (c->flags & PBC_COND_ANY) {
        if (i == 0) text_add(t, "any");
        return i == 0;
    }
    if (c->kind == COND_DURING) return add_schedule_name(t, p, c->arg, i);
    if (cond_info[c->kind].traits & COND_ALONE) return false;
    if (cond_info[c->kind].traits & COND_IFACES) return add_listed_iface(t, p, c, i);
    if (add_word(t, c, &i)) return true;
    if (i >= c->count) return false;
    switch ((enum cond_operands)cond_info[c->kind].operands) {
    case OPERANDS_RANGES: add_value_range(t, p, c, &p->ranges[c->first + i]); return true;
    case OPERANDS_SETS: text_add_set(t, p, c->first + i); return true;
    case OPERANDS_MACSETS: text_add_macset(t, p, c->first + i); return true;
    case OPERANDS_PATTERN: text_add_pattern(t, &p->patterns[c->first + i]); return true;
    case OPERANDS_METER: text_add_name(t, program_str(p, p->meters[c->first + i].name)); return true;
    case OPERANDS_NAMES: text_add_names(t, p, c->first + i); return true;
    case OPERANDS_GRAIN: text_add_flows_over(t, c->arg, &p->grains[c->first + i]); return true;
    case OPERANDS_NONE: break;
    }
    return false;
}
