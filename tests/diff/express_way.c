/* Differential test: the express path for ordinary packets against the careful one (tests/lib/ways.h). Random
 * conversations run through every mode, family and protocol, and through a nat, while facts change.
 *
 *   express_way [SEED [FILES [PACKETS]]]
 *
 * Clients open, speak, move to another MAC address or interface, close, reset; servers reply to packets that reached
 * them; errors quote both; fragments, TTL 1, packets too long for the MTU, wrong checksums, cut and padded frames, a
 * stranger's numbers; wrong lengths, bytes changed anywhere, heads that end early, tunnels in tunnels. Sometimes a
 * worker swaps to the same program, loaded again, without an effect. Own addresses, MTU, MAC and health change
 * between batches: a stale recipe would show. LONG=1: twenty times as many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/compiled.h"
#include "tests/lib/rng.h"
#include "tests/lib/one_kernel.h"
#include "tests/lib/talk.h"
#include "tests/lib/ways.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

enum { TALKS = 14, MODES = 8, SERVERS_MOST = 64, TEXT = 6000, ROUTED = MODES };
enum { VIP = 0xcb00710a, INSIDE = 0x0a050001, OUTSIDE = 0xc0000201, GUE_PORT = 6081 };
enum { WRAPS = 3, WRAP_MOST = IP4_LEN + UDP_LEN + GUE_LEN, FRAME_MOST = TALK_FRAME_MAX + 16 + WRAPS * WRAP_MOST };
#define S UINT64_C(1000000000)

/* A conversation: the packet as its opener sends it, and the reply as the other side sends it once a packet was
 * forwarded. */
struct conversation {
    struct talk talk, answer;
    uint32_t seq[2];
    unsigned step, mode;
    uint8_t mac;
    uint16_t iface, answer_iface;
    bool answered;
};

struct run {
    struct rng rng;
    struct program *program, *again; /* of one file; `again` may be of a longer file */
    bool longer, is_other;
    char text[TEXT];
    struct facts facts;
    uint32_t self4[2];
    struct facts_iface ifaces[2];
    uint16_t server_out[SERVERS_MOST];
    uint32_t server_mtu[SERVERS_MOST];
    uint8_t down[SERVERS_MOST], drains[SERVERS_MOST];
    uint64_t up_since_ns[SERVERS_MOST];
    struct vm_in in;
    struct ways *ways;
    struct conversation talks[TALKS];
    uint8_t bytes[VM_BATCH][FRAME_MOST];
    bool hurts; /* some packets are damaged; then no worker swaps, because it may learn at another time that a flow has
                   ended */
    struct pkt pkts[VM_BATCH];
    struct pkt_seg segs[VM_BATCH][2];
};

struct totals {
    uint64_t files, packets, in_place, swaps;
};

/* ---- programs ---- */

static void put(struct run *r, const char *s)
{
    const size_t len = strlen(r->text);
    snprintf(r->text + len, sizeof r->text - len, "%s", s);
}

static const char pools[] =
    "limits { flows 600; half_open 60; maglev 251 }\n"
    "interface wan = \"eth0\"\ninterface lan = \"eth1\"\n"
    "meter news = 40/s per source\nmeter all = 2000/s\n"
    "pool pt { source 10.9.0.7, 2001:db8::a09:7 ports 1024-1100\n"
    "  server a 10.0.0.11:8080; server b 10.0.0.12; server c [2001:db8::a00:b]:8080 }\n"
    "pool own { on down keep; server a 10.0.4.11:8080; server b [2001:db8::a00:40b]:8080 }\n"
    "pool ks { balance least_conn; server a 10.0.1.11:8080; server b 10.0.1.12 weight 3\n"
    "  server c [2001:db8::a00:10b]:8080 }\n"
    "pool raw { slow start 5s; balance round_robin; server a 10.0.2.11 mac 02:00:00:00:02:0b; server b 10.0.2.12\n"
    "  server c 2001:db8::a00:20b }\n"
    "pool four { source 10.9.0.1; server a 10.0.3.11; server b 10.0.3.12 mac 02:00:00:00:03:0c }\n"
    "pool both { server a 10.0.5.11; server b 2001:db8::a00:50b }\n";

