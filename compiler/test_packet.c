/* The packet of a test, from tree to what a frame is built of: which parts each form takes, and which it needs. */
#include <inttypes.h>
#include <string.h>

#include "compiler/test_priv.h"
#include "vm/proto/header.h"

#define FORM(f)     (1u << FORM_##f)
#define FORMS_PORTS (FORM(TCP) | FORM(UDP) | FORM(SCTP))
#define FORMS_ICMP  (FORM(ICMP) | FORM(ICMP6))
#define FORMS_IP    (FORMS_PORTS | FORMS_ICMP | FORM(PROTO))
#define FORMS_ALL   (FORMS_IP | FORM(ARP))

static const struct form_row {
    const char *word;
    uint8_t family; /* 0: either */
    uint8_t proto;
} forms[FORM_COUNT] = {
    [FORM_TCP] = {"tcp", 0, IPPROTO_NR_TCP},
    [FORM_UDP] = {"udp", 0, IPPROTO_NR_UDP},
    [FORM_SCTP] = {"sctp", 0, IPPROTO_NR_SCTP},
    [FORM_ICMP] = {"icmp", 4, IPPROTO_NR_ICMP},
    [FORM_ICMP6] = {"icmp6", 6, IPPROTO_NR_ICMP6},
    [FORM_PROTO] = {"proto", 0, 0},
    [FORM_ARP] = {"arp", 4, 0},
};

/* A packet while its parts are taken. */
struct packet_work {
    struct compile *c;
    const struct node *node;
    struct test_packet *p;
    const struct test_self *self;
    bool bad;
    bool has_ttl;
    struct side {
        const struct node *node, *port; /* port: NULL where none is written */
        struct addr addr;
        bool self;
    } src, dst;
};

/* Addresses and ports ---------------------------------------------------------------------------------------------- */

static const struct number_kind port_kind = {.what = "a port", .range = "ports go from 0 to 65535", .most = 65535};

/* The first address of a set that a host may have: the network's own is left out. */
static bool first_of(const struct addr_set *s, struct addr *a)
{
    *a = (struct addr){.family = s->v4.n ? 4 : 6};
    if (set_is_empty(s)) return false;
    if (s->v4.n) {
        const uint32_t lo = s->v4.r[0].lo + (s->v4.r[0].hi - s->v4.r[0].lo > 1);
        for (unsigned i = 0; i < 4; i++) a->bytes[i] = (uint8_t)(lo >> (24 - 8 * i));
    } else {
        const u128 lo = s->v6.r[0].lo + (s->v6.r[0].hi - s->v6.r[0].lo > 1);
        for (unsigned i = 0; i < 16; i++) a->bytes[i] = (uint8_t)(lo >> (120 - 8 * i));
    }
    return true;
}

/* A set holds many addresses: offer the first. */
static void report_set(struct packet_work *w, const struct node *n, struct symbol *set)
{
    struct addr a;
    char text[64];

    set->used = true;
    diag(w->c->diags, E_PACKET_ADDRESS, n->span, "`%s` is a set, and a packet has one address", set->name.s);
    if (first_of(&set->set, &a)) {
        addr_print(&a, text);
        diag_fix(w->c->diags, "name a member, such as %s", text);
    }
    diag_note(w->c->diags, set->span, "declared here");
    w->bad = true;
}

static void take_name(struct packet_work *w, const struct node *n)
{
    struct symbol *s = symbol_find(w->c->symbols, SPACE_VALUES, n->v.str);

    if (s && s->kind == SYM_SET)
        report_set(w, n, s);
    else
        symbol_want(w->c, n, SYM(CONST), "constant");
    w->bad = true;
}

/* ADDR, ENDPOINT, SELF or a constant of the first two. */
static void take_host(struct packet_work *w, const struct node *n, struct side *side, uint16_t *port)
{
    const struct node_value v = value_of(w->c, n);

    side->node = n;
    if (n->kind == N_SELF) {
        side->self = true;
    } else if (v.node->kind == N_ADDR) {
        side->addr = v.node->v.addr;
    } else if (v.node->kind == N_ENDPOINT) {
        side->self = v.node->v.endpoint.is_self;
        side->addr = v.node->v.endpoint.addr;
        side->port = n;
        *port = v.node->v.endpoint.port;
    } else if (v.node->kind == N_NAME) {
        take_name(w, v.node);
    } else {
        diag(w->c->diags, E_PACKET_ADDRESS, n->span, "this is %s, and a packet has one address", value_name(v.node));
        if (v.constant) diag_note(w->c->diags, v.constant->span, "declared here");
        w->bad = true;
    }
}

