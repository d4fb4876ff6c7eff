/* Read the parts after the addresses of a test's packet: a table lists the parts that each form takes, once each. */
#include "compiler/ruletest/ruletest_priv.h"

static uint32_t number_read(struct packet_work *w, const struct node *n, const struct number_kind *kind)
{
    uint32_t value = 0;
    if (!number_one(w->c, n->first, kind, &value)) w->bad = true;
    return value;
}

static void part_flag(struct packet_work *w, const struct node *n)
{
    w->p->flags |= (uint8_t)(1u << (clause_of(n->first) - CL_FIN));
}

static void part_vlan(struct packet_work *w, const struct node *n)
{
    w->p->vid[0] = (uint16_t)number_read(w, n, &vlan_kind);
    if (!w->p->tags) w->p->tags = 1;
}

static void part_inner(struct packet_work *w, const struct node *n)
{
    w->p->vid[1] = (uint16_t)number_read(w, n, &vlan_kind);
    w->p->tags = 2;
}

static void part_ttl(struct packet_work *w, const struct node *n)
{
    static const struct number_kind ttl = {.what = "a TTL", .range = "TTLs go from 0 to 255", .most = 255};
    w->p->ttl = (uint8_t)number_read(w, n, &ttl);
    w->p->notes |= NOTE_TTL;
}

static void part_flowlabel(struct packet_work *w, const struct node *n)
{
    static const struct number_kind label = {
        .what = "a flow label", .range = "flow labels go from 0 to 1048575", .most = 1048575};
    w->p->number[NUMBER_FLOWLABEL] = number_read(w, n, &label);
}

static void part_ah(struct packet_work *w, const struct node *n) { w->p->ah = true; }

static void part_length(struct packet_work *w, const struct node *n)
{
    static const struct number_kind length = {
        .what = "a packet's length", .range = "lengths go from 1 to 65535", .least = 1, .most = 65535};
    w->p->length = number_read(w, n, &length);
}

static void part_type(struct packet_work *w, const struct node *n)
{
    const bool v6 = w->p->form == FORM_ICMP6;
    if (v6 && n->first->kind == N_NAME && str_is(n->first->v.str, "nd")) {
        diag(w->c->diags, E_PACKET_ADDRESS, n->first->span, "`nd` means four types, but a packet has one");
        diag_advise(w->c->diags, "write `nd-neighbor-solicit` or another type");
        w->bad = true;
        return;
    }
    w->p->type = (uint8_t)number_read(w, n, &icmp_type_kinds[v6]);
}

static void part_code(struct packet_work *w, const struct node *n)
{
    w->p->code = (uint8_t)number_read(w, n, &icmp_code_kind);
}

static void part_ether(struct packet_work *w, const struct node *n)
{
    uint64_t *mac = is_clause(n, CL_ETHER_FROM) ? &w->p->src_mac : &w->p->dst_mac;
    w->bad |= !mac_one(w->c, n->first, mac);
    if (*mac || w->bad) return;
    diag(w->c->diags, E_PACKET_ADDRESS, n->first->span, "the MAC address 00:00:00:00:00:00 doesn't belong to a host");
    w->bad = true;
}

/* Return the id of a declared interface or a device in quotes; IFACE_OTHER for a device that no rule names. */
static uint16_t iface_in(struct packet_work *w, const struct node *n)
{
    const struct iface_table ifaces = image_ifaces(w->c->image);
    const char *device = device_known(w->c, w->c->image, n->first);
    const uint32_t id = device ? iface_match(&ifaces, device) : PBC_NONE;
    w->bad |= !device;
    return id == PBC_NONE ? IFACE_OTHER : (uint16_t)id;
}

static void part_on(struct packet_work *w, const struct node *n)
{
    w->p->notes |= NOTE_ON;
    w->p->iface = iface_in(w, n);
}

static void part_out_on(struct packet_work *w, const struct node *n) { w->p->way = (uint16_t)(iface_in(w, n) + 1); }

static void part_fragment(struct packet_work *w, const struct node *n)
{
    w->p->fragment = is_choice(n->first, CL_FIRST) ? KIND_FRAG_FIRST : KIND_FRAG_LATER;
}

static void part_payload(struct packet_work *w, const struct node *n)
{
    const struct node_value v = value_of(w->c, n->first);
    if (v.node->kind == N_BYTES) {
        w->p->payload = (struct frame_payload){(const uint8_t *)v.node->v.str.s, (uint32_t)v.node->v.str.len};
        return;
    }
    if (v.node->kind == N_NAME)
        symbol_want(w->c, v.node, SYM(CONST), "constant");
    else
        report_wrong_value(w->c, n->first, v, "hex bytes");
    w->bad = true;
}

/* Read `in ipip SRC -> DST` or `in gue PORT SRC -> DST`. */
static void part_tunnel(struct packet_work *w, const struct node *n)
{
    struct frame_tunnel *t = arena_alloc(w->c->arena, sizeof(*t));
    const struct node *src = n->first;
    t->gue = is_clause(n, CL_GUE);
    if (t->gue) {
        t->port = (uint16_t)number_read(w, n, &gue_port_kind);
        src = src->next;
    }
    if (test_tunnel_of(w, src, src->next, t))
        w->p->tunnel = t;
    else
        w->bad = true;
}

/* Read the client's first data. Names have up to 255 bytes, as in a ClientHello; other texts up to 4096, a little
 * more than a proxy reads. Only a host and a header's value may be empty (RFC 9110, 5.5 and 7.2). */
