/* Resolve the conditions of a rule one by one, by a table of handlers, and check that they can hold together. Meanings
 * are in the cond_*.c files. */
#include "compiler/resolve/conditions/conditions.h"

#include "vm/packet/key.h"

typedef void cond_fn(struct rule_work *w, const struct node *n);

static const struct cond_row {
    const char *name; /* the condition as written */
    cond_fn *resolve; /* handler; NULL: not supported yet, reported before */
    bool many;        /* may be more than once */
} rows[N_COUNT] = {
    [N_C_PROTO] = {"a family or protocol", cond_protocols, true}, /* cond_protocols separates families from protocols */
    [N_C_PROTO_NUM] = {"`proto`", cond_proto_numbers, false},
    [N_C_ETHER] = {"`ether`", cond_ether, false},
    [N_C_FROM] = {"`from`", cond_addresses, false},
    [N_C_TO] = {"`to`", cond_addresses, false},
    [N_C_PORT] = {"`port`", cond_ports, false},
    [N_C_SPORT] = {"`source port`", cond_ports, false},
    [N_C_TYPE] = {"`type`", cond_icmp_type, false},
    [N_C_CODE] = {"`code`", cond_icmp_code, false},
    [N_C_ON] = {"`on`", cond_on, false},
    [N_C_OUT_ON] = {"`out on`", cond_out_on, false},
    [N_C_URPF] = {"`urpf-failed`", cond_urpf, false},
    [N_C_VLAN] = {"`vlan`", cond_vlan, false},
    [N_C_INNER] = {"`inner`", cond_inner, false},
    [N_C_ETHER_FROM] = {"`ether from`", cond_macs, false},
    [N_C_ETHER_TO] = {"`ether to`", cond_macs, false},
    [N_C_FLAGS] = {"`flags`", cond_flags, false},
    [N_C_STATE] = {"`state`", cond_state, false},
    [N_C_FRAGMENT] = {"`fragment`", cond_fragment, false},
#define IP_NUMBERS_ALONE
#define IP_NUMBER(ident, name, ...) [N_C_##ident] = {"`" name "`", cond_numbers, false},
#include "vm/cond.def"
    [N_C_OPTIONS] = {"`options`", cond_options, false},
    [N_C_BYTES] = {"`bytes`", cond_bytes, true},
    [N_C_OVER] = {"`over`", cond_meter, true},
    [N_C_WITHIN] = {"`within`", cond_meter, true},
    [N_C_DURING] = {"`during`", cond_during, false},
    [N_C_FLOWS] = {"`flows over`", cond_flows, false},
};

bool says_not(const struct node *n)
{
    return n->flags & NF_NOT || (n->first && n->first->kind == N_LIST && n->first->flags & NF_NOT);
}

struct pbc_cond *cond_add(struct rule_work *w, uint8_t kind, const struct node *n)
{
    struct image *img = w->c->image;
    struct pbc_cond *cond = image_add_conds(img);
    if (!cond) {
        report_full(w->c, n->span, "conditions", 1u << 24);
        return NULL;
    }
    img->cond_span[img->conds_count - 1] = n->span;
    cond->kind = kind;
    cond->flags = says_not(n) ? PBC_COND_NOT : 0;
    cond->place = place_of(w->c, n->span);
    return cond;
}

bool cond_ranges(struct rule_work *w, struct pbc_cond *cond, const struct number_set *numbers)
{
    const uint32_t first = image_share(w->c->image, PBC_RANGES, numbers->r, numbers->n);
    if (first == PBC_NONE) {
        report_full(w->c, w->node->span, "ranges of numbers", 1u << 24);
        return false;
    }
    cond->first = first;
    cond->count = numbers->n;
    return true;
}

static void resolve_one(struct rule_work *w, const struct node *n)
{
    const struct cond_row *row = &rows[n->kind];
    const struct node *before = w->seen[n->kind];
    if (before && !row->many) {
        diag(w->c->diags, E_CONDITION_TWICE, n->span, "%s is written twice", row->name);
        diag_note(w->c->diags, before->span,
                  n->kind == N_C_FLOWS || n->kind == N_C_URPF ? "the first one is here"
                                                              : "the first one is here; write one list, as in `a, b`");
        w->bad = true;
        return;
    }
    w->seen[n->kind] = before ? before : n;
    row->resolve(w, n);
}

void conditions_resolve(struct rule_work *w)
{
    w->families = KIND_IP4 | KIND_IP6 | KIND_ARP | OTHER_FRAMES;
    w->protocols = KIND_UPPER | OTHER_PROTOCOLS;
    if (w->opener) opener_conditions(w);
    node_each(n, w->node) if (rows[n->kind].resolve) resolve_one(w, n);
    if (!w->bad && !w->not_due) check_together(w);
}

void warn_never(struct rule_work *w, const struct node *n, const char *why)
{
    diag(w->c->diags, W_NEVER_MATCHES, n->span, "this %s can never match: %s", n == w->node ? "statement" : "condition",
         why);
    w->bad = w->never = true; /* one such warning for each rule */
}

static void check_arp(struct rule_work *w)
{
    const struct node *n = w->seen[N_C_FROM] ? w->seen[N_C_FROM] : w->seen[N_C_TO];
    if (!w->only_arp || !n) return;
    diag(w->c->diags, E_ARP_ADDRESS, n->span, "`%s` doesn't work with `arp`, because ARP packets have no IP header",
         n->kind == N_C_FROM ? "from" : "to");
    w->bad = true;
}