static void take_side(struct packet_work *w, const struct node *n, struct side *side, uint16_t *port)
{
    uint32_t value;

    if (n->kind != N_CLAUSE) {
        take_host(w, n, side, port);
        return;
    }
    take_host(w, n->first, side, port);
    if (side->port) {
        diag(w->c->diags, E_PACKET_TWICE, n->span, "`%s` brings a port already", n->first->v.str.s);
        w->bad = true;
    }
    side->port = n->last;
    if (number_one(w->c, n->last, &port_kind, &value))
        *port = (uint16_t)value;
    else
        w->bad = true;
}

static void check_ports(struct packet_work *w)
{
    const bool takes = 1u << w->p->form & FORMS_PORTS;
    const struct side *sides[] = {&w->src, &w->dst};

    for (unsigned i = 0; i < 2; i++) {
        const struct side *s = sides[i];

        if (s->port && !takes) {
            diag(w->c->diags, E_PACKET_PART, s->port->span, "`%s` has no ports", forms[w->p->form].word);
            w->bad = true;
        } else if (!s->port && takes && w->p->fragment != KIND_FRAG_LATER) {
            diag(w->c->diags, E_PACKET_LACKS, s->node->span, "`%s` needs the %s port", forms[w->p->form].word,
                 i ? "destination's" : "source's");
            diag_fix(w->c->diags, s->self               ? "write `self:PORT`"
                                  : s->addr.family == 6 ? "write `[ADDRESS]:PORT`"
                                                        : "write `ADDRESS:PORT`");
            w->bad = true;
        }
    }
}

/* The family of the packet: the form's, else that of the side that is written out. */
static void settle_families(struct packet_work *w)
{
    const struct form_row *form = &forms[w->p->form];
    const uint8_t src = w->src.self ? 0 : w->src.addr.family, dst = w->dst.self ? 0 : w->dst.addr.family;
    const uint8_t family = form->family ? form->family : src ? src : dst ? dst : 4;
    const struct side *wrong = src && src != family ? &w->src : dst && dst != family ? &w->dst : NULL;

    w->p->family = family;
    if (wrong && form->family) {
        diag(w->c->diags, E_PACKET_FAMILIES, wrong->node->span, "`%s` is IPv%u's, and this address is IPv%u",
             form->word, family, family ^ 2);
        if (w->p->form != FORM_ARP) diag_fix(w->c->diags, "did you mean `%s`?", family == 4 ? "icmp6" : "icmp");
        w->bad = true;
    } else if (wrong) {
        diag(w->c->diags, E_PACKET_FAMILIES, wrong->node->span,
             "both addresses of a packet are of one family; these are IPv%u and IPv%u", src, dst);
        w->bad = true;
    }
}

static void settle_self(struct packet_work *w, struct side *side)
{
    const struct addr *own = &w->self->first[w->p->family == 6];

    if (!side->self || w->bad) return;
    side->addr = *own;
    if (own->family) return;
    diag(w->c->diags, E_TEST_SELF, side->node->span, "this test gave `self` no IPv%u address", w->p->family);
    diag_fix(w->c->diags, "add one to the test's `self`");
    w->bad = true;
}

/* Parts ------------------------------------------------------------------------------------------------------------ */

static uint32_t number(struct packet_work *w, const struct node *n, const struct number_kind *kind)
{
    uint32_t value = 0;

    if (!number_one(w->c, n->first, kind, &value)) w->bad = true;
    return value;
}

static const char *const flag_names[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};

static void part_flag(struct packet_work *w, const struct node *n)
{
    for (unsigned i = 0; i < 8; i++)
        if (str_is(n->first->v.str, flag_names[i])) w->p->flags |= (uint8_t)(1u << i);
}

static const struct number_kind vlan_kind = {.what = "a VLAN", .range = "VLANs go from 0 to 4094", .most = 4094};

static void part_vlan(struct packet_work *w, const struct node *n)
{
    w->p->vid[0] = (uint16_t)number(w, n, &vlan_kind);
    if (!w->p->tags) w->p->tags = 1;
}

static void part_inner(struct packet_work *w, const struct node *n)
{
    w->p->vid[1] = (uint16_t)number(w, n, &vlan_kind);
    w->p->tags = 2;
}

static void part_ttl(struct packet_work *w, const struct node *n)
{
    static const struct number_kind ttl = {.what = "a TTL", .range = "TTLs go from 0 to 255", .most = 255};

    w->p->ttl = (uint8_t)number(w, n, &ttl);
    w->has_ttl = true;
}