static void part_said(struct packet_work *w, const struct node *n)
{
    const size_t most = is_clause(n, CL_SNI) || is_clause(n, CL_ALPN) ? 255 : 4096;
    if (!w->said) {
        diag(w->c->diags, E_PACKET_PART, n->span,
             "`%s` needs a step that expects `pool`, `server`, `original`, `program`, `pass`, `reject` or `refused`",
             node_words(n));
        w->bad = true;
        return;
    }
    node_each(text, n)
    {
        const bool may_be_empty = is_clause(n, CL_HOST) || (is_clause(n, CL_HEADER) && text != n->first);
        if (text->v.str.len <= most && (text->v.str.len || may_be_empty)) continue;
        diag(w->c->diags, E_PACKET_LENGTH, text->span, "`%s` %s %zu bytes here", node_words(n),
             may_be_empty ? "can have at most" : "must have 1 to", most);
        w->bad = true;
    }
    if (w->bad) return;
    struct test_said *s = *w->said = *w->said ? *w->said : arena_alloc(w->c->arena, sizeof(**w->said));
    switch (clause_of(n)) {
    case CL_SNI: s->sni = n->first->v.str; break;
    case CL_ALPN: s->alpn = n->first->v.str; break;
    case CL_HOST: s->host = n->first->v.str; break;
    case CL_PATH: s->path = n->first->v.str; break;
    case CL_METHOD: s->method = n->first->v.str; break;
    default:
        if (s->headers == SAID_HEADERS) {
            diag(w->c->diags, E_PACKET_PART, n->span, "a request in a test has at most %d headers", SAID_HEADERS);
            w->bad = true;
            return;
        }
        s->header[s->headers][0] = n->first->v.str;
        s->header[s->headers++][1] = n->last->v.str;
    }
}

static const struct part_row {
    unsigned forms; /* forms that take the part */
    void (*take)(struct packet_work *, const struct node *);
} parts[CL_COUNT] = {
    [CL_FLAG] = {FORM(TCP) | FORM(REPLY), part_flag},
    [CL_VLAN] = {FORMS_ALL, part_vlan},
    [CL_INNER] = {FORMS_ALL, part_inner},
    [CL_TTL] = {FORMS_IP | FORM(REPLY), part_ttl},
    [CL_LENGTH] = {FORMS_IP | FORM(REPLY), part_length},
    [CL_FLOWLABEL] = {FORMS_IP, part_flowlabel},
    [CL_AH] = {FORMS_IP, part_ah},
    [CL_ETHER_FROM] = {FORMS_ALL | FORM(REPLY), part_ether},
    [CL_ETHER_TO] = {FORMS_ALL | FORM(REPLY), part_ether},
    [CL_ON] = {FORMS_ALL | FORM(REPLY), part_on},
    [CL_OUT_ON] = {FORMS_IP, part_out_on},
    [CL_FRAGMENT] = {FORMS_IP | FORM(REPLY), part_fragment},
    [CL_PAYLOAD] = {FORMS_IP | FORM(REPLY), part_payload},
    [CL_TYPE] = {FORMS_ICMP, part_type},
    [CL_CODE] = {FORMS_ICMP, part_code},
    [CL_IPIP] = {FORMS_IP, part_tunnel},
    [CL_GUE] = {FORMS_IP, part_tunnel},
    [CL_SNI] = {FORM(TCP), part_said},
    [CL_ALPN] = {FORM(TCP), part_said},
    [CL_HOST] = {FORM(TCP), part_said},
    [CL_PATH] = {FORM(TCP), part_said},
    [CL_METHOD] = {FORM(TCP), part_said},
    [CL_HEADER] = {FORM(TCP), part_said},
};

static bool is_tunnel(const struct node *n) { return is_clause(n, CL_IPIP) || is_clause(n, CL_GUE); }

static bool same_part(const struct node *a, const struct node *b)
{
    if (is_tunnel(a) && is_tunnel(b)) return true;
    if (is_clause(a, CL_HEADER)) return false; /* a request may have many headers */
    return clause_of(a) == clause_of(b) && (!is_clause(a, CL_FLAG) || clause_of(a->first) == clause_of(b->first));
}

static const char *part_name(const struct node *n)
{
    switch (clause_of(n)) {
    case CL_FLAG: return node_words(n->first);
    case CL_IPIP: return "in ipip";
    case CL_GUE: return "in gue";
    default: return node_words(n);
    }
}

static void report_part(struct packet_work *w, const struct node *n)
{
    const bool flag = is_clause(n, CL_FLAG), tag = is_clause(n, CL_VLAN) || is_clause(n, CL_INNER);
    w->bad = true;
    if (w->p->form == FORM_REPLY) {
        diag(w->c->diags, E_PACKET_PART, n->span,
             "a `reply` can't have `%s`, because prey builds the reply from the last packet that passed", part_name(n));
        diag_advise(w->c->diags, tag ? "remove this part: a reply has the tags of that packet"
                                     : "write the packet itself: `reply: PACKET`");
        return;
    }
    diag(w->c->diags, E_PACKET_PART, n->span, "`%s` has no %s%s%s", form_word(w->p->form), flag ? "TCP flags" : "`",
         flag ? "" : part_name(n), flag ? "" : "`");
    if (flag) diag_advise(w->c->diags, "only `tcp` takes `%s`", part_name(n));
    if (parts[clause_of(n)].take == part_said)
        diag_advise(w->c->diags,
                    "write `tcp`: the test then shows the pool that a service in `mode proxy` chooses for a `%s`",
                    part_name(n));
}

void test_part_take(struct packet_work *w, const struct node *first, const struct node *n)
{
    for (const struct node *before = first; before != n; before = before->next)
        if (same_part(before, n)) {
            diag(w->c->diags, E_PACKET_TWICE, n->span, "`%s` is written twice in this packet", part_name(n));
            w->bad = true;
            return;
        }
    if (parts[clause_of(n)].forms & 1u << w->p->form)
        parts[clause_of(n)].take(w, n);
    else
        report_part(w, n);
}