static const char *const modes[MODES] = {
    "mode passthrough; -> pt",  "mode passthrough keep source; -> ks",
    "mode dsr l2; -> raw",      "mode dsr rewrite; -> ks",
    "mode dsr ipip; -> four",   "mode dsr gue 6080; -> both",
    "mode passthrough; -> own", "mode dsr gue 6080 variant 1; -> both",
};

static const char *const options[] = {
    "affinity source 4s; ",     "idle 3s; ",        "max flows 30; ",
    "max flows 5 per source; ", "mss clamp auto; ", "rate news; ",
};

static const char *const rules[] = {
    "accept state established, related as KNOWN",
    "accept state established log",
    "drop state invalid as INVALID",
    "count tcp as TCP",
    "count udp",
    "drop ttl 3",
    "accept udp over all",
    "accept state established on wan as WAN",
    "drop length 50-60 state established",
    "accept tcp, udp, sctp, icmp, icmp6 state new, established",
    "drop udp port 99",
    "reject tcp flags has psh",
    "accept state new flows over 3 per source",
    "decap ipip from 192.0.2.0/24",
    "decap gue 6081 from 192.0.2.0/24",
};

static void draw_program(struct run *r)
{
    char line[200];
    r->text[0] = '\0';
    put(r, pools);
    for (unsigned m = 0; m < MODES; m++) {
        snprintf(line, sizeof line, "service s%u on 203.0.113.%u, 2001:db8::cb00:%x tcp/80, udp/80, sctp/80%s { ", m,
                 10 + m, 0x710a + m, rng_one_in(&r->rng, 2) ? ", icmp, icmp6" : "");
        put(r, line);
        for (unsigned i = 0; i < sizeof options / sizeof *options; i++)
            if (rng_one_in(&r->rng, 6)) put(r, options[i]);
        if (m < 2 && rng_one_in(&r->rng, 6)) put(r, "syn cookies; ");
        put(r, modes[m]);
        put(r, " }\n");
    }
    put(r, "nat home {\n  forward 203.0.113.1 udp/80 -> 10.5.0.2:8080\n"
           "  masquerade from 10.5.0.0/24 out on wan ports 2000-2100\n}\n");
    if (rng_one_in(&r->rng, 4)) return;
    static const char *const directions[] = {"", "in ", "forward "};
    put(r, "firewall edge ");
    put(r, directions[rng_below(&r->rng, 3)]);
    put(r, rng_one_in(&r->rng, 3) ? "default drop {\n" : "default accept {\n");
    for (unsigned i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!rng_one_in(&r->rng, 4)) continue;
        put(r, "  ");
        put(r, rules[i]);
        put(r, "\n");
    }
    put(r,
        rng_one_in(&r->rng, 3) ? "}\n" : "  accept to 203.0.113.0/24, 2001:db8::/64\n  accept from 10.5.0.0/24\n}\n");
}

/* ---- packets ---- */

/* Draw no interface, one that the rules name, or another one. */
static uint16_t any_iface(struct rng *g)
{
    static const uint16_t ifaces[] = {0, 1, 2, IFACE_OTHER, IFACE_NONE, IFACE_NONE};

    return ifaces[rng_below(g, sizeof ifaces / sizeof *ifaces)];
}

static void begin_talk(struct run *r, struct conversation *c)
{
    static const uint8_t protos[] = {IPPROTO_NR_TCP, IPPROTO_NR_TCP, IPPROTO_NR_TCP,  IPPROTO_NR_UDP,
                                     IPPROTO_NR_UDP, IPPROTO_NR_UDP, IPPROTO_NR_ICMP, IPPROTO_NR_SCTP};
    struct rng *g = &r->rng;
    *c = (struct conversation){.seq = {1000, 5000}, .mode = rng_below(g, MODES + 2), .mac = (uint8_t)rng_below(g, 4)};
    struct talk *t = &c->talk;
    *t = (struct talk){.proto = protos[rng_below(g, sizeof protos)], .ttl = 64, .window = 65535};
    t->src_port = (uint16_t)(1024 + rng_below(g, 40));
    t->dst_port = 80;
    t->id = (uint16_t)rng_below(g, 4);
    c->iface = any_iface(g);
    c->answer_iface = rng_one_in(g, 2) ? IFACE_NONE : 0;
    if (c->mode < MODES) {
        t->v6 = rng_one_in(g, 3);
        t->src = 0xc6120001 + rng_below(g, 6);
        t->dst = VIP + c->mode;
    } else { /* through the nat, from inside or to a forwarded port */
        const bool inside = c->mode == ROUTED;
        t->src = inside ? INSIDE + rng_below(g, 3) : OUTSIDE;
        t->dst = inside ? OUTSIDE + rng_below(g, 3) : 0xcb007101;
        c->iface = inside ? 1 : 0;
    }
    if (t->v6 && t->proto == IPPROTO_NR_ICMP) t->proto = IPPROTO_NR_ICMP6;
    /* A nat takes no frame of a VLAN. With the kernel executor the host gets such frames, which no other worker
     * does. */
    t->tag_count = rng_one_in(g, 4) && c->mode < MODES ? (uint8_t)(1 + rng_below(g, 2)) : 0;
    for (unsigned i = 0; i < t->tag_count; i++) {
        t->tags[i].tpid = i + 1 < t->tag_count ? 0x88a8 : 0x8100;
        t->tags[i].vid = (uint16_t)(5 + rng_below(g, 2));
    }
    if (rng_one_in(g, 6)) c->step = 3; /* the connection existed before */
}