static void part_length(struct packet_work *w, const struct node *n)
{
    static const struct number_kind length = {
        .what = "a packet's length", .range = "lengths go from 1 to 65535", .least = 1, .most = 65535};

    w->p->length = number(w, n, &length);
}

static void part_type(struct packet_work *w, const struct node *n)
{
    const bool v6 = w->p->form == FORM_ICMP6;

    if (v6 && n->first->kind == N_NAME && str_is(n->first->v.str, "nd")) {
        diag(w->c->diags, E_PACKET_ADDRESS, n->first->span, "`nd` stands for four types, and a packet has one");
        diag_fix(w->c->diags, "write nd-neighbor-solicit or another of them");
        w->bad = true;
        return;
    }
    w->p->type = (uint8_t)number(w, n, &icmp_type_kinds[v6]);
}

static void part_code(struct packet_work *w, const struct node *n)
{
    static const struct number_kind code = {
        .what = "an ICMP code", .range = "ICMP codes go from 0 to 255", .most = 255};

    w->p->code = (uint8_t)number(w, n, &code);
}

/* An interface by its declared name; a device in quotes may be one that no rule asks for. */
static void part_on(struct packet_work *w, const struct node *n)
{
    const struct image *img = w->c->image;
    const struct node_value v = value_of(w->c, n->first);

    if (v.node->kind == N_NAME) {
        const struct symbol *s = symbol_want(w->c, v.node, SYM(INTERFACE), "interface");

        if (s && s->index < IFACE_NONE)
            w->p->iface = (uint16_t)s->index;
        else
            w->bad = true;
    } else if (v.node->kind != N_STRING) {
        report_wrong_value(w->c, n->first, v, "an interface");
        w->bad = true;
    } else {
        for (uint32_t i = 0; i < img->ifaces_count; i++)
            if (str_is(v.node->v.str, image_str(img, img->ifaces[i].device))) w->p->iface = (uint16_t)i;
    }
}

static void part_fragment(struct packet_work *w, const struct node *n)
{
    static const char *const words[] = {"first", "later"};
    const struct str s = n->first->v.str;

    if (str_is(s, "first") || str_is(s, "later")) {
        w->p->fragment = str_is(s, "first") ? KIND_FRAG_FIRST : KIND_FRAG_LATER;
        return;
    }
    diag(w->c->diags, E_NO_SUCH_WORD, n->first->span, "a packet of a test is `fragment first` or `fragment later`");
    const char *nearest = diag_nearest(s.s, words, 2);
    if (nearest) diag_fix(w->c->diags, "did you mean `%s`?", nearest);
    w->bad = true;
}

static void part_payload(struct packet_work *w, const struct node *n)
{
    const struct node_value v = value_of(w->c, n->first);

    if (v.node->kind == N_BYTES) {
        w->p->payload = v.node->v.str;
        return;
    }
    if (v.node->kind == N_NAME)
        symbol_want(w->c, v.node, SYM(CONST), "constant");
    else
        report_wrong_value(w->c, n->first, v, "hex bytes");
    w->bad = true;
}

static void part_not_due(struct packet_work *w, const struct node *n)
{
    diag(w->c->diags, E_UNSUPPORTED, n->span, "not supported yet: `%s` of a packet", n->v.str.s);
    w->bad = true;
}

static const struct part_row {
    const char *word;
    unsigned forms; /* that take it */
    void (*take)(struct packet_work *, const struct node *);
} parts[] = {
    {"flag", FORM(TCP), part_flag},        {"vlan", FORMS_ALL, part_vlan},      {"inner", FORMS_ALL, part_inner},
    {"ttl", FORMS_IP, part_ttl},           {"length", FORMS_IP, part_length},   {"on", FORMS_ALL, part_on},
    {"fragment", FORMS_IP, part_fragment}, {"payload", FORMS_IP, part_payload}, {"type", FORMS_ICMP, part_type},
    {"code", FORMS_ICMP, part_code},       {"sni", FORM(TCP), part_not_due},    {"host", FORM(TCP), part_not_due},
    {"path", FORM(TCP), part_not_due},
};

static bool same_part(const struct node *a, const struct node *b)
{
    return strcmp(a->v.str.s, b->v.str.s) == 0 &&
           (strcmp(a->v.str.s, "flag") != 0 || strcmp(a->first->v.str.s, b->first->v.str.s) == 0);
}

static const char *part_name(const struct node *n) { return str_is(n->v.str, "flag") ? n->first->v.str.s : n->v.str.s; }

