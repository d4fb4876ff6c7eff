/* Property test: translation against a plain list of flows and mappings.
 *
 *   nat [SEED [RUNS [PACKETS]]]
 *
 * Some hosts are mapped one to one to separate addresses; the others share this machine's. Also drawn: whether their
 * shared ports are one range or two, and whether a condition excludes one stranger or a protocol.
 *
 * Each run draws from few inside hosts, strangers and ports, so that they repeat. Packets are of both families, with
 * and without VLAN tags (a nat translates none with tags): UDP, TCP, SCTP, another protocol and queries. They go to
 * remote ends, and to mapped and forwarded ones from outside and inside; others reply to packets that left, or are
 * errors that quote them. For each packet the list decides if it leaves, and with which bytes; checksums are
 * computed in full. So one inside end has one outside end for all remote ends, no two inside ends share an outside
 * end, there and back is the identity, and only packets that must be rejected are. If no port was left, a flow may
 * have been evicted that was the only one of its mapping and had at most one packet of each side. After some hours
 * nothing is held. LONG=1: twenty times as many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/compiled.h"
#include "tests/lib/known_routes.h"
#include "tests/lib/one_kernel.h"
#include "tests/lib/rng.h"
#include "tests/lib/sums.h"
#include "tests/lib/talk.h"
#include "vm/forward/bind/nat.h"
#include "vm/packet/parse/header.h"
#include "vm/vm.h"

enum {
    FLOWS_MOST = 4096,
    MAPS_MOST = 1024,
    SLOT_BYTES = 2048,
    SLOTS = 8,
    POOL_BYTES = 64 * 1024,
    PORT_LO = 2000,
    PORT_HI = 2027
};
enum { INSIDE = 0x0a000000, OWN = 0xcb007101, STRANGER = 0xc0000200, TARGET = 0x0a000050, GRE = 47 };
enum { MAPPED = 0xcb007108, MAPPED_INSIDE = 0x0a000008, MAPPED_MOST = 8 };
enum { FORWARDED = 2010, TARGET_PORT = 80, FORWARDED_MOST = 4 }; /* ports within the range of the mappings */
#define S UINT64_C(1000000000)

static const char rules[] = "interface wan = \"eth0\"\n"
                            "limits { flows 100_000 }\n"
                            "set inside = 10.0.0.0/24, 2001:db8::a00:0/120\n"
                            "nat home {\n"
                            "  forward 203.0.113.1 tcp/2010-2013, udp/2010-2013 -> 10.0.0.80:80\n"
                            "  forward 2001:db8::cb00:7101 tcp/2010-2013, udp/2010-2013 -> [2001:db8::a00:50]:80\n"
                            "  map 203.0.113.8/29 <-> 10.0.0.8/29 out on wan\n"
                            "  map 2001:db8::cb00:7108/125 <-> 2001:db8::a00:8/125\n"
                            "  masquerade from inside%s%s out on wan ports 2000-%u, %u-2027\n"
                            "}\n";
#define NOT_THIRD " to not 192.0.2.3, 2001:db8::c000:203"

/* A flow seen from its opener's side. Ports of queries are both the identifier. */
struct tuple {
    bool v6;
    uint8_t proto, tags;
    uint32_t src, dst;
    uint16_t src_port, dst_port;
};
struct model_flow {
    struct tuple own, to;
    unsigned asked, answered; /* packets of each side */
};
struct model_map {
    struct tuple inside; /* only the source */
    uint16_t port;
};

struct run {
    struct rng rng;
    unsigned below, above;   /* the masquerade's ports: up to `below`, and from `above` on */
    bool not_third, not_gre; /* a condition excludes the third stranger; the protocol without ports */
    struct program *program;
    struct executor *worker;
    struct vm_in in;
    struct facts facts;
    struct known_routes routes;
    uint32_t self4[1];
    struct pbc_range6 self6[1];
    struct pool *pool;
    void *memory;
    struct tx_entry entries[VM_BATCH];
    struct event events[4];
    struct vm_tx tx;
    struct model_flow flows[FLOWS_MOST];
    struct model_map maps[MAPS_MOST];
    struct tuple others[FLOWS_MOST]; /* untranslated flows, which stay so */
    unsigned flow_count, map_count, other_count, hosts, ports;
    uint64_t packets;
    bool bare; /* packets arrive on devices without Ethernet */
    bool busy; /* UDP flows continue at once, so none can be evicted */
    char why[700];
};