/* Draw the next packet. The sides alternate at first, and are drawn later. */
static unsigned go_on(struct run *r, struct conversation *c, struct talk *t)
{
    struct rng *g = &r->rng;
    const unsigned dir = !c->answered ? 0 : c->step < 3 ? c->step & 1 : rng_below(g, 2);
    *t = dir ? c->answer : c->talk;
    t->seq = c->seq[dir];
    t->ack = c->seq[!dir];
    t->flags = c->step == 0 ? TCP_SYN : c->step == 1 && dir ? TCP_SYN | TCP_ACK : TCP_ACK;
    if (c->step > 2 && rng_one_in(g, c->step == 3 ? 5 : 40)) t->flags |= rng_one_in(g, 3) ? TCP_RST : TCP_FIN;
    if (c->step > 2 && rng_one_in(g, 10)) t->flags |= TCP_PSH;
    t->payload = c->step > 2 ? (uint8_t)(8 * rng_below(g, 9)) : 0;
    if (t->proto == IPPROTO_NR_SCTP) t->payload = 20;
    t->chunk = talk_chunk(c->step);
    t->type = t->v6 ? (uint8_t)(128 + dir) : dir ? 0 : 8;
    c->seq[dir] += t->payload + (t->flags & (TCP_SYN | TCP_FIN) ? 1u : 0u);
    if (rng_one_in(g, 40)) t->seq += 100000; /* a sender that guesses the number */
    if (rng_one_in(g, 30)) t->ttl = (uint8_t)(1 + rng_below(g, 3));
    if (rng_one_in(g, 40) && !t->v6 && t->payload) t->fragment = (uint8_t)(1 + rng_below(g, 2));
    if (rng_one_in(g, 40)) c->mac = (uint8_t)rng_below(g, 4);
    if (rng_one_in(g, 400) && c->mode < MODES) c->iface = any_iface(g);
    c->step++;
    return dir;
}

static void quote(struct talk *t, struct talk *about)
{
    *about = *t;
    t->proto = t->v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP;
    t->type = t->v6 ? 1 : 3;
    t->src = about->dst;
    t->dst = about->src;
    t->payload = 0;
    t->fragment = 0;
    t->quoted = about;
}

/* Draw checksums: any, none, all ones. TCP's and UDP's stay as wrong as they were. */
static void draw_sum(struct run *r, const struct talk *t, uint8_t *frame)
{
    static const uint16_t some[] = {0, UINT16_MAX, 0xfeff, 1};
    const uint32_t ip = t->v6 ? IP6_LEN : IP4_LEN, l4 = ETHER_LEN + (uint32_t)VLAN_LEN * t->tag_count + ip;
    const uint16_t sum = rng_one_in(&r->rng, 4) ? some[rng_below(&r->rng, 4)] : (uint16_t)rng_next(&r->rng);
    if (t->fragment == 2) return;
    if (t->proto == IPPROTO_NR_TCP) wire_put16(frame + l4 + TCP_SUM, sum);
    if (t->proto == IPPROTO_NR_UDP) wire_put16(frame + l4 + UDP_SUM, sum);
}

/* Put one more packet around the frame's, either directly or behind GUE of either variant. Returns the frame's
 * length. */
