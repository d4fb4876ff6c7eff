/* Drawing conversations from few hosts and ports, so that they meet each other and the router's own addresses */
#include "tests/diff/routers/talk.h"

#include <string.h>

#include "vm/packet/parse/header.h"

const char *step_name(enum step_kind kind)
{
    static const char *const names[STEP_KINDS] = {"open",     "more",    "close",       "stray",      "fragments",
                                                  "last hop", "reply",   "reply again", "reset back", "error back",
                                                  "error on", "crossed", "stranger",    "under",      "inwards"};
    return names[kind];
}

/* ---- drawing ---- */

static unsigned some_net(const struct world *w, struct rng *rng, unsigned most)
{
    unsigned n;
    do n = rng_below(rng, most);
    while (!world_has_net(w, n));
    return n;
}

static void draw_destination(struct talk *t, const struct world *w, struct rng *rng)
{
    const unsigned kind = rng_below(rng, 20), iface = rng_below(rng, w->ifs);
    unsigned net = some_net(w, rng, NET_NONE + 1);
    if (kind < 10 && net == t->net) net = some_net(w, rng, NET_NONE + 1);
    if (kind < 13)
        world_addr(t->v6, net, HOST_FIRST + rng_below(rng, HOSTS), t->dst);
    else if (kind < 16)
        world_addr(t->v6, iface, rng_below(rng, 3) ? HOST_ROUTER : HOST_SECOND, t->dst);
    else if (kind < 17)
        world_addr(t->v6, iface, HOST_POOL, t->dst);
    else
        world_addr(t->v6, iface, HOST_MAPPED + rng_below(rng, 1u << MAPPED_BITS), t->dst);
    t->dst_port = (uint16_t[]){80, 53, 8080, 8081, 8082, 8080}[rng_below(rng, 6)];
}

/* True if the network's mapped addresses belong to the router instead of hosts. */
static bool is_outside_of_map(const struct world *w, bool v6, unsigned net)
{
    for (unsigned i = 0; i < w->nat_count; i++)
        if (w->nats[i].kind == NAT_MAP && w->nats[i].v6 == v6 && w->nats[i].out == net) return true;
    return false;
}

void talk_draw(struct talk *t, const struct world *w, struct rng *rng, unsigned number)
{
    memset(t, 0, sizeof *t);
    t->begun = true;
    t->v6 = rng_one_in(rng, 3);
    t->proto = (uint8_t[]){IPPROTO_NR_TCP, IPPROTO_NR_TCP, IPPROTO_NR_UDP, IPPROTO_NR_ICMP}[rng_below(rng, 4)];
    if (t->v6 && t->proto == IPPROTO_NR_ICMP) t->proto = IPPROTO_NR_ICMP6;
    t->net = (uint8_t)some_net(w, rng, NET_WORLD + 1);
    const bool mapped = rng_one_in(rng, 4) && !is_outside_of_map(w, t->v6, t->net);
    t->host = (uint8_t)(mapped ? HOST_MAPPED + rng_below(rng, 1u << MAPPED_BITS) : HOST_FIRST + rng_below(rng, HOSTS));
    t->iface = (uint8_t)(rng_one_in(rng, 20) ? rng_below(rng, w->ifs) : world_behind(w, t->v6, t->net));
    world_addr(t->v6, t->net, t->host, t->src);
    do draw_destination(t, w, rng);
    while (!memcmp(t->src, t->dst, sizeof t->src));
    /* Routers of a site use different ports, because prey keeps flows when it loads the next router's rules. */
    t->src_port = (uint16_t)(10000 + w->number * 1000 + number);
    if (rng_one_in(rng, 4)) t->src_port = (uint16_t)(9000 + w->number * 10 + rng_below(rng, 2));
    t->seq = 1000000 * (number + 1);
    t->other_seq = t->seq + 500000;
}