struct totals {
    uint64_t packets, out, in, hairpins, replies, errors, exhausted, gave_way, alike, tagged, untouched;
};

/* ---- the model ---- */

static bool query(uint8_t proto, bool v6) { return proto == (v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP); }
static bool mapped(const struct tuple *t)
{
    return t->proto == IPPROTO_NR_TCP || t->proto == IPPROTO_NR_UDP || query(t->proto, t->v6);
}
static bool ported(const struct tuple *t) { return t->proto == IPPROTO_NR_TCP || t->proto == IPPROTO_NR_UDP; }
static bool is_inside(uint32_t addr) { return addr >> 8 == INSIDE >> 8; }

static bool is_mapped_host(uint32_t addr) { return addr / MAPPED_MOST == MAPPED_INSIDE / MAPPED_MOST; }
/* True if packets from there need a port, or an identifier, of the address that hosts share. */
static bool shares(const struct tuple *t) { return mapped(t) && is_inside(t->src) && !is_mapped_host(t->src); }

static struct tuple reversed(const struct tuple *t)
{
    struct tuple r = *t;
    r.src = t->dst, r.dst = t->src;
    r.src_port = t->dst_port, r.dst_port = t->src_port;
    return r;
}

static bool equal(const struct tuple *a, const struct tuple *b)
{
    return a->v6 == b->v6 && a->proto == b->proto && a->tags == b->tags && a->src == b->src && a->dst == b->dst &&
           a->src_port == b->src_port && a->dst_port == b->dst_port;
}

static bool like(const struct tuple *a, const struct tuple *b)
{
    const struct tuple r = reversed(b);
    return equal(a, b) || (!query(a->proto, a->v6) && equal(a, &r));
}

static bool is_others(const struct run *r, const struct tuple *t)
{
    for (unsigned i = 0; i < r->other_count; i++)
        if (like(t, &r->others[i])) return true;
    return false;
}

/* True if a flow has that tuple on either side. */
static bool is_taken(const struct run *r, const struct tuple *t)
{
    if (is_others(r, t)) return true;
    for (unsigned i = 0; i < r->flow_count; i++)
        if (like(t, &r->flows[i].own) || like(t, &r->flows[i].to)) return true;
    return false;
}

static bool same_source(const struct tuple *a, const struct tuple *b)
{
    return a->v6 == b->v6 && a->proto == b->proto && a->tags == b->tags && a->src == b->src &&
           a->src_port == b->src_port;
}

static const struct model_map *map_of_inside(const struct run *r, const struct tuple *t)
{
    for (unsigned i = 0; i < r->map_count; i++)
        if (same_source(&r->maps[i].inside, t)) return &r->maps[i];
    return NULL;
}

static const struct model_map *map_of_outside(const struct run *r, const struct tuple *t)
{
    for (unsigned i = 0; i < r->map_count; i++) {
        const struct tuple *in = &r->maps[i].inside;
        if (in->v6 == t->v6 && in->proto == t->proto && r->maps[i].port == t->dst_port) return &r->maps[i];
    }
    return NULL;
}

static bool in_ports(const struct run *r, unsigned port)
{
    return port >= PORT_LO && port <= PORT_HI && (port <= r->below || port >= r->above);
}

/* True if a port, or an identifier, is unused. */
static bool port_left(const struct run *r, const struct tuple *t)
{
    unsigned used = ported(t) ? FORWARDED_MOST : 0;
    for (unsigned i = 0; i < r->map_count; i++)
        used += r->maps[i].inside.v6 == t->v6 && r->maps[i].inside.proto == t->proto;
    return used < PORT_HI - PORT_LO + 1 - (r->above - r->below - 1);
}

/* Outcome of a packet. */
enum fate { UNTOUCHED, LEAVES, REFUSED };