static uint32_t wrap(struct run *r, const struct talk *t, uint8_t *frame, uint32_t len)
{
    const uint32_t l3 = ETHER_LEN + (uint32_t)VLAN_LEN * t->tag_count, kind = rng_below(&r->rng, 3);
    const uint32_t by = IP4_LEN + (kind > 0 ? UDP_LEN : 0u) + (kind > 1 ? GUE_LEN : 0u), total = len - l3 + by;
    uint8_t *ip = frame + l3, *udp = ip + IP4_LEN;
    const uint8_t proto = *ip >> 4 == 6 ? IPPROTO_NR_IP6 : IPPROTO_NR_IP4;
    memmove(ip + by, ip, len - l3);
    memset(ip, 0, by);
    wire_put16(ip - 2, ETHER_IP4);
    wire_put16(ip, 4 << 12 | 5 << 8);
    wire_put16(ip + IP4_TOTAL, (uint16_t)total);
    wire_put16(ip + IP4_TTL, (uint16_t)(60 << 8 | (kind ? IPPROTO_NR_UDP : proto)));
    wire_put32(ip + IP4_SRC, OUTSIDE + rng_below(&r->rng, 3));
    wire_put32(ip + IP4_DST, 0xcb007101);
    wire_put16(ip + IP4_SUM, csum_fold(csum_add(0, ip, IP4_LEN)));
    if (kind) wire_put32(udp, 50000u << 16 | GUE_PORT);
    if (kind) wire_put16(udp + UDP_LENGTH, (uint16_t)(total - IP4_LEN));
    if (kind > 1) udp[UDP_LEN + GUE_PROTO] = proto;
    return len + by;
}

/* Break the frame as no correct sender would: change a length of any layer, or any byte. */
static void maim(struct run *r, const struct talk *t, uint8_t *frame, uint32_t len)
{
    static const uint16_t lies[] = {0, 1, 7, 8, 19, 20, 39, 40, 0x7fff, 0x8000, 0xfffe, 0xffff};
    struct rng *g = &r->rng;
    const uint32_t l3 = ETHER_LEN + (uint32_t)VLAN_LEN * t->tag_count, l4 = l3 + (t->v6 ? IP6_LEN : IP4_LEN);
    const uint32_t at[] = {l3 + (t->v6 ? IP6_PAYLOAD : IP4_TOTAL),
                           l4 + UDP_LENGTH,
                           l4 + TCP_OFFSET,
                           l3,
                           rng_below(g, len),
                           rng_below(g, len)};
    uint8_t *const p = frame + at[rng_below(g, sizeof at / sizeof *at)];
    if (p + 2 > frame + len) return;
    if (rng_one_in(g, 3))
        wire_put16(p, lies[rng_below(g, sizeof lies / sizeof *lies)]);
    else if (rng_one_in(g, 2))
        wire_put16(p, (uint16_t)(wire_get16(p) + rng_below(g, 9) - 4));
    else
        *p ^= (uint8_t)(1u << rng_below(g, 8));
}

/* Draw packets that no host sends, with right checksums: any mix of fragment bits and offsets, an address that no
 * host has or that is its own peer's. Sometimes add a tag that has only a priority. */
static void draw_odd(struct run *r, const struct talk *t, uint8_t *frame)
{
    static const uint16_t fragments[] = {0x2000, 0x4000, 0x6000, 0x8000, 0xa000, 0x2001, 1, 0x1fff, 0x3fff};
    struct rng *g = &r->rng;
    uint8_t *ip = frame + ETHER_LEN + VLAN_LEN * t->tag_count;
    if (t->tag_count && rng_one_in(g, 3)) wire_put16(frame + ETHER_LEN, wire_get16(frame + ETHER_LEN) & 0xf000);
    if (t->v6) return;
    const uint32_t odd[] = {r->self4[0], wire_get32(ip + IP4_DST), 0x7f000001, 0xe0000001, 0, UINT32_MAX};
    if (rng_one_in(g, 3)) wire_put16(ip + IP4_FRAG, fragments[rng_below(g, sizeof fragments / sizeof *fragments)]);
    if (rng_one_in(g, 3))
        wire_put32(ip + (rng_one_in(g, 4) ? IP4_DST : IP4_SRC), odd[rng_below(g, sizeof odd / sizeof *odd)]);
    wire_put16(ip + IP4_SUM, 0);
    wire_put16(ip + IP4_SUM, csum_fold(csum_add(0, ip, IP4_LEN)));
}

