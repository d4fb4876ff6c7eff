/* Conditions on the kind of packet: family, protocol, Ethernet type, ICMP type and code */
#include <string.h>

#include "compiler/resolve/conditions/conditions.h"
#include "vm/packet/key.h"
#include "vm/packet/parse/header.h"

/* Classes of words; the words of one list have one class */
enum word_class { CLASS_FAMILY, CLASS_PROTOCOL, CLASS_ARP };
static const struct proto_row {
    uint32_t kind; /* bit of key.kind; 0: known by its number */
    uint8_t class; /* enum word_class */
    const char *name;
    uint32_t families; /* families that have the protocol */
    uint32_t number;   /* number, as COND_PROTO compares it */
} proto_rows[] = {
    [PW_IP] = {KIND_IP4, CLASS_FAMILY, "ip", KIND_IP4, 0},
    [PW_IP6] = {KIND_IP6, CLASS_FAMILY, "ip6", KIND_IP6, 0},
    [PW_ARP] = {KIND_ARP, CLASS_ARP, "arp", KIND_ARP, 0},
#define PROTO(...)
#define CARRIED(ident, number, name, families) [PW_##ident] = {KIND_##ident, CLASS_PROTOCOL, name, families, 0},
#define SPOKEN(ident, number, name, families)                                                                          \
    [PW_##ident] = {0, CLASS_PROTOCOL, name, families, (number) + ((families) == KIND_IP4 ? PBC_PROTO_IP4 : 0u)},
#define UPPER(ident, number, name, families, there, header, sum)                                                       \
    [PW_##ident] = {KIND_##ident, CLASS_PROTOCOL, name, families, 0},
#include "vm/proto.def"
};

static const struct word protocol_words[] = {
#define PROTO(ident, number, name) {name, number},
#include "vm/proto.def"
#undef PROTO
    {NULL, 0}};
const struct number_kind protocol_kind = {.what = "a protocol number",
                                          .range = "protocol numbers go from 0 to 255",
                                          .most = 255,
                                          .words = protocol_words,
                                          .words_what = "protocol"};

static const struct word icmp4_words[] = {
#define ICMP_TYPE(family, type, name) {(family) == 4 ? (name) : "-", type},
#include "vm/icmp.def"
    {NULL, 0}};
static const struct word icmp6_words[] = {
#define ICMP_TYPE(family, type, name) {(family) == 6 ? (name) : "-", type},
#include "vm/icmp.def"
    {"nd", 256}, /* not a type: handled before types are looked up */
    {NULL, 0}};
const struct number_kind icmp_type_kinds[2] = {
    {.what = "an ICMP type",
     .range = "ICMP types go from 0 to 255",
     .most = 255,
     .words = icmp4_words,
     .words_what = "ICMP type"},
    {.what = "an ICMPv6 type",
     .range = "ICMPv6 types go from 0 to 255",
     .most = 255,
     .words = icmp6_words,
     .words_what = "ICMPv6 type"},
};
static const struct number_kind ether_kind = {
    .what = "an Ethernet type",
    .range = "Ethernet types go from 0x0600 to 0xffff (below that the field is a length)",
    .least = 0x600,
    .most = 0xffff};

const char *proto_word_name(const struct node *word) { return proto_rows[word->v.i].name; }

/* True if all words of the list have one class; else report. */
static bool one_class(struct rule_work *w, const struct node *n)
{
    const struct proto_row *first = &proto_rows[n->first->v.i];
    node_each(word, n)
    {
        const struct proto_row *row = &proto_rows[word->v.i];
        if (row->class == first->class) continue;
        diag(w->c->diags, E_MIXED_WORDS, word->span,
             "`%s` and `%s` can't share a list: families, protocols and `arp` are separate conditions", first->name,
             row->name);
        if (row->class != CLASS_ARP && first->class != CLASS_ARP)
            diag_advise(w->c->diags, "to require both, remove the comma: `%s %s`",
                        first->class == CLASS_FAMILY ? first->name : row->name,
                        first->class == CLASS_FAMILY ? row->name : first->name);
        w->bad = true;
        return false;
    }
    return true;
}

static bool stands_once(struct rule_work *w, const struct node *n, const struct node **seen, const char *what)
{
    if (!*seen) {
        *seen = n;
        return true;
    }
    diag(w->c->diags, E_CONDITION_TWICE, n->span, "%s is written twice", what);
    diag_note(w->c->diags, (*seen)->span, "the first one is here; write one list, as in `a, b`");
    w->bad = true;
    return false;
}

/* Return the bits of protocols that the word may match. A word known by number has OTHER_PROTOCOLS only. `ah` has
 * all bits, since any protocol may follow it. */
static uint32_t bits_of_row(const struct proto_row *row)
{
    if (row->kind == KIND_AH) return KIND_UPPER | OTHER_PROTOCOLS;
    return row->kind ? row->kind : OTHER_PROTOCOLS;
}

static void add_protocol(struct rule_work *w, const struct node *n, uint32_t mask)
{
    const bool negated = says_not(n);
    struct number_set numbers = {0};
    uint32_t bits = 0, families = 0;
    if (!stands_once(w, n, &w->protocol_node, "a protocol")) return;
    node_each(word, n)
    {
        const struct proto_row *row = &proto_rows[word->v.i];
        bits |= bits_of_row(row);
        families |= row->families;
        if (!row->kind) numbers_add(w->c, &numbers, row->number, row->number);
        if (!negated && !(bits_of_row(row) & KIND_WITH_PORTS)) w->no_port_protocol = word;
    }
    numbers_normalise(&numbers);
    w->protocols &= negated ? ~mask : bits;
    w->families &= KIND_IP4 | KIND_IP6;
    if (!negated && families != (KIND_IP4 | KIND_IP6)) w->proto_family = families;
    struct pbc_cond *cond = cond_add(w, COND_PROTO, n);
    if (!cond) return;
    cond->arg = mask;
    if (numbers.n) cond_ranges(w, cond, &numbers);
}

void cond_protocols(struct rule_work *w, const struct node *n)
{
    uint32_t mask = 0;
    if (!n->first || !one_class(w, n)) return;
    node_each(word, n) mask |= proto_rows[word->v.i].kind;
    if (proto_rows[n->first->v.i].class == CLASS_PROTOCOL) {
        add_protocol(w, n, mask);
        return;
    }
    const bool negated = says_not(n);
    if (!stands_once(w, n, &w->family_node, "a family")) return;
    w->named_families = negated ? ~mask : mask;
    w->families &= w->named_families;
    if (mask == KIND_ARP && !negated) w->names_arp = w->only_arp = true;
    struct pbc_cond *cond = cond_add(w, COND_FAMILY, n);
    if (cond) cond->arg = mask;
}

/* Return bits of the protocols with these numbers. 1 is icmp in IPv4 only, and 58 is icmp6 in IPv6 only. */
static uint32_t protocols_of(const struct number_set *s, bool complete)
{
    uint32_t bits = 0, with_bits = 0, total = 0;
    for (unsigned i = 0; i < UPPERS; i++)
        if (numbers_hold(s, uppers[i].number)) {
            bits |= uppers[i].kind;
            with_bits += uppers[i].kind & KIND_WITH_PORTS ? 1 : 0;
        }
    for (uint32_t i = 0; i < s->n; i++) total += s->r[i].hi - s->r[i].lo + 1;
    if (complete ? total == 256 : total > with_bits) bits |= OTHER_PROTOCOLS;
    return !complete && numbers_hold(s, IPPROTO_NR_AH) ? KIND_UPPER | OTHER_PROTOCOLS : bits;
}

uint32_t protocol_of(struct compile *c, const struct node *n)
{
    struct number_set one = {0};
    const struct symbol *unused;
    return n && numbers_add_node(c, n, &protocol_kind, NULL, &one, &unused) && one.n ? one.r[0].lo : PBC_NONE;
}

/* Remove AH from a normalised set, except inside a range, and return true if the set had it. The condition asks for AH
 * by its bit. */
static bool take_ah(struct number_set *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        struct pbc_range *r = &s->r[i];
        if (r->lo > IPPROTO_NR_AH || r->hi < IPPROTO_NR_AH) continue;
        if (r->lo == r->hi)
            memmove(r, r + 1, (--s->n - i) * sizeof(*r));
        else if (r->lo == IPPROTO_NR_AH)
            r->lo++;
        else if (r->hi == IPPROTO_NR_AH)
            r->hi--;
        return true;
    }
    return false;
}

void cond_proto_numbers(struct rule_work *w, const struct node *n)
{
    struct number_set all = {0}, one = {0};
    const struct symbol *unused;
    struct pbc_cond *cond;
    bool good = true;
    node_each(child, n)
    {
        const struct node_value v = value_of(w->c, child);
        one.n = 0;
        good = numbers_add_node(w->c, child, &protocol_kind, NULL, &one, &unused) && good;
        if (one.n == 0) continue;
        numbers_add(w->c, &all, one.r[0].lo, one.r[0].hi);
        if (v.node && v.node->kind != N_RANGE) numbers_add(w->c, &w->single_protocols, one.r[0].lo, one.r[0].hi);
        if (!says_not(n) && !(protocols_of(&one, false) & KIND_WITH_PORTS)) w->no_port_protocol = child;
    }
    numbers_normalise(&all);
    numbers_normalise(&w->single_protocols);
    w->bad = w->bad || !good;
    w->protocols &= says_not(n) ? ~protocols_of(&all, true) : protocols_of(&all, false);
    w->families &= KIND_IP4 | KIND_IP6;
    const bool ah = take_ah(&all);
    cond = cond_add(w, COND_PROTO, n);
    if (!cond) return;
    if (ah) cond->arg = KIND_AH;
    if (all.n) cond_ranges(w, cond, &all);
}

static bool no_tags(struct rule_work *w, const struct node *n, const struct number_set *types)
{
    static const uint32_t tags[] = {0x8100, 0x88a8, 0x9100};
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
        if (numbers_hold(types, tags[i])) {
            diag(w->c->diags, E_ETHER_TAG, n->span, "0x%x marks a VLAN tag: `ether` compares the type behind all tags",
                 tags[i]);
            diag_advise(w->c->diags, "use `vlan any` or `vlan N`");
            return false;
        }
    return true;
}

static void narrow_by_ether(struct rule_work *w, const struct number_set *types, bool negated)
{
    static const struct {
        uint32_t type, family;
    } known[] = {{0x800, KIND_IP4}, {0x86dd, KIND_IP6}, {0x806, KIND_ARP}};
    uint32_t families = 0, listed = 0, total = 0;
    for (size_t i = 0; i < 3; i++)
        if (numbers_hold(types, known[i].type)) {
            families |= known[i].family;
            listed++;
        }
    for (uint32_t i = 0; i < types->n; i++) total += types->r[i].hi - types->r[i].lo + 1;
    if (!negated && families & KIND_ARP) {
        w->names_arp = true;
        w->only_arp = total == 1;
    }
    w->families &= negated ? ~families : families | (total > listed ? OTHER_FRAMES : 0);
}

void cond_ether(struct rule_work *w, const struct node *n)
{
    struct number_set types = {0};
    struct pbc_cond *cond;
    if (!numbers_of(w->c, n->first, &ether_kind, NULL, &types, NULL) || !no_tags(w, n, &types)) {
        w->bad = true;
        return;
    }
    narrow_by_ether(w, &types, says_not(n));
    if (!w->families && !w->families_end) w->families_end = n;
    cond = cond_add(w, COND_ETHER, n);
    if (cond) cond_ranges(w, cond, &types);
}

/* Return PW_ICMP or PW_ICMP6 if the rule names exactly one of them, else -1. */
static int icmp_of_rule(const struct rule_work *w)
{
    node_each(p, w->node)
    {
        if (p->kind != N_C_PROTO || !p->first || proto_rows[p->first->v.i].class != CLASS_PROTOCOL) continue;
        if (says_not(p) || node_count(p) != 1) return -1;
        return p->first->v.i == PW_ICMP || p->first->v.i == PW_ICMP6 ? (int)p->first->v.i : -1;
    }
    return -1;
}

static void add_neighbour_discovery(struct rule_work *w, const struct node *n, int icmp)
{
    if (icmp != PW_ICMP6) {
        diag(w->c->diags, E_ND_ALONE, n->span, "neighbour discovery is part of IPv6: write `nd` after `icmp6 type`");
        diag_advise(w->c->diags, "write `icmp6 type nd`");
        w->bad = true;
    } else if (node_count(n) > 1) {
        diag(w->c->diags, E_ND_ALONE, n->span,
             "`nd` can't be combined with other types: it means types 133 to 136 with hop limit 255");
        w->bad = true;
    } else {
        cond_add(w, COND_ICMP_ND, n);
    }
}

void cond_icmp_type(struct rule_work *w, const struct node *n)
{
    const int icmp = icmp_of_rule(w);
    struct number_set types = {0};
    struct pbc_cond *cond;
    if (icmp < 0) {
        diag(w->c->diags, E_TYPE_NEEDS_ICMP, n->span, "`type` needs exactly one of `icmp` and `icmp6` in its rule");
        diag_advise(w->c->diags, "write `icmp type ...` or `icmp6 type ...`");
        w->bad = true;
        return;
    }
    node_each(child, n) if (child->kind == N_NAME && str_is(child->v.str, "nd"))
    {
        add_neighbour_discovery(w, n, icmp);
        return;
    }
    if (!numbers_of(w->c, n->first, &icmp_type_kinds[icmp == PW_ICMP6], NULL, &types, NULL)) {
        w->bad = true;
        return;
    }
    w->single_type = types.n == 1 && types.r[0].lo == types.r[0].hi && !says_not(n);
    cond = cond_add(w, COND_ICMP_TYPE, n);
    if (cond) {
        cond->arg = icmp == PW_ICMP6 ? KIND_ICMP6 : KIND_ICMP;
        cond_ranges(w, cond, &types);
    }
}

void cond_icmp_code(struct rule_work *w, const struct node *n)
{
    struct number_set codes = {0};
    struct pbc_cond *cond;
    if (!w->bad && !w->single_type) {
        diag(w->c->diags, E_CODE_NEEDS_TYPE, n->span, "`code` needs exactly one type: `icmp type T code C`");
        if (w->seen[N_C_TYPE]) diag_note(w->c->diags, w->seen[N_C_TYPE]->span, "these are several types");
        w->bad = true;
        return;
    }
    if (!numbers_of(w->c, n->first, &icmp_code_kind, NULL, &codes, NULL)) {
        w->bad = true;
        return;
    }
    cond = cond_add(w, COND_ICMP_CODE, n);
    if (cond) cond_ranges(w, cond, &codes);
}