/* Find the packet's flow; *to: the tuple it leaves with. */
static bool of_flow(struct run *r, const struct tuple *t, bool answers, struct tuple *to, bool *reply)
{
    for (unsigned i = 0; i < r->flow_count; i++) {
        struct model_flow *f = &r->flows[i];
        const struct tuple back = reversed(&f->to);
        *reply = equal(t, &back) && (answers || !query(t->proto, t->v6));
        if (*reply) *to = reversed(&f->own);
        if (equal(t, &f->own) && !answers) *to = f->to;
        f->answered += *reply;
        f->asked += equal(t, &f->own) && !answers;
        if (*reply || (equal(t, &f->own) && !answers)) return true;
    }
    return false;
}

/* True if a condition excludes the packet from the statement for hosts that share an address. */
static bool is_left_out(const struct run *r, const struct tuple *t)
{
    if (!is_inside(t->src) || is_mapped_host(t->src)) return false;
    return (r->not_third && t->dst == STRANGER + 3) || (r->not_gre && t->proto == GRE);
}

/* Decide a packet without a flow. `*to`: port 0 if one is to be drawn. */
static enum fate begin(const struct run *r, const struct tuple *t, struct tuple *to)
{
    const bool own = t->dst == OWN;
    const struct model_map *m = own && ported(t) ? map_of_outside(r, t) : NULL;
    bool turned = true;
    *to = *t;
    if (own && ported(t) && t->dst_port >= FORWARDED && t->dst_port < FORWARDED + FORWARDED_MOST) {
        to->dst = TARGET;
        to->dst_port = (uint16_t)(TARGET_PORT + t->dst_port - FORWARDED);
    } else if (m && m->inside.tags == t->tags) {
        to->dst = m->inside.src;
        to->dst_port = m->inside.src_port;
    } else if (t->dst / MAPPED_MOST == MAPPED / MAPPED_MOST) {
        to->dst = MAPPED_INSIDE + t->dst % MAPPED_MOST;
    } else {
        turned = false;
    }
    if (!turned && (own || !is_inside(t->src) || is_inside(t->dst) || is_left_out(r, t))) return UNTOUCHED;
    if (!is_inside(t->src) || is_left_out(r, t)) return LEAVES;
    to->src = is_mapped_host(t->src) ? MAPPED + t->src % MAPPED_MOST : OWN;
    if (!shares(t)) return LEAVES;
    const struct model_map *mine = map_of_inside(r, t);
    to->src_port = mine ? mine->port : 0;
    return mine || port_left(r, t) ? LEAVES : REFUSED;
}

/* ---- packets ---- */

static void set_tags(struct talk *t, unsigned tags)
{
    t->tag_count = (uint8_t)tags;
    for (unsigned i = 0; i < tags; i++) {
        t->tags[i].tpid = i ? ETHER_VLAN : tags > 1 ? ETHER_QINQ : ETHER_VLAN;
        t->tags[i].vid = (uint16_t)(5 + i);
    }
}

static struct talk talk_of(const struct tuple *t, bool answers, uint8_t ttl)
{
    struct talk k = {.v6 = t->v6, .src = t->src, .dst = t->dst, .proto = t->proto, .ttl = ttl, .payload = 12};
    set_tags(&k, t->tags);
    k.src_port = t->src_port;
    k.dst_port = t->dst_port;
    k.window = 1000;
    k.seq = 1000;
    k.flags = TCP_SYN;
    k.chunk = 1;
    if (query(t->proto, t->v6)) k.id = t->src_port, k.type = t->v6 ? (answers ? 129 : 128) : answers ? 0 : 8;
    if (t->proto == IPPROTO_NR_TCP) k.payload = 0;
    return k;
}

static struct talk error_of(const struct talk *quoted, uint32_t src, uint32_t dst, uint8_t ttl)
{
    struct talk k = {.v6 = quoted->v6, .src = src, .dst = dst, .ttl = ttl, .quoted = quoted};
    k.proto = k.v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP;
    k.type = k.v6 ? ICMP6_TIME_EXCEEDED : ICMP4_TIME_EXCEEDED;
    k.tag_count = quoted->tag_count;
    memcpy(k.tags, quoted->tags, sizeof k.tags);
    return k;
}