/* Cut the head anywhere; the rest is in two pieces. */
static void cut_up(struct run *r, unsigned i)
{
    struct pkt *const pkt = &r->pkts[i];
    struct pkt_seg *const seg = r->segs[i];
    const uint32_t head = rng_below(&r->rng, pkt->cap_len + 1), first = rng_below(&r->rng, pkt->cap_len - head + 1);
    seg[0] = (struct pkt_seg){pkt->data + head, first};
    seg[1] = (struct pkt_seg){pkt->data + head + first, pkt->cap_len - head - first};
    pkt->head_len = head;
    pkt->segs = seg;
    pkt->seg_count = 2;
}

/* Draw fields that no path changes (a tag's priority; IPv6's class and label), and sometimes a header of destination
 * options, which every path must skip. Return the frame's length. */
static uint32_t draw_more(struct run *r, const struct talk *t, uint8_t *frame, uint32_t len)
{
    enum { OPTIONS = 8 };
    const uint32_t l3 = ETHER_LEN + (uint32_t)VLAN_LEN * t->tag_count, l4 = l3 + IP6_LEN;
    uint8_t *ip = frame + l3;
    if (t->tag_count) frame[ETHER_LEN] |= (uint8_t)(rng_below(&r->rng, 16) << 4);
    if (!t->v6) return len;
    if (rng_one_in(&r->rng, 3)) wire_put32(ip, 6u << 28 | rng_below(&r->rng, 1 << 28));
    if (!rng_one_in(&r->rng, 30)) return len;
    memmove(frame + l4 + OPTIONS, frame + l4, len - l4);
    memset(frame + l4, 0, OPTIONS);
    frame[l4] = ip[IP6_NEXT];
    frame[l4 + 2] = 1; /* padding, in the four bytes behind these two */
    frame[l4 + 3] = 4;
    ip[IP6_NEXT] = IPPROTO_NR_DSTOPTS;
    wire_put16(ip + IP6_PAYLOAD, (uint16_t)(wire_get16(ip + IP6_PAYLOAD) + OPTIONS));
    return len + OPTIONS;
}

static void draw_packet(struct run *r, unsigned i)
{
    struct rng *g = &r->rng;
    const unsigned which = rng_below(g, TALKS);
    struct conversation *c = &r->talks[which];
    struct talk t, about;
    uint8_t *frame = r->bytes[i];
    if (c->step == 0 || rng_one_in(g, 60)) begin_talk(r, c);
    const unsigned dir = go_on(r, c, &t);
    const bool error = rng_one_in(g, 25);
    if (error) quote(&t, &about);
    uint32_t len = talk_build(&t, frame);
    const uint32_t pad = rng_one_in(g, 12) ? 8 : 0, cut = rng_one_in(g, 30) && t.payload;
    if (!error) draw_sum(r, &t, frame);
    len = draw_more(r, &t, frame, len);
    memset(frame + len, 0xee, pad);
    frame[11] = dir ? 9 : c->mac;
    if (rng_one_in(g, 30)) frame[0] = rng_one_in(g, 2) ? 1 : 0; /* a group address, or one of no host */
    if (rng_one_in(g, 60) && !t.v6) frame[ETHER_LEN + VLAN_LEN * t.tag_count + IP4_SUM] ^= 1;
    if (rng_one_in(g, 2) && !t.v6 && !t.fragment) { /* DF, with a corrected checksum */
        uint8_t *ip = frame + ETHER_LEN + VLAN_LEN * t.tag_count;
        ip[IP4_FRAG] |= IP4_DF >> 8;
        wire_put16(ip + IP4_SUM, csum_apply(wire_get16(ip + IP4_SUM), csum_delta16(0, IP4_DF)));
    }
    const bool hurt = r->hurts && rng_one_in(g, 12), later = r->hurts && rng_one_in(g, 60);
    const unsigned wraps = r->hurts && rng_one_in(g, 12) ? 1 + rng_below(g, WRAPS) : 0;
    if (r->hurts && rng_one_in(g, 12)) draw_odd(r, &t, frame);
    if (hurt) maim(r, &t, frame, len);
    for (unsigned n = wraps; n > 0; n--) len = wrap(r, &t, frame, len);
    if (later) maim(r, &t, frame, len);
    pkt_view(&r->pkts[i], frame, len + pad - cut, len + pad, LINK_ETHER, dir ? c->answer_iface : c->iface);
    if (rng_one_in(g, 40) && c->mode < MODES) { /* a tag that the kernel took off */
        r->pkts[i].tag_count = 1;
        r->pkts[i].tags[0].tpid = 0x8100;
        r->pkts[i].tags[0].tci = 7;
    }
    const bool partial = rng_one_in(g, 6); /* a test run has no socket buffer with a partial checksum */
    if (partial && !one_kernel_is_tc()) r->pkts[i].flags |= PKT_CSUM_PARTIAL;
    const bool whole =
        !hurt && !later && !wraps && !cut; /* because the kernel reports such facts only for complete packets */
    if (whole && r->pkts[i].flags & PKT_CSUM_PARTIAL && t.payload && rng_one_in(g, 3))
        r->pkts[i].segment = (uint16_t)(1 + rng_below(g, t.payload));
    if (r->hurts && rng_one_in(g, 40) && !r->pkts[i].segment) cut_up(r, i);
    r->pkts[i].cookie = which << 1 | dir;
}

