/* Read the packet of a test from the tree into a frame_spec: the parts that each form takes and needs. */
#include <inttypes.h>
#include <string.h>

#include "compiler/ruletest/ruletest_priv.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

static const struct form_row {
    uint8_t family; /* 4, 6, or 0: either */
    uint8_t proto;
} forms[] = {
#define UPPERS_ALONE
#define UPPER(ident, number, name, families, there, header, sum)                                                       \
    [FORM_##ident] = {(families) == KIND_IP4 ? 4 : (families) == KIND_IP6 ? 6 : 0, number},
#include "vm/proto.def"
    [FORM_PROTO] = {0, 0},
    [FORM_ARP] = {4, 0},
    [FORM_REPLY] = {0, 0},
};

static const uint8_t form_of[CL_COUNT] = {
#define UPPERS_ALONE
#define UPPER(ident, ...) [CL_##ident] = FORM_##ident,
#include "vm/proto.def"
    [CL_PROTO] = FORM_PROTO,
    [CL_ARP] = FORM_ARP,
};

/* Return the first address of a set that a host can have: not the network's own. */
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

static void take_name(struct packet_work *w, const struct node *n)
{
    struct symbol *s = symbol_find(w->c->symbols, SPACE_VALUES, n->v.str);
    if (s && s->kind == SYM_SET) {
        /* Suggest the set's first address. */
        struct addr a;
        char text[64];
        s->used = true;
        diag(w->c->diags, E_PACKET_ADDRESS, n->span, "`%s` is a set, but a packet has one address", s->name.s);
        if (first_of(&s->set, &a)) {
            addr_print(&a, text);
            diag_advise(w->c->diags, "name a member, such as %s", text);
        }
        diag_note(w->c->diags, s->span, "declared here");
    } else {
        symbol_want(w->c, n, SYM(CONST), "constant");
    }
    w->bad = true;
}

/* Take an ADDR, an ENDPOINT, SELF, or a constant of the first two. */
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
        diag(w->c->diags, E_PACKET_ADDRESS, n->span, "this is %s, but a packet has one address", value_name(v.node));
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
        const bool named = n->first->kind == N_NAME;
        diag(w->c->diags, E_PACKET_TWICE, n->span, "%s%s%s already has a port", named ? "`" : "",
             named ? n->first->v.str.s : "the address", named ? "`" : "");
        w->bad = true;
    }
    side->port = n->last;
    if (number_one(w->c, n->last, &plain_port_kind, &value))
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
            diag(w->c->diags, E_PACKET_PART, s->port->span, "`%s` has no ports", form_word(w->p->form));
            w->bad = true;
        } else if (!s->port && takes && w->p->fragment != KIND_FRAG_LATER &&
                   !(w->p->notes & NOTE_ANY_PORT && s == &w->src)) {
            diag(w->c->diags, E_PACKET_LACKS, s->node->span, "`%s` needs the %s port", form_word(w->p->form),
                 s == &w->dst ? "destination's" : "source's");
            diag_advise(w->c->diags, s->self               ? "write `self:PORT`"
                                     : s->addr.family == 6 ? "write `[ADDRESS]:PORT`"
                                                           : "write `ADDRESS:PORT`");
            w->bad = true;
        }
    }
}

static const struct node *clause_find(const struct node *first, enum clause part)
{
    const struct node *n = first;
    while (n && !is_clause(n, part)) n = n->next;
    return n;
}

/* Settle AH. Over IPv6 it is an extension header: `ah SRC -> DST` is a packet that ends with it. Over IPv4 it is the
 * protocol. */
static void settle_ah(struct packet_work *w, const struct node *part)
{
    struct frame_spec *p = w->p;
    if (p->form == FORM_PROTO && p->proto == IPPROTO_NR_AH && p->family == 6) {
        p->ah = true;
        p->proto = IPPROTO_NR_NONE;
    } else if (p->family == 6 || !part) {
        return;
    }
    if (!part) return;
    diag(w->c->diags, E_PACKET_PART, part->span,
         p->family == 4 ? "the part `ah` needs an IPv6 packet: in IPv4, AH is the packet's protocol"
                        : "the packet already has AH");
    if (p->family == 4) diag_advise(w->c->diags, "write `ah SOURCE -> DESTINATION`, or IPv6 addresses");
    w->bad = true;
}