static bool wrong(struct run *r, const char *what, const struct talk *t)
{
    char text[300];
    snprintf(r->why, sizeof r->why, "%s: %s", what, talk_text(t, text, sizeof text));
    return false;
}

static uint32_t build(const struct talk *t, uint8_t frame[TALK_FRAME_MAX])
{
    const uint32_t len = talk_build(t, frame), l3 = ETHER_LEN + (uint32_t)t->tag_count * VLAN_LEN;
    sums_fill(frame + l3, len - l3);
    return len;
}

/* Return the length of the link header, which bare packets lack. */
static uint32_t link_len(const struct run *r) { return r->bare ? ETHER_LEN : 0; }

/* Let the worker judge the packet. */
static struct verdict judge(struct run *r, const struct talk *t)
{
    static uint8_t frame[TALK_FRAME_MAX];
    struct pkt pkt;
    struct pkt *const pkts[] = {&pkt};
    struct verdict v;
    const uint32_t skip = link_len(r), len = build(t, frame) - skip;
    pkt_view(&pkt, frame + skip, len, len, r->bare ? LINK_RAW : LINK_ETHER, IFACE_NONE);
    r->tx = (struct vm_tx){.entries = r->entries, .cap = VM_BATCH, .events = r->events, .event_cap = 4};
    executor_run(r->worker, &r->in, pkts, 1, &v, &r->tx);
    r->packets++;
    return v;
}

static void put_back(struct run *r)
{
    for (unsigned i = 0; i < r->tx.count; i++) pool_put(r->entries[i].pkt);
}

/* True if exactly one packet left, and is that one apart from its MAC addresses. */
static bool left_as(struct run *r, const struct talk *t)
{
    uint8_t frame[TALK_FRAME_MAX];
    const uint32_t len = build(t, frame), from = r->bare ? ETHER_LEN : ETHER_TYPE_AT, skip = link_len(r);
    if (r->tx.count != 1) return false;
    const struct pkt *p = r->entries[0].pkt;
    return p->cap_len == len - skip && memcmp(p->data + from - skip, frame + from, len - from) == 0;
}

/* Return the source port of the packet that left. */
static uint16_t port_drawn(const struct run *r, const struct tuple *t)
{
    struct pkt *p = r->entries[0].pkt;
    const unsigned at = ETHER_LEN - link_len(r) + VLAN_LEN * (unsigned)t->tags + (t->v6 ? IP6_LEN : IP4_LEN);
    if (r->tx.count != 1 || p->cap_len < at + 8) return 0;
    const uint8_t *b = p->data + at + (query(t->proto, t->v6) ? 4 : 0);
    return (uint16_t)(b[0] << 8 | b[1]);
}

/* Add a flow that has begun. If its mapping is new, check that its port was unused. */
static const char *keep(struct run *r, const struct tuple *own, struct tuple *to)
{
    if (!to->src_port && shares(own)) {
        to->src_port = port_drawn(r, own);
        if (query(own->proto, own->v6)) to->dst_port = to->src_port;
        const struct tuple end = {.v6 = own->v6, .proto = own->proto, .dst_port = to->src_port};
        if (map_of_outside(r, &end)) return "a port that another mapping has";
        if (!in_ports(r, to->src_port)) return "a port outside of the ranges";
        if (ported(own) && to->src_port >= FORWARDED && to->src_port < FORWARDED + FORWARDED_MOST)
            return "a port that is forwarded";
        r->maps[r->map_count++] = (struct model_map){.inside = *own, .port = to->src_port};
    } else if (query(own->proto, own->v6)) {
        to->dst_port = to->src_port;
    }
    r->flows[r->flow_count++] = (struct model_flow){.own = *own, .to = *to, .asked = 1};
    return NULL;
}

/* True if the flow would look like another from either side. A drawn port is taken from the packet. */
static bool is_alike(const struct run *r, const struct tuple *own, const struct tuple *to)
{
    struct tuple t = *to;
    if (query(own->proto, own->v6)) t.dst_port = t.src_port;
    return like(own, &t) || is_taken(r, &t);
}