/* Let the receiver of a client's packet reply to the packet as received. */
static void learn(struct run *r)
{
    for (unsigned i = 0; i < ways_sent(r->ways); i++) {
        const struct way_sent s = ways_sent_at(r->ways, i);
        struct conversation *c = &r->talks[s.cookie >> 1 & 15];
        struct pkt pkt;
        struct key key;
        if (s.cause != TX_CAUSE_PACKET || s.cookie & 1 || s.cookie >> 1 >= TALKS || c->step == 0) continue;
        if (c->mode == 2 || c->mode == 4 || c->mode == 5 || c->mode == 7)
            continue; /* the client gets the server's packets directly */
        pkt_view(&pkt, s.bytes, s.cap_len, s.len, LINK_ETHER, IFACE_NONE);
        if (pkt_parse(&pkt, &r->facts, &key) != REASON_NONE || key.proto != c->talk.proto) continue;
        const unsigned word = c->talk.v6 ? 3 : 0;
        c->answer = c->talk;
        c->answer.src = key.dst[word];
        c->answer.dst = key.src[word];
        if (key.kind & KIND_PORTS) {
            c->answer.src_port = key.dst_port;
            c->answer.dst_port = key.src_port;
        } else if (key.kind & KIND_ICMP_HEADER) {
            c->answer.id = wire_get16(s.bytes + pkt.l4 + ICMP_REST);
        }
        c->answered = true;
    }
}

/* ---- facts ---- */

static void draw_facts(struct run *r)
{
    static const uint32_t mtus[] = {0, 1500, 110, 90, 9000, 70};
    struct rng *g = &r->rng;
    r->facts.generation++;
    if (rng_one_in(g, 2)) r->facts.mtu = mtus[rng_below(g, sizeof mtus / sizeof *mtus)];
    if (rng_one_in(g, 3)) r->facts.addr4 = 0xcb007101 + (rng_one_in(g, 3) ? 1 : 0);
    if (rng_one_in(g, 3)) r->facts.addr6[3] = 0x0a090001 + rng_below(g, 2);
    if (rng_one_in(g, 3)) r->facts.mac = rng_one_in(g, 2) ? 0x020000000042 : 0;
    if (rng_one_in(g, 3)) r->facts.self4_count = r->facts.self4_count ? 0 : 1;
    if (rng_one_in(g, 3)) r->facts.ifaces_count = rng_below(g, 3);
    for (unsigned i = 0; i < 2; i++) {
        r->ifaces[i].mac = rng_one_in(g, 2) ? 0x020000000050 + i : 0;
        r->ifaces[i].mtu = rng_one_in(g, 2) ? mtus[rng_below(g, sizeof mtus / sizeof *mtus)] : 0;
        r->ifaces[i].addr4 = rng_one_in(g, 4) ? 0xcb007101 + rng_below(g, 3) : 0;
    }
    r->ifaces[0].as = r->ifaces[1].as = 0;
    if (rng_one_in(g, 3))
        r->ifaces[rng_below(g, 2)].as = (uint16_t)(1 + rng_below(g, 2)); /* an interface of a pattern */
    r->facts.patterns = r->ifaces[0].as | r->ifaces[1].as;
    for (unsigned i = 0; i < SERVERS_MOST; i++) r->server_out[i] = (uint16_t)rng_below(g, 3);
    for (unsigned i = 0; i < SERVERS_MOST; i++)
        r->server_mtu[i] = rng_one_in(g, 2) ? 0 : 1200 + (uint32_t)rng_below(g, 400);
    r->facts.server_mtu = rng_one_in(g, 2) ? r->server_mtu : NULL;
    r->facts.server_out = rng_one_in(g, 2) ? r->server_out : NULL;
    for (unsigned i = 0; i < r->program->servers_count && i < SERVERS_MOST; i++) {
        if (!rng_one_in(g, 6)) continue;
        r->down[i] ^= 1;
        if (!r->down[i]) r->up_since_ns[i] = r->in.mono_ns; /* its weight then grows */
    }
    for (unsigned i = 0; i < r->program->services_count && i < SERVERS_MOST; i++) r->drains[i] = rng_one_in(g, 6);
}