/* Settle the packet's family: that of its form, else of the side with a written address. */
static void settle_families(struct packet_work *w)
{
    const struct form_row *form = &forms[w->p->form];
    const uint8_t src = w->src.self ? 0 : w->src.addr.family, dst = w->dst.self ? 0 : w->dst.addr.family;
    const uint8_t family = form->family ? form->family : src ? src : dst ? dst : 4;
    const struct side *wrong = src && src != family ? &w->src : dst && dst != family ? &w->dst : NULL;
    w->p->family = family;
    if (wrong && form->family) {
        diag(w->c->diags, E_PACKET_FAMILIES, wrong->node->span, "`%s` belongs to IPv%u, and this address is IPv%u",
             form_word(w->p->form), family, family ^ 2);
        if (w->p->form != FORM_ARP) diag_guess(w->c->diags, w->node->span, "%s", family == 4 ? "icmp6" : "icmp");
        w->bad = true;
    } else if (wrong) {
        diag(w->c->diags, E_PACKET_FAMILIES, wrong->node->span,
             "both addresses of a packet must have the same family, but these are IPv%u and IPv%u", src, dst);
        w->bad = true;
    }
}

static void settle_self(struct packet_work *w, struct side *side)
{
    if (w->bad) return;
    addr_words(&side->addr, side->words);
    if (!side->self || own_address(w->self, w->p->family, side->words)) return;
    diag(w->c->diags, E_TEST_SELF, side->node->span, "the `self` of this test has no IPv%u address", w->p->family);
    diag_advise(w->c->diags, "add an address of this family to the test's `self`");
    w->bad = true;
}

bool test_tunnel_of(struct packet_work *w, const struct node *src, const struct node *dst, struct frame_tunnel *t)
{
    struct frame_spec outer = {.form = FORM_PROTO};
    struct packet_work o = {.c = w->c, .node = w->node, .p = &outer, .self = w->self};
    take_side(&o, src, &o.src, &outer.src_port);
    take_side(&o, dst, &o.dst, &outer.dst_port);
    if (o.bad) return false;
    if (o.src.port || o.dst.port) {
        diag(w->c->diags, E_PACKET_PART, (o.src.port ? &o.src : &o.dst)->port->span,
             "write the addresses of a tunnel without ports");
        if (t->gue) diag_advise(w->c->diags, "write the port of GUE before the addresses: `in gue PORT SRC -> DST`");
        return false;
    }
    settle_families(&o);
    settle_self(&o, &o.src);
    settle_self(&o, &o.dst);
    t->family = outer.family;
    memcpy(t->src, o.src.words, sizeof(t->src));
    memcpy(t->dst, o.dst.words, sizeof(t->dst));
    return !o.bad;
}

/* Reject flags, type and code in a later fragment: the first fragment holds the header of TCP or ICMP. */
static void check_later(struct packet_work *w, const struct node *first)
{
    for (const struct node *n = first; n; n = n->next) {
        const bool flag = is_clause(n, CL_FLAG);
        if (!flag && !is_clause(n, CL_TYPE) && !is_clause(n, CL_CODE)) continue;
        diag(w->c->diags, E_PACKET_PART, n->span, "a later fragment has no header after IP, so it can't have `%s`",
             node_words(flag ? n->first : n));
        diag_advise(w->c->diags, "remove this part, or write `fragment first`");
        w->bad = true;
    }
}

/* Check `out on IF`. A packet sent by this machine has no other interface; a packet for this machine leaves by none. */
static void check_leaves(struct packet_work *w, const struct node *leaves, const struct node *on)
{
    const uint32_t sides = sides_of(w->self, w->p->family, w->src.words, w->dst.words);
    const bool sent = sides & KIND_SRC_SELF;
    if (sent && !on) {
        w->p->iface = (uint16_t)(w->p->way - 1);
        w->p->way = 0;
        w->p->notes |= NOTE_ON;
        return;
    }
    if (sent) {
        diag(w->c->diags, E_PACKET_PART, on->span, "a packet that this machine sends has no input interface");
        w->bad = true;
    } else if (sides & KIND_DST_SELF) {
        diag(w->c->diags, E_PACKET_PART, leaves->span, "a packet for this machine has no output interface");
        w->bad = true;
    }
}

/* Check parts that need or exclude each other. */
static void check_parts(struct packet_work *w, const struct node *first)
{
    const struct node *label = clause_find(first, CL_FLOWLABEL), *leaves = clause_find(first, CL_OUT_ON);
    const bool icmp = 1u << w->p->form & FORMS_ICMP;
    if (leaves) check_leaves(w, leaves, clause_find(first, CL_ON));
    if (clause_find(first, CL_INNER) && !clause_find(first, CL_VLAN)) {
        diag(w->c->diags, E_PACKET_LACKS, w->node->span, "an inner VLAN needs an outer VLAN");
        diag_advise(w->c->diags, "add `vlan N`");
        w->bad = true;
    }
    if (label && w->p->family == 4) {
        diag(w->c->diags, E_PACKET_PART, label->span, "an IPv4 packet has no flow label");
        diag_advise(w->c->diags, "remove this part, or write IPv6 addresses");
        w->bad = true;
    }
    if (w->p->fragment == KIND_FRAG_LATER) check_later(w, first);
    if (icmp && !clause_find(first, CL_TYPE) && w->p->fragment != KIND_FRAG_LATER) {
        diag(w->c->diags, E_PACKET_LACKS, w->node->span, "`%s` needs its type", form_word(w->p->form));
        diag_advise(w->c->diags, "for a ping, write `type echo-request`");
        w->bad = true;
    }
}