/* True if a port that may be drawn could make the flow look like another. The inside port is kept if it is free. */
static bool may_be_alike(const struct run *r, const struct tuple *own, const struct tuple *to)
{
    for (unsigned port = PORT_LO; port <= PORT_HI; port++) {
        struct tuple t = *to, end = *own;
        end.dst_port = t.src_port = (uint16_t)port;
        if (in_ports(r, port) && !map_of_outside(r, &end) && is_alike(r, own, &t)) return true;
    }
    return false;
}

/* Return the index of the flow that was evicted for the packet, or a negative number. */
static int gave_way(const struct run *r)
{
    for (unsigned e = 0; e < r->tx.event_count; e++) {
        const struct flow_record *f = &r->events[e].flow;
        if (r->events[e].kind != EVENT_FLOW || f->end != FLOW_END_PORT_NEEDED) continue;
        for (unsigned i = 0; i < r->flow_count; i++) {
            const struct tuple *own = &r->flows[i].own;
            if (own->v6 == (f->family == 6) && own->proto == f->proto && own->src == f->src[own->v6 ? 3 : 0] &&
                own->dst == f->dst[own->v6 ? 3 : 0] && own->src_port == f->src_port &&
                (query(own->proto, own->v6) || own->dst_port == f->dst_port))
                return (int)i;
        }
    }
    return -1;
}

/* Forget the evicted flow and its mapping. Returns the fault if the flow wasn't evictable. */
static const char *forget(struct run *r, const struct tuple *t, unsigned at)
{
    const struct model_flow gone = r->flows[at];
    unsigned users = 0, map = 0;
    if (!shares(&gone.own) || gone.own.proto != t->proto || gone.own.v6 != t->v6) return "a flow of other ports ended";
    if (gone.own.proto != IPPROTO_NR_TCP && gone.answered && gone.asked + gone.answered > 2)
        return "a flow that goes on made way";
    for (unsigned i = 0; i < r->flow_count; i++) {
        const struct tuple back = reversed(&r->flows[i].own); /* flows that strangers begin hold it, too */
        users += same_source(&r->flows[i].own, &gone.own) ||
                 (same_source(&(struct tuple){.v6 = r->flows[i].to.v6,
                                              .proto = back.proto,
                                              .tags = r->flows[i].to.tags,
                                              .src = r->flows[i].to.dst,
                                              .src_port = r->flows[i].to.dst_port},
                              &gone.own) &&
                  back.src == OWN);
    }
    if (users != 1) return "a mapping that others use ended";
    while (map < r->map_count && !same_source(&r->maps[map].inside, &gone.own)) map++;
    if (map == r->map_count) return "a mapping that was not there ended";
    r->maps[map] = r->maps[--r->map_count];
    r->flows[at] = r->flows[--r->flow_count];
    return NULL;
}

/* Continue a new flow: two more packets from the opener, and one reply. */
static bool go_on(struct run *r, const struct tuple *own, const struct tuple *to)
{
    const struct tuple back = reversed(to);
    struct tuple as;
    bool reply, good = true;
    for (unsigned i = 0; i < 3 && good; i++) {
        const struct tuple *t = i < 2 ? own : &back;
        const struct talk k = talk_of(t, false, 64);
        good = of_flow(r, t, false, &as, &reply) && judge(r, &k).action == ACTION_FORWARD;
        put_back(r);
    }
    return good;
}

/* Take the reset that goes to an evicted flow's peer before the packet leaves. */
static bool take_reset(struct run *r, const struct tuple *t)
{
    if (t->proto != IPPROTO_NR_TCP) return true;
    if (!r->tx.count || r->entries[0].cause != TX_CAUSE_RST) return false;
    pool_put(r->entries[0].pkt);
    r->entries[0] = r->entries[1];
    r->tx.count--;
    return true;
}