static void take_part(struct packet_work *w, const struct node *first, const struct node *n)
{
    for (const struct node *before = first; before != n; before = before->next)
        if (same_part(before, n)) {
            diag(w->c->diags, E_PACKET_TWICE, n->span, "`%s` stands twice in this packet", part_name(n));
            w->bad = true;
            return;
        }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!str_is(n->v.str, parts[i].word)) continue;
        if (parts[i].forms & 1u << w->p->form) {
            parts[i].take(w, n);
            return;
        }
        diag(w->c->diags, E_PACKET_PART, n->span, "`%s` has no %s%s%s", forms[w->p->form].word,
             parts[i].take == part_flag ? "TCP flags" : "`", parts[i].take == part_flag ? "" : n->v.str.s,
             parts[i].take == part_flag ? "" : "`");
        if (parts[i].take == part_flag) diag_fix(w->c->diags, "only `tcp` takes `%s`", part_name(n));
        w->bad = true;
    }
}

static bool has_part(const struct node *first, const char *word)
{
    for (const struct node *n = first; n; n = n->next)
        if (str_is(n->v.str, word)) return true;
    return false;
}

/* What goes with what. */
static void check_parts(struct packet_work *w, const struct node *first)
{
    const bool icmp = 1u << w->p->form & FORMS_ICMP;

    if (has_part(first, "inner") && !has_part(first, "vlan")) {
        diag(w->c->diags, E_PACKET_LACKS, w->node->span, "an inner VLAN needs an outer one");
        diag_fix(w->c->diags, "add `vlan N`");
        w->bad = true;
    }
    if (icmp && !has_part(first, "type") && w->p->fragment != KIND_FRAG_LATER) {
        diag(w->c->diags, E_PACKET_LACKS, w->node->span, "`%s` needs its type", forms[w->p->form].word);
        diag_fix(w->c->diags, "a ping is `type echo-request`");
        w->bad = true;
    }
}

static void check_length(struct packet_work *w)
{
    struct test_packet *p = w->p;
    const uint32_t least = test_packet_least(p), head = p->family == 4 ? IP4_LEN : IP6_LEN + IP6_FRAG_LEN;

    if (least > 65535 || (p->length && p->length < least)) {
        diag(w->c->diags, E_PACKET_LENGTH, w->node->span,
             "the packet has %" PRIu32 " bytes of headers and payload, more than %s%" PRIu32, least,
             p->length ? "its `length` " : "", p->length ? p->length : 65535);
        w->bad = true;
    } else if (p->fragment == KIND_FRAG_FIRST && p->length && (p->length - head) % 8) {
        const uint32_t under = p->length - (p->length - head) % 8;

        diag(w->c->diags, E_PACKET_LENGTH, w->node->span,
             "a first fragment carries a multiple of 8 bytes: its length can be %" PRIu32 " or %" PRIu32, under,
             under + 8);
        w->bad = true;
    }
}

/* Neighbour discovery is heeded with a hop limit of 255 alone (RFC 4861), so that is what its packets have. */
static uint8_t default_ttl(const struct test_packet *p)
{
    return p->form == FORM_ICMP6 && p->type >= ICMP6_ND_FIRST && p->type <= ICMP6_REDIRECT ? 255 : 64;
}

static enum test_form form_of(struct str word)
{
    enum test_form f = FORM_TCP;

    while (f < FORM_ARP && !str_is(word, forms[f].word)) f++;
    return f;
}

struct test_packet *test_packet_of(struct compile *c, const struct node *n, const struct test_self *self)
{
    struct test_packet *p = arena_alloc(c->arena, sizeof(*p));
    struct packet_work w = {.c = c, .node = n, .p = p, .self = self};
    const struct node *at = n->first;
    uint32_t proto;

    p->form = form_of(n->v.str);
    p->proto = forms[p->form].proto;
    p->iface = IFACE_NONE;
    p->fragment = KIND_FRAG_NO;
    if (p->form == FORM_PROTO) {
        w.bad = !number_one(c, at, &protocol_kind, &proto);
        if (!w.bad) p->proto = (uint8_t)proto;
        at = at->next;
    }
    const struct node *src = at, *dst = src->next, *first = dst->next;
    for (const struct node *part = first; part; part = part->next) take_part(&w, first, part);
    take_side(&w, src, &w.src, &p->src_port);
    take_side(&w, dst, &w.dst, &p->dst_port);
    if (w.bad) return NULL;
    check_ports(&w);
    settle_families(&w);
    settle_self(&w, &w.src);
    settle_self(&w, &w.dst);
    check_parts(&w, first);
    if (w.bad) return NULL;
    p->src = w.src.addr;
    p->dst = w.dst.addr;
    if (!w.has_ttl) p->ttl = default_ttl(p);
    check_length(&w);
    return w.bad ? NULL : p;
}