/* Make an SCTP packet without further description open an association: with an INIT, that asks for the tag 1
 * (frame.c). */
static void open_association(struct frame_spec *p)
{
    static const uint8_t init[] = {1, 0, 0, 20, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1};
    if (p->form != FORM_SCTP || p->payload.len || p->length || p->fragment != KIND_FRAG_NO) return;
    p->payload = (struct frame_payload){init, sizeof init};
}

static void check_length(struct packet_work *w)
{
    struct frame_spec *p = w->p;
    const uint32_t least = frame_least(p), head = p->family == 4 ? IP4_LEN : IP6_LEN + IP6_FRAG_LEN;
    const uint32_t most = UINT16_MAX - frame_tunnel_len(p);
    if (p->length > most || (p->tunnel && least > most)) {
        diag(w->c->diags, E_PACKET_LENGTH, w->node->span,
             "the packet has %" PRIu32 " bytes and the tunnel adds %" PRIu32 ", but an IP packet has at most 65535",
             p->length ? p->length : least, UINT16_MAX - most);
        w->bad = true;
    } else if (least > 65535 || (p->length && p->length < least)) {
        diag(w->c->diags, E_PACKET_LENGTH, w->node->span,
             "the headers and the payload have %" PRIu32 " bytes, more than %s%" PRIu32, least,
             p->length ? "`length` " : "", p->length ? p->length : 65535);
        w->bad = true;
    } else if (p->fragment == KIND_FRAG_FIRST && p->length && (p->length - head) % 8) {
        const uint32_t under = p->length - (p->length - head) % 8;
        diag(w->c->diags, E_PACKET_LENGTH, w->node->span,
             "a first fragment carries a multiple of 8 bytes, so `length` can be %" PRIu32 " or %" PRIu32, under,
             under + 8);
        w->bad = true;
    }
}

static struct frame_spec *packet_new(struct compile *c, uint8_t form)
{
    struct frame_spec *p = arena_alloc(c->arena, sizeof(*p));
    p->form = form;
    p->proto = forms[form].proto;
    p->iface = IFACE_NONE;
    p->fragment = KIND_FRAG_NO;
    p->datagram = 1;
    p->seq = p->ack = 1;
    return p;
}

struct frame_spec *test_reply_of(struct compile *c, const struct node *n)
{
    struct frame_spec *p = packet_new(c, FORM_REPLY);
    struct packet_work w = {.c = c, .node = n, .p = p};
    for (const struct node *part = n->first; part; part = part->next) test_part_take(&w, n->first, part);
    if (p->fragment == KIND_FRAG_LATER) check_later(&w, n->first);
    return w.bad ? NULL : p;
}

struct frame_spec *test_packet_of(struct compile *c, const struct node *n, const struct facts *self, bool any_port,
                                  struct test_said **said)
{
    struct frame_spec *p = packet_new(c, form_of[clause_of(n)]);
    struct packet_work w = {.c = c, .node = n, .p = p, .self = self, .said = said};
    const struct node *at = n->first;
    uint32_t proto;
    if (any_port) p->notes |= NOTE_ANY_PORT;
    if (p->form == FORM_PROTO) {
        w.bad = !number_one(c, at, &protocol_kind, &proto);
        if (!w.bad) p->proto = (uint8_t)proto;
        at = at->next;
    }
    const struct node *src = at, *dst = src->next, *first = dst->next;
    for (const struct node *part = first; part; part = part->next) test_part_take(&w, first, part);
    take_side(&w, src, &w.src, &p->src_port);
    take_side(&w, dst, &w.dst, &p->dst_port);
    if (w.bad) return NULL;
    check_ports(&w);
    settle_families(&w);
    settle_ah(&w, clause_find(first, CL_AH));
    settle_self(&w, &w.src);
    settle_self(&w, &w.dst);
    check_parts(&w, first);
    if (w.bad) return NULL;
    memcpy(p->src, w.src.words, sizeof(p->src));
    memcpy(p->dst, w.dst.words, sizeof(p->dst));
    if (!(p->notes & NOTE_TTL)) p->ttl = frame_ttl(p);
    if (w.src.port || !(1u << p->form & FORMS_PORTS) || p->fragment == KIND_FRAG_LATER)
        p->notes &= (uint8_t)~NOTE_ANY_PORT;
    p->rest = frame_icmp_rest(p);
    if (p->fragment == KIND_FRAG_LATER) p->offset = FRAME_LATER_OFFSET;
    open_association(p);
    check_length(&w);
    if (said && *said) said_write(c->arena, *said);
    return w.bad ? NULL : p;
}