static bool try_one(struct run *r, const struct tuple *t, bool answers, struct totals *n)
{
    const struct talk k = talk_of(t, answers, 64);
    struct tuple to;
    bool reply = false;
    const bool known = of_flow(r, t, answers, &to, &reply);
    enum fate fate = known ? LEAVES : answers || is_taken(r, t) ? UNTOUCHED : begin(r, t, &to);
    const bool drawn = fate == LEAVES && !known && shares(t) && !to.src_port;
    if (fate == LEAVES && !known && !drawn && is_alike(r, t, &to)) fate = REFUSED;
    const struct verdict v = judge(r, &k);
    const char *bad = NULL;
    const int way = fate == REFUSED && !to.src_port && mapped(t) && !t->tags ? gave_way(r) : -1;
    if (way >= 0) {
        bad = take_reset(r, t) ? forget(r, t, (unsigned)way) : "the other end of what made way was to get a reset";
        fate = LEAVES;
        n->gave_way++;
    }
    if (bad) {
        /* reported below */
    } else if (fate == UNTOUCHED) {
        n->untouched++;
        if (!answers && !is_taken(r, t)) r->others[r->other_count++] = *t;
        if (v.action != ACTION_ACCEPT || r->tx.count) bad = "was to be left alone";
    } else if (t->tags && !known) {
        n->tagged++;
        if (v.action != ACTION_DROP || v.reason != REASON_VLAN_FRAME || r->tx.count)
            bad = "a frame of a VLAN was to be refused";
    } else if (fate == REFUSED) {
        n->exhausted += !to.src_port && mapped(t);
        n->alike += to.src_port || !mapped(t);
        if (v.action != ACTION_DROP || v.reason != REASON_NO_SOURCE_PORT || r->tx.count) bad = "was to be refused";
    } else if ((drawn || way >= 0) && v.action == ACTION_DROP && v.reason == REASON_NO_SOURCE_PORT &&
               may_be_alike(r, t, &to)) {
        n->alike++;
    } else {
        if (v.action != ACTION_FORWARD || v.reason) bad = "was to leave";
        if (!bad && !known) bad = keep(r, t, &to);
        if (!bad) {
            const struct talk as = talk_of(&to, answers, 63);
            if (!left_as(r, &as)) bad = "left as something else";
        }
        n->replies += reply;
        n->out += !known && t->dst == to.dst;
        n->in += !known && t->dst != to.dst && t->src == to.src;
        n->hairpins += !known && t->dst != to.dst && t->src != to.src;
    }
    put_back(r);
    if (!bad && r->busy && v.action == ACTION_FORWARD && !known && t->proto == IPPROTO_NR_UDP && !go_on(r, t, &to))
        bad = "was to go on";
    return bad ? wrong(r, bad, &k) : true;
}

/* Send an error from a far router, or one inside, about a packet that left or came back. */
static bool try_error(struct run *r, struct totals *n)
{
    if (!r->flow_count) return true;
    const struct model_flow *f = &r->flows[rng_below(&r->rng, r->flow_count)];
    if (f->own.proto == IPPROTO_NR_TCP) return true; /* its sequence numbers are tested elsewhere */
    const bool about_reply = rng_one_in(&r->rng, 2);
    const struct tuple back_in = reversed(&f->own), back_out = reversed(&f->to);
    const struct tuple *quoted = about_reply ? &back_in : &f->to, *told = about_reply ? &back_out : &f->own;
    const bool hides = about_reply ? f->own.src != f->to.src : f->own.dst != f->to.dst;
    const uint32_t router = about_reply == is_inside(f->own.src) ? INSIDE + 254 : STRANGER + 254;
    const bool answers = about_reply && query(f->own.proto, f->own.v6);
    const struct talk q = talk_of(quoted, answers, 1), a = talk_of(told, answers, 1);
    const uint32_t speaker = rng_one_in(&r->rng, 2) ? router : quoted->dst;
    const struct talk k = error_of(&q, speaker, quoted->src, 64);
    const struct talk as = error_of(&a, hides || speaker == quoted->dst ? told->dst : speaker, told->src, 63);
    const struct verdict v = judge(r, &k);
    const bool good = v.action == ACTION_FORWARD && left_as(r, &as);
    put_back(r);
    n->errors++;
    return good || wrong(r, "an error was to be translated", &q);
}