/* ---- running ---- */

static bool start(struct run *r, uint64_t seed)
{
    r->rng.state = seed;
    draw_program(r);
    r->program = compiled_text(r->text);
    r->longer = rng_one_in(&r->rng, 2);
    if (r->longer)
        put(r, "pool more { server a 10.0.6.11; server b 10.0.6.12 }\n"
               "service last on 203.0.113.99 tcp/80 { mode dsr rewrite; -> more }\n");
    r->again = compiled_text(r->text);
    r->ways = r->program && r->again ? ways_new(r->program, seed) : NULL;
    r->self4[0] = 0xcb007101;
    r->facts = (struct facts){.generation = 1,
                              .self4 = r->self4,
                              .self4_count = 1,
                              .down = r->down,
                              .up_since_ns = r->up_since_ns,
                              .drains = r->drains,
                              .ifaces = r->ifaces,
                              .addr4 = 0xcb007101,
                              .addr6 = {0x20010db8, 0, 0, 0x0a090001}};
    r->in = (struct vm_in){.mono_ns = 1000 * S, .facts = &r->facts};
    r->hurts = seed % 2;
    return r->ways;
}

/* Swap to the other program, or back. */
static bool swap(struct run *r)
{
    const bool good = ways_swap(r->ways, r->is_other ? r->program : r->again, r->longer, &r->in);
    r->is_other ^= good;
    return good;
}

static bool batch(struct run *r, struct totals *totals)
{
    const unsigned n = 1 + rng_below(&r->rng, VM_BATCH);
    for (unsigned i = 0; i < n; i++) draw_packet(r, i);
    bool good = ways_run(r->ways, &r->in, r->pkts, n);
    learn(r);
    totals->packets += n;
    r->in.mono_ns += rng_one_in(&r->rng, 30) ? 20 * S : 1 + rng_below(&r->rng, 2000000);
    if (good && rng_one_in(&r->rng, 4)) good = ways_tick(r->ways, &r->in);
    if (rng_one_in(&r->rng, 5)) draw_facts(r);
    if (!r->hurts && r->rng.state % 5 == 0) totals->swaps += swap(r);
    return good;
}

static bool check_file(uint64_t seed, unsigned packets, struct totals *totals)
{
    static struct run r;
    memset(&r, 0, sizeof r);
    bool good = start(&r, seed);
    const uint64_t until = totals->packets + packets;
    while (good && totals->packets < until) good = batch(&r, totals);
    totals->files++;
    if (r.ways) totals->in_place += ways_in_place(r.ways);
    if (!good) printf("# seed %" PRIu64 ", rules:\n%s\n", seed, r.text);
    ways_free(r.ways);
    program_put(r.program);
    program_put(r.again);
    return good;
}

int main(int argc, char **argv)
{
    const char *wanted = getenv("LONG");
    const unsigned times = wanted && *wanted ? 20 : 1;
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned files = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 60 * times;
    const unsigned packets = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 5000;
    struct totals totals = {0};
    bool good = true;
    for (unsigned i = 0; good && i < files; i++) good = check_file(seed + i, packets, &totals);
    printf("# %" PRIu64 " programs, %" PRIu64 " packets, %" PRIu64 " left where they lay, %" PRIu64 " swaps\n",
           totals.files, totals.packets, totals.in_place, totals.swaps);
    if (totals.in_place < totals.packets / 10) good = false; /* too little was compared */
    printf("%sok 1 - the express way does what the careful one does\n1..1\n", good ? "" : "not ");
    return !good;
}