/* Write the protocols that have ports: "a, b or c". */
static const char *with_ports(char buf[64])
{
    unsigned left = 0;
    size_t len = 0;
    for (unsigned i = 0; i < UPPERS; i++) left += (uppers[i].there & KIND_PORTS) != 0;
    for (unsigned i = 0; i < UPPERS; i++)
        if (uppers[i].there & KIND_PORTS && len < 64) {
            left--;
            len += (size_t)snprintf(buf + len, 64 - len, "%s%s", uppers[i].name, left > 1 ? ", " : left ? " or " : "");
        }
    return buf;
}

/* Check that a rule with a port has a protocol with ports. A rule without a protocol has all of those. */
static void check_ports(struct rule_work *w)
{
    const struct node *n = w->seen[N_C_PORT] ? w->seen[N_C_PORT] : w->seen[N_C_SPORT];
    char words[64];
    if (!n || (w->protocols & KIND_WITH_PORTS && !w->only_arp && !w->no_port_protocol)) return;
    diag(w->c->diags, E_PORT_PROTOCOL, n->span, "a port needs a protocol with ports: %s", with_ports(words));
    if (w->no_port_protocol) diag_note(w->c->diags, w->no_port_protocol->span, "this protocol has no ports");
    w->bad = true;
}

static void check_family(struct rule_work *w)
{
    const struct node *proto = w->protocol_node;
    const bool six = w->proto_family == KIND_IP6;
    if (!proto || !w->family_node || !w->proto_family || w->proto_family & w->named_families) return;
    diag(w->c->diags, E_FAMILY_PROTOCOL, proto->span, "`%s` belongs to IPv%s, but the named family is IPv%s",
         proto_word_name(proto->first), six ? "6" : "4", six ? "4" : "6");
    if (!proto->first->next && w->protocols & (KIND_ICMP | KIND_ICMP6))
        diag_guess(w->c->diags, SPAN_NONE, "%s", six ? "icmp" : "icmp6");
    diag_note(w->c->diags, w->family_node->span, "the family is named here");
    w->bad = true;
}

static void check_rst(struct rule_work *w)
{
    const struct node *with = node_child(w->node, N_WITH);
    if (!with || with->v.i != AW_RST || !w->answers) return;
    if (w->protocols == KIND_TCP) return;
    diag(w->c->diags, E_RST_NOT_TCP, with->span, "`with rst` needs `tcp` in the rule: only TCP has resets");
    diag_advise(w->c->diags,
                "name `tcp` in the rule, or remove `with rst`: `reject` replies to TCP with a reset anyway");
    w->bad = true;
}

/* Families and protocols that a condition leaves; the warning names the first that leaves none */
struct narrowing {
    enum node_kind kind;
    uint32_t families, protocols;
};
static const struct narrowing narrowings[] = {
#define IP_NUMBERS_ALONE
#define IP_NUMBER(ident, name, at, most, part, ip4, ip6, has, ...) {N_C_##ident, has, ~0u},
#include "vm/cond.def"
    {N_C_FRAGMENT, KIND_IP4 | KIND_IP6, ~0u},
    {N_C_URPF, KIND_IP4 | KIND_IP6, ~0u},
    {N_C_OPTIONS, KIND_IP4, ~0u},
    {N_C_FLAGS, KIND_IP4 | KIND_IP6, KIND_TCP},
    {N_C_STATE, KIND_IP4 | KIND_IP6, ~0u},
    {N_C_FLOWS, KIND_IP4 | KIND_IP6, ~0u},
    {N_C_PORT, KIND_IP4 | KIND_IP6, KIND_WITH_PORTS},
    {N_C_SPORT, KIND_IP4 | KIND_IP6, KIND_WITH_PORTS},
};

static void check_left(struct rule_work *w)
{
    if (w->proto_family) w->families &= w->proto_family;
    for (size_t i = 0; i < sizeof(narrowings) / sizeof(narrowings[0]) && !w->bad; i++) {
        const struct narrowing *r = &narrowings[i];
        if (!w->seen[r->kind]) continue;
        w->families &= r->families;
        w->protocols &= r->protocols;
        if (!w->families || !w->protocols)
            warn_never(w, w->seen[r->kind], "no packet that meets the other conditions has this field");
    }
    if (!w->bad && !w->protocols)
        warn_never(w, w->seen[N_C_PROTO_NUM] ? w->seen[N_C_PROTO_NUM] : w->protocol_node,
                   "the protocols exclude each other");
    if (!w->bad && !w->families)
        warn_never(w, w->families_end ? w->families_end : w->node,
                   w->families_end ? "the other conditions exclude this kind of packet"
                                   : "its conditions exclude each other");
}

/* Warn about numbers of IPv6 extension headers, which are skipped: `proto` never matches them. AH is an exception. */
static void check_v6_numbers(struct rule_work *w)
{
    static const uint32_t walked[] = {0, 43, 44, 60, 135, 139, 140};
    const struct node *n = w->seen[N_C_PROTO_NUM];
    if (!n || says_not(n) || !(w->families & KIND_IP6)) return;
    for (size_t i = 0; i < sizeof(walked) / sizeof(walked[0]); i++)
        if (numbers_hold(&w->single_protocols, walked[i])) {
            diag(w->c->diags, W_V6_EXTENSION, n->span,
                 "protocol %u is an extension header in IPv6; rules compare the protocol after it, so this condition "
                 "never matches IPv6",
                 walked[i]);
            if (w->families & KIND_IP4 && !w->family_node) diag_advise(w->c->diags, "to match IPv4, add `ip`");
            if (!(w->families & KIND_IP4) && !n->first->next) w->never = true;
            return;
        }
}

void check_together(struct rule_work *w)
{
    check_arp(w);
    if (!w->bad) check_ports(w);
    if (!w->bad) check_family(w);
    if (!w->bad) check_v6_numbers(w);
    if (!w->bad) check_left(w);
    if (!w->bad) check_rst(w);
}