enum step_kind talk_step(const struct talk *t, struct rng *rng)
{
    static const enum step_kind first[] = {STEP_STRAY, STEP_STRAY, STEP_FRAGMENTS, STEP_FRAGMENTS};
    static const enum step_kind after[] = {
        STEP_REPLY,    STEP_REPLY, STEP_MORE,    STEP_MORE,  STEP_ERROR_BACK, STEP_ERROR_ON, STEP_REPLY_AGAIN,
        STEP_STRANGER, STEP_UNDER, STEP_INWARDS, STEP_CLOSE, STEP_RESET_BACK, STEP_LAST_HOP, STEP_FRAGMENTS};
    const bool tcp = t->proto == IPPROTO_NR_TCP;
    if (!t->of[SIDE_NETFILTER].left)
        return rng_one_in(rng, 5)    ? first[rng_below(rng, tcp ? 2 : 4)]
               : rng_one_in(rng, 30) ? STEP_LAST_HOP
                                     : STEP_OPEN;
    if (tcp && t->opened && !t->joined) {
        if (t->steps == 1 && rng_one_in(rng, 8)) return STEP_CROSSED;
        return rng_below(rng, 6) ? STEP_REPLY
                                 : (enum step_kind[]){STEP_OPEN, STEP_RESET_BACK, STEP_ERROR_BACK, STEP_UNDER,
                                                      STEP_STRANGER}[rng_below(rng, 5)];
    }
    if (t->steps == 1 && rng_below(rng, 5)) return STEP_REPLY;
    if (t->steps == 2 && rng_below(rng, 5)) return STEP_MORE;
    return after[rng_below(rng, sizeof after / sizeof *after)];
}

/* ---- frames ---- */

static void from_link(const struct talk *t, struct packet *p)
{
    world_mac(t->iface, HOST_ROUTER, p->to_mac);
    world_mac(t->iface, t->net == t->iface ? t->host : HOST_GATEWAY, p->from_mac);
}

static struct packet opener(const struct talk *t)
{
    struct packet p = {
        .v6 = t->v6, .proto = t->proto, .ttl = 64, .src_port = t->src_port, .dst_port = t->dst_port, .payload = 16};
    memcpy(p.src, t->src, 16);
    memcpy(p.dst, t->dst, 16);
    from_link(t, &p);
    p.type = icmp_echo(t->v6, false);
    p.ip_id = (uint16_t)(0x4000 + t->steps + t->src_port);
    p.seq = t->seq;
    p.no_fragments = t->proto == IPPROTO_NR_TCP;
    if (packet_is_query(&p)) p.dst_port = p.src_port;
    return p;
}

/* Turn around a packet that left: its receiver's reply. */
static struct packet turned(const struct frame *f)
{
    struct packet p, q;
    packet_parse(f, &p);
    q = p;
    memcpy(q.src, p.dst, 16);
    memcpy(q.dst, p.src, 16);
    memcpy(q.to_mac, p.from_mac, 6);
    memcpy(q.from_mac, p.to_mac, 6);
    q.src_port = p.dst_port, q.dst_port = p.src_port;
    q.ttl = 60;
    q.payload = 16;
    q.ip_id = (uint16_t)(p.ip_id + 0x1000);
    q.more = false, q.offset = 0;
    if (packet_is_query(&p)) q.type = icmp_echo(p.v6, p.type == icmp_echo(p.v6, false));
    return q;
}

static void quote(struct packet *p, const struct frame *f, unsigned most)
{
    p->quote_len = (uint16_t)(f->len - 14u < most ? f->len - 14u : most);
    memcpy(p->quote, f->bytes + 14, p->quote_len);
}

static void make_error(struct packet *p, const struct frame *about, uint64_t how)
{
    packet_make_error(p, (enum icmp_error[]){ERROR_PORT, ERROR_HOST, ERROR_TIME, ERROR_TOO_BIG}[how % 4]);
    p->ttl = 61;
    quote(p, about, how / 4 % 2 ? 528 : p->v6 ? 48 : 28);
    /* A router on the path, or the host itself. */
    if (how / 8 % 2) world_addr(p->v6, NET_WORLD, 200, p->src);
}

static struct packet more(const struct talk *t)
{
    struct packet p = opener(t);
    p.flags = FLAG_ACK | FLAG_PSH;
    p.ack = t->other_seq;
    return p;
}