static void draw(struct run *r, struct tuple *t, bool *answers)
{
    static const uint8_t protos[] = {
        IPPROTO_NR_TCP, IPPROTO_NR_UDP, IPPROTO_NR_UDP, IPPROTO_NR_TCP, IPPROTO_NR_ICMP, IPPROTO_NR_SCTP, GRE};
    struct rng *g = &r->rng;
    *t = (struct tuple){.v6 = rng_one_in(g, 3), .proto = protos[rng_below(g, sizeof protos)]};
    if (t->v6 && t->proto == IPPROTO_NR_ICMP) t->proto = IPPROTO_NR_ICMP6;
    t->tags = (uint8_t)(rng_one_in(g, 12) ? 1 + rng_below(g, 2) : 0);
    if (r->bare) t->tags = 0;
    const uint32_t inside = INSIDE + 1 + rng_below(g, r->hosts), stranger = STRANGER + 1 + rng_below(g, 3);
    const unsigned way = rng_below(g, 8);
    t->src = way < 5 ? inside : stranger;
    t->dst = way < 3 ? stranger : way == 7 ? inside : rng_one_in(g, 3) ? MAPPED + rng_below(g, MAPPED_MOST) : OWN;
    t->src_port = (uint16_t)(PORT_LO + rng_below(g, r->ports));
    t->dst_port = (uint16_t)(PORT_LO + rng_below(g, r->ports));
    *answers = false;
    if (r->flow_count && rng_one_in(g, 3)) {
        const struct model_flow *f = &r->flows[rng_below(g, r->flow_count)];
        const unsigned view = rng_below(g, 8);
        *t = view < 2 ? f->own : view == 2 ? f->to : reversed(&f->to);
        *answers = query(t->proto, t->v6) && t->dst == f->to.src && t->src == f->to.dst;
    }
    if (query(t->proto, t->v6)) t->dst_port = t->src_port;
    if (t->proto == GRE) t->src_port = t->dst_port = 0;
}

/* ---- runs ---- */

static bool counts_right(struct run *r)
{
    const struct vm_counters *c = executor_counters(r->worker);
    uint64_t all = 0, statements = 0;
    for (unsigned i = 0; i < ACTION_COUNT; i++) all += c->verdicts[i].packets;
    for (uint32_t i = 0; i < r->program->nats_count; i++) statements += c->nat->statements[i].packets;
    const bool good = all == r->packets && c->nat->mappings->live == r->map_count &&
                      c->nat->out + c->nat->in + c->nat->hairpins >= r->flow_count &&
                      statements + c->forward->errors == c->verdicts[ACTION_FORWARD].packets;
    if (!good)
        snprintf(r->why, sizeof r->why,
                 "counters: %" PRIu64 " of %" PRIu64 " packets, %" PRIu64 " mappings of %u, %" PRIu64
                 " translated of %" PRIu64,
                 all, r->packets, c->nat->mappings->live, r->map_count, statements,
                 c->verdicts[ACTION_FORWARD].packets);
    return good;
}

/* Check that nothing is held after hours without a packet. */
static bool all_ends(struct run *r)
{
    unsigned part = 0;
    r->in.mono_ns += 10 * 3600 * S;
    r->tx = (struct vm_tx){.entries = r->entries, .cap = VM_BATCH};
    while (executor_expire(r->worker, &r->in, &r->tx, &part)) {}
    r->flow_count = r->map_count = r->other_count = 0;
    return counts_right(r);
}

static bool run_phase(struct run *r, unsigned packets, struct totals *n)
{
    for (unsigned i = 0; i < packets && r->flow_count < FLOWS_MOST - 1 && r->map_count < MAPS_MOST - 1 &&
                         r->other_count < FLOWS_MOST - 1;
         i++) {
        struct tuple t;
        bool answers;
        draw(r, &t, &answers);
        r->in.mono_ns += 1000;
        if (!(rng_one_in(&r->rng, 8) ? try_error(r, n) : try_one(r, &t, answers, n))) return false;
    }
    return counts_right(r) && all_ends(r);
}