static struct packet stray(const struct talk *t, uint64_t how)
{
    struct packet p = opener(t);
    struct frame unknown;
    p.ack = t->other_seq;
    p.flags =
        (uint8_t[]){FLAG_ACK, FLAG_SYN | FLAG_ACK, FLAG_RST, FLAG_RST | FLAG_ACK, FLAG_FIN | FLAG_ACK, 0}[how % 6];
    if (t->proto == IPPROTO_NR_TCP && how / 8 % 3) return p;
    if (packet_is_query(&p) && how / 8 % 2) {
        p.type = icmp_echo(t->v6, true);
        return p;
    }
    /* An error about a packet that never existed. */
    struct packet was = {.v6 = t->v6,
                         .proto = how / 16 % 2 ? IPPROTO_NR_UDP : IPPROTO_NR_TCP,
                         .ttl = 50,
                         .src_port = t->dst_port,
                         .dst_port = 4444,
                         .payload = 8};
    memcpy(was.src, t->dst, 16);
    memcpy(was.dst, t->src, 16);
    packet_build(&was, 0, &unknown);
    make_error(&p, &unknown, how);
    return p;
}

static struct packet reply(const struct talk *t, const struct frame *left)
{
    struct packet p = turned(left);
    p.seq = t->other_seq;
    p.ack = t->seq;
    p.flags = t->opened && !t->joined ? FLAG_SYN | FLAG_ACK : FLAG_ACK | FLAG_PSH;
    if (p.flags & FLAG_SYN && p.proto == IPPROTO_NR_TCP) p.payload = 0;
    return p;
}

/* Make a packet from another host behind the interface by which the packet left, to the outside end. */
static struct packet stranger(const struct talk *t, const struct frame *left, uint64_t how)
{
    struct packet p = turned(left);
    world_addr(t->v6, NET_WORLD, 99, p.src);
    if (how % 3 == 0) memcpy(p.src, turned(left).src, 16), p.src_port = (uint16_t)(p.src_port + 7);
    p.flags = FLAG_SYN;
    p.seq = 77;
    p.ack = 0;
    p.payload = 16;
    if (packet_is_query(&p)) p.type = icmp_echo(t->v6, how / 3 % 2);
    return p;
}

/* Make the reply of a host that knows the inside address. */
static struct packet under(const struct talk *t, const struct frame *left)
{
    struct packet p = reply(t, left);
    memcpy(p.dst, t->src, 16);
    p.dst_port = t->src_port;
    if (packet_is_query(&p)) p.src_port = t->src_port;
    return p;
}

/* Make a packet from another host beside the opener to the outside end. */
static struct packet inwards(const struct talk *t, const struct frame *left)
{
    struct packet p = opener(t), out;
    packet_parse(left, &out);
    world_addr(t->v6, t->net, t->host == HOST_FIRST ? HOST_FIRST + 1 : HOST_FIRST, p.src);
    memcpy(p.dst, out.src, 16);
    p.dst_port = out.src_port;
    p.src_port = (uint16_t)(t->src_port + 500);
    p.flags = FLAG_SYN;
    if (packet_is_query(&p)) p.src_port = p.dst_port = out.src_port;
    return p;
}

static unsigned fragments(const struct talk *t, uint64_t how, struct frame f[FRAGMENTS_SEEN_MOST])
{
    struct packet p = opener(t);
    p.payload = PAYLOAD_MOST - 100;
    p.no_fragments = false;
    p.flags = FLAG_ACK;
    p.ack = t->other_seq;
    const unsigned count = packet_fragments(&p, t->iface, FRAGMENT_BYTES, f, FRAGMENTS_SEEN_MOST);
    if (how % 3 == 1) { /* the last fragment first */
        const struct frame last = f[count - 1];
        memmove(f + 1, f, (count - 1) * sizeof *f);
        f[0] = last;
    }
    return count;
}

static struct packet made_of_left(const struct talk *t, enum step_kind kind, const struct seen_of *of, uint64_t how)
{
    struct packet p;
    switch (kind) {
    case STEP_RESET_BACK:
        p = reply(t, &of->last);
        p.flags = FLAG_RST | FLAG_ACK;
        p.payload = p.proto == IPPROTO_NR_TCP ? 0 : 16;
        return p;
    case STEP_ERROR_BACK:
        p = turned(&of->last);
        make_error(&p, &of->last, how);
        return p;
    case STEP_CROSSED:
        p = reply(t, &of->last);
        p.flags = FLAG_SYN;
        p.ack = 0;
        return p;
    case STEP_STRANGER: return stranger(t, &of->last, how);
    case STEP_UNDER: return under(t, &of->last);
    default: return reply(t, &of->last);
    }
}