static struct program *compile(struct run *r)
{
    char text[sizeof rules + 120];
    r->below = 2014 + rng_below(&r->rng, 8);
    r->above = r->below + 1 + (rng_one_in(&r->rng, 2) ? rng_below(&r->rng, 5) : 0);
    r->not_third = rng_one_in(&r->rng, 3);
    r->not_gre = rng_one_in(&r->rng, 3);
    snprintf(text, sizeof text, rules, r->not_third ? NOT_THIRD : "", r->not_gre ? " not gre" : "", r->below, r->above);
    return compiled_text(text);
}

static bool run_one(uint64_t seed, unsigned packets, struct totals *n)
{
    static struct run r;
    memset(&r, 0, sizeof r);
    r.rng.state = seed;
    r.program = compile(&r);
    if (!r.program) return false;
    r.hosts = 1 + rng_below(&r.rng, 30);
    r.ports = 1 + rng_below(&r.rng, 60);
    r.self4[0] = OWN;
    r.self6[0] = (struct pbc_range6){0x20010db800000000, OWN, 0x20010db800000000, OWN};
    r.facts = (struct facts){.generation = 1,
                             .self4 = r.self4,
                             .self4_count = 1,
                             .self6 = r.self6,
                             .self6_count = 1,
                             .addr4 = OWN,
                             .addr6 = {0x20010db8, 0, 0, OWN}};
    if (!know_routes(&r.routes, "default=wan, 10.0.0.0/24=lan, 2001:db8::a00:0/120=lan", r.program, &r.facts, r.why,
                     sizeof r.why))
        return false;
    r.in = (struct vm_in){.mono_ns = S, .facts = &r.facts};
    r.memory = aligned_alloc(64, POOL_BYTES);
    r.pool = pool_init(r.memory, POOL_BYTES, SLOTS, SLOT_BYTES);
    r.busy = seed % 3 == 0;
    r.bare = seed % 4 == 3 && !one_kernel_asked(r.program);
    r.worker = one_kernel_worker(r.program, &(struct vm_cfg){.pool = r.pool, .seed = seed, .flow_events = true});
    bool good = r.worker && r.pool;
    for (unsigned phase = 0; good && phase < 2; phase++) good = run_phase(&r, packets, n);
    if (!good) printf("# seed %" PRIu64 ", packet %" PRIu64 ": %s\n", seed, r.packets, r.why);
    n->packets += r.packets;
    one_kernel_free(r.worker);
    free(r.memory);
    known_routes_fini(&r.routes);
    program_put(r.program);
    return good;
}

int main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned long_run = getenv("LONG") && *getenv("LONG") ? 20 : 1;
    const unsigned runs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 150 * long_run;
    const unsigned packets = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 600;
    struct totals n = {0};
    for (unsigned i = 0; i < runs; i++)
        if (!run_one(first + i, packets, &n)) {
            printf("not ok - translation is what the list says\n# again with: nat %" PRIu64 " 1 %u\n", first + i,
                   packets);
            return 1;
        }
    printf("ok - translation is what the list says: %u runs, %" PRIu64 " packets\n", runs, n.packets);
    const uint64_t each[] = {n.out,       n.in,       n.hairpins, n.replies, n.errors,
                             n.exhausted, n.gave_way, n.alike,    n.tagged,  n.untouched};
    bool all = true; /* a run in which something never happened proves nothing about it */
    for (unsigned i = 0; i < sizeof each / sizeof *each; i++) all &= each[i] >= runs / 8;
    printf("%s - flows begin, are answered and are refused in every way: out %" PRIu64 ", in %" PRIu64
           ", hairpin %" PRIu64 ", replies %" PRIu64 ", errors %" PRIu64 ", no port %" PRIu64 ", made way %" PRIu64
           ", alike %" PRIu64 ", of a VLAN %" PRIu64 ", left alone %" PRIu64 "\n",
           all ? "ok" : "not ok", n.out, n.in, n.hairpins, n.replies, n.errors, n.exhausted, n.gave_way, n.alike,
           n.tagged, n.untouched);
    return all ? 0 : 1;
}