static struct packet made_anew(const struct talk *t, enum step_kind kind, uint64_t how)
{
    struct packet p = kind == STEP_STRAY                        ? stray(t, how)
                      : kind == STEP_MORE || kind == STEP_CLOSE ? more(t)
                                                                : opener(t);
    if (kind == STEP_OPEN || kind == STEP_LAST_HOP) {
        p.flags = FLAG_SYN;
        p.payload = t->proto == IPPROTO_NR_TCP ? 0 : 16;
        p.seq -= t->opened;
    }
    if (kind == STEP_CLOSE) p.flags = how % 2 ? FLAG_FIN | FLAG_ACK : FLAG_RST | FLAG_ACK, p.payload = 0;
    if (kind == STEP_LAST_HOP) p.ttl = 1;
    return p;
}

/* True if an error would quote a different packet here than on netfilter's side, because a difference kept that one
 * from leaving. */
static bool quotes_another(const struct talk *t, enum step_kind kind, enum side_kind side)
{
    const struct seen_of *of = &t->of[side], *netfilter = &t->of[SIDE_NETFILTER];
    return (kind == STEP_ERROR_BACK && of->last_at != netfilter->last_at) ||
           (kind == STEP_ERROR_ON && of->heard_at != netfilter->heard_at);
}

unsigned step_frames(const struct talk *t, const struct world *w, enum step_kind kind, enum side_kind side,
                     uint64_t how, struct frame f[FRAGMENTS_SEEN_MOST])
{
    (void)w;
    const struct seen_of *of = &t->of[side];
    struct packet p;
    uint8_t iface = t->iface;
    if (kind == STEP_FRAGMENTS) return fragments(t, how, f);
    if (quotes_another(t, kind, side)) return 0;
    if (kind == STEP_ERROR_ON) {
        if (!of->answered) return 0;
        p = turned(&of->heard);
        make_error(&p, &of->heard, how);
        p.ttl = 63;
        iface = of->heard.iface;
    } else if (kind == STEP_INWARDS) {
        if (!of->left) return 0;
        p = inwards(t, &of->last);
    } else if (kind >= STEP_REPLY) {
        if (!of->left) return 0;
        p = made_of_left(t, kind, of, how);
        iface = of->last.iface;
    } else
        p = made_anew(t, kind, how);
    packet_build(&p, iface, f);
    return 1;
}

/* ---- recording ---- */

void talk_note(struct talk *t, enum step_kind kind, enum side_kind side, const struct frame *sent,
               const struct frame *left, unsigned count)
{
    struct seen_of *of = &t->of[side];
    struct packet p, in;
    for (unsigned i = 0; i < count; i++) {
        if (!packet_parse(&left[i], &p) || !packet_parse(sent, &in)) continue;
        if (p.offset || p.more || p.ttl + 1 != in.ttl) continue; /* a fragment, or the router's own packet */
        if (kind == STEP_STRAY && p.proto == IPPROTO_NR_TCP && p.flags & FLAG_FIN) of->fin_left = true;
        if (kind <= STEP_CLOSE) of->left = true, of->last = left[i], of->last_at = t->steps;
        if (kind == STEP_REPLY || kind == STEP_REPLY_AGAIN)
            of->answered = true, of->answer = *sent, of->heard = left[i], of->heard_at = t->steps;
    }
}

void talk_go_on(struct talk *t, enum step_kind kind)
{
    t->steps++;
    t->over = t->over || kind == STEP_STRAY;
    if (t->proto != IPPROTO_NR_TCP) return;
    if (kind == STEP_CLOSE || kind == STEP_RESET_BACK) t->over = true;
    if (kind == STEP_OPEN && !t->opened) t->opened = true, t->seq++;
    if (kind == STEP_MORE) t->seq += 16;
    if (kind != STEP_REPLY) return;
    t->other_seq += t->opened && !t->joined ? 1 : 16;
    t->joined = true;
}
