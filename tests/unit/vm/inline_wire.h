/* A worker on the wire for the tests of inline connections: frames arrive, and this file plays the inline stack. */
#ifndef TESTS_UNIT_VM_INLINE_WIRE_H
#define TESTS_UNIT_VM_INLINE_WIRE_H

#include "tests/unit/vm/inline_frame.h"
#include "tests/unit/vm/sender.h"
#include "vm/flow/inline_addr.h"
#include "vm/flow/marks.h"
#include "vm/judge/effects.h"

enum { LEFT, RIGHT, PORTS }; /* ports of the bridge, the client's first */
enum { SYN = TCP_SYN, ACK = TCP_ACK, RST = TCP_RST, FIN = TCP_FIN };
enum { CLIENT_SEQ = 1000, OUR_SEQ = 2000, OWN_SEQ = 3000, SERVER_SEQ = 4000 };
#define CLIENT_MAC   UINT64_C(0x020000000001)
#define SERVER_MAC   UINT64_C(0x020000000002)

#define SERVER_FIRST "firewall f default accept {}\nservice s on any tcp/any { mode proxy inline }\n"
#define BYTES_FIRST  "firewall f default accept {}\nservice s on any tcp/any { mode proxy inline; bytes first }\n"

struct wire {
    struct sender s;
    struct vm_cfg cfg;
    struct facts_iface ifaces[PORTS];
    struct frame client, server; /* frames that each sends on the wire */
    struct frame listener, own;  /* packets of prey's sockets, in the inline stack */
    uint16_t own_port;
};

static inline void turn(struct frame *f, const struct frame *of)
{
    *f = *of;
    memcpy(f->src, of->dst, sizeof f->src);
    memcpy(f->dst, of->src, sizeof f->dst);
    f->sport = of->dport;
    f->dport = of->sport;
    f->to = of->from;
    f->from = of->to;
}

/* Simulates the executor in the kernel by a judge of this process, which the packets come from. */
struct beside {
    bool kernel; /* later tests have such workers */
    struct program *program;
    struct vm_kernel ops;
    struct inline_marks marks;
};
static struct beside beside;

static inline uint64_t judge_beside(void *arg, const struct key *key, const struct pkt *pkt, const struct effects *e,
                                    uint64_t *mirrors)
{
    struct pkt *const pkts[] = {(struct pkt *)(uintptr_t)pkt};
    decided d;
    (void)arg;
    run_code(beside.program, 0, key, pkts, 1, NULL, e, &d);
    return d;
}

static inline const struct vm_kernel *wire_kernel(struct program *p)
{
    if (!beside.kernel) return NULL;
    beside.program = p;
    beside.ops = (struct vm_kernel){.judge = judge_beside, .marks = &beside.marks};
    memset(&beside.marks, 0, sizeof beside.marks);
    hash_key_init(&beside.marks.key, 7);
    return &beside.ops;
}

/* Prepare a worker. The two directions' tags differ in their priorities. */
static inline void wire_init(struct wire *w, const char *rules, bool v6, int tags)
{
    *w = (struct wire){.own_port = 5555};
    sender_init(&w->s, rules, false);
    vm_free(w->s.vm);
    w->cfg = (struct vm_cfg){.pool = w->s.pool, .seed = 7, .live = true, .kernel = wire_kernel(w->s.program)};
    w->s.vm = vm_new(w->s.program, &w->cfg);
    for (unsigned i = 0; i < PORTS; i++) w->ifaces[i].peer = (uint16_t)!i;
    w->s.facts.ifaces = w->ifaces;
    w->s.facts.ifaces_count = PORTS;
    w->s.facts.bridges = true;
    w->client = (struct frame){.to = SERVER_MAC,
                               .from = CLIENT_MAC,
                               .tags = tags,
                               .tpid = {tags == 2 ? 0x88a8 : 0x8100, 0x8100},
                               .tci = {5 | 3 << 13, 7 | 1 << 12},
                               .v6 = v6,
                               .ttl = 61,
                               .tos = 0xb8,
                               .src = {v6 ? 0x20010db8 : 0x0a010001, 0, 0, v6},
                               .dst = {v6 ? 0x20010db8 : 0x0a010002, 0, 0, 2 * v6},
                               .sport = 40000,
                               .dport = 80,
                               .window = 500};
    turn(&w->server, &w->client);
    w->server.ttl = 201;
    w->server.tos = 0x28;
    w->server.tci[0] = 5 | 7 << 13;
}

static inline void wire_fini(struct wire *w) { sender_fini(&w->s); }

static inline struct frame made(const struct frame *f, unsigned from, unsigned to, uint32_t number, uint16_t port)
{
    struct frame out = *f;
    out.tags = BARE;
    const struct inline_name a = {.end = (uint8_t)from, .number = number}, b = {.end = (uint8_t)to, .number = number};
    if (from == INLINE_NONE) inline_listener(out.src, f->v6, 0);
    if (to == INLINE_NONE) inline_listener(out.dst, f->v6, 0);
    if (from != INLINE_NONE) inline_address(out.src, f->v6, a);
    if (to != INLINE_NONE) inline_address(out.dst, f->v6, b);
    if (from == INLINE_CLIENT || to == INLINE_NONE) out.sport = port, out.dport = INLINE_LISTENS;
    if (from == INLINE_NONE) out.sport = INLINE_LISTENS, out.dport = port;
    if (from == INLINE_OWN) out.sport = port, out.dport = INLINE_ORIGINAL;
    if (from == INLINE_SERVER) out.sport = INLINE_ORIGINAL, out.dport = port;
    return out;
}

static inline struct frame with(const struct frame *f, uint8_t flags, uint32_t seq, uint32_t ack, const char *says)
{
    struct frame out = *f;
    out.flags = flags;
    out.seq = seq;
    out.ack = ack;
    out.says = says;
    return out;
}

/* Receive a frame on that port, without its last `less` bytes, which a capture has cut. */
static inline void comes_cut(struct wire *w, const struct frame *f, unsigned port, uint32_t less)
{
    uint8_t bytes[FRAME_MOST];
    const uint32_t len = frame_bytes(f, bytes);
    sender_clear(&w->s);
    packet_view(&packet, bytes, len - less, len, LINK_ETHER);
    packet.pkt.iface = (uint16_t)port;
    struct pkt *const pkts[] = {&packet.pkt};
    static const struct vm_up undecided;
    const struct inline_marks *m = &beside.marks;
    const bool marked = m->at[mark_of(m, f->src, f->sport, f->dst, f->dport)];
    if (!beside.kernel) {
        vm_run(w->s.vm, &w->s.in, pkts, 1, &w->s.v, &w->s.tx);
        return;
    }
    vm_run_up(w->s.vm, &w->s.in, pkts, 1, &undecided, &w->s.v, &w->s.tx);
    assert_true(marked || !(w->s.v.flags & VERDICT_REPLY)); /* otherwise the kernel would have kept it */
}

static inline void comes(struct wire *w, const struct frame *f, unsigned port) { comes_cut(w, f, port, 0); }

/* Send a packet from the inline stack. */
static inline void says(struct wire *w, const struct frame *f)
{
    uint8_t bytes[FRAME_MOST];
    const uint32_t len = frame_bytes(f, bytes);
    sender_clear(&w->s);
    struct pkt view, *pkt;
    pkt_view(&view, bytes, len, len, LINK_RAW, IFACE_NONE);
    pkt = pool_copy(w->s.pool, &view);
    assert_non_null(pkt);
    vm_inline_sent(w->s.vm, &w->s.in, &pkt, 1, &w->s.tx);
    for (unsigned i = 0; i < w->s.tx.count; i++)
        if (w->s.entries[i].pkt == pkt) return;
    pool_put(pkt);
}

/* Check entry `at` byte by byte. */
static inline void left(struct wire *w, unsigned at, unsigned kind, const struct frame *f)
{
    uint8_t bytes[FRAME_MOST];
    const uint32_t len = frame_bytes(f, bytes);
    assert_true(at < w->s.tx.count);
    const struct tx_entry *e = &w->s.entries[at];
    const uint32_t from = kind == TX_INLINE_STACK ? e->pkt->l3 : 0;
    assert_int_equal(e->kind, kind);
    assert_int_equal(e->pkt->head_len - from, len);
    assert_memory_equal(e->pkt->data + from, bytes, len);
}

static inline void nothing_left(const struct wire *w) { assert_int_equal(w->s.tx.count, 0); }

/* Check that a frame in the name of an end leaves by a port; headers continue the end's last packet. */
static inline void left_by(struct wire *w, const struct frame *f, unsigned port)
{
    assert_int_equal(w->s.tx.count, 1);
    left(w, 0, TX_SEND, f);
    assert_int_equal(w->s.entries[0].out_if, port);
}

/* Build an ICMP error about a segment that left as `quote`, from a router behind that port, under its tags; mtu 0:
 * host unreachable. Return its length. */
static inline uint32_t router_error(const struct frame *quote, uint16_t mtu, uint8_t at[2 * FRAME_MOST])
{
    uint8_t quoted[FRAME_MOST];
    struct frame bare = *quote;
    bare.tags = BARE;
    const uint32_t len = frame_bytes(&bare, quoted), link = frame_link(quote, at);
    uint8_t *ip = at + link, *icmp = ip + 20;
    memset(ip, 0, 28);
    frame_word(ip, 0x45000000u | (28 + len), 4);
    frame_word(ip + 8, 64u << 24 | 1u << 16, 4);
    frame_word(ip + 12, 0x0a0100fe, 4);
    frame_word(ip + 16, quote->src[0], 4);
    frame_word(ip + 10, plain_sum(ip, 20, 0), 2);
    frame_word(icmp, 3u << 24 | (mtu ? 4u : 1u) << 16, 4);
    frame_word(icmp + 4, mtu, 4);
    memcpy(icmp + 8, quoted, len);
    frame_word(icmp + 2, plain_sum(icmp, 8 + len, 0), 2);
    return link + 28 + len;
}

/* Receive such an error. */
static inline void router_says(struct wire *w, const struct frame *quote, uint16_t mtu, unsigned port)
{
    uint8_t at[2 * FRAME_MOST];
    const uint32_t len = router_error(quote, mtu, at);
    sender_clear(&w->s);
    packet_view(&packet, at, len, len, LINK_ETHER);
    packet.pkt.iface = (uint16_t)port;
    struct pkt *const pkts[] = {&packet.pkt};
    vm_run(w->s.vm, &w->s.in, pkts, 1, &w->s.v, &w->s.tx);
}

/* Return the facts of a segment that the vm built. */
static inline struct tcp_segment built(struct wire *w, unsigned at, unsigned kind)
{
    static const struct facts strict = {.drop_bad_checksum = true};
    struct tcp_segment s;
    struct key key;
    struct pkt *pkt = w->s.entries[at].pkt;
    assert_true(at < w->s.tx.count);
    assert_int_equal(w->s.entries[at].kind, kind);
    assert_int_equal(pkt_parse(pkt, &strict, &key), REASON_NONE);
    tcp_read(pkt, &key, &s);
    return s;
}

/* Receive the client's SYN, whose connection has this number. */
static inline void syn(struct wire *w, uint32_t seq, uint32_t number, uint16_t use)
{
    struct frame f = with(&w->client, SYN, seq, 0, NULL);
    f.mss = 1300;
    comes(w, &f, LEFT);
    assert_int_equal(w->s.v.action, ACTION_FORWARD);
    assert_int_equal(w->s.tx.count, 1);
    f = made(&f, INLINE_CLIENT, INLINE_NONE, number, use);
    left(w, 0, TX_INLINE_STACK, &f);
    assert_int_equal(w->s.entries[0].cookie, number);
    w->listener = made(&w->client, INLINE_NONE, INLINE_CLIENT, number, use);
    w->own = made(&w->client, INLINE_OWN, INLINE_SERVER, number, w->own_port);
    w->listener.ttl = w->own.ttl = 64;
    w->listener.tos = w->own.tos = 0;
}

/* Check that our SYN to the server leaves as the client's, with the smaller MSS. */
static inline void own_syn(struct wire *w)
{
    struct frame f = with(&w->own, SYN, OWN_SEQ, 0, NULL);
    f.mss = 1460;
    says(w, &f);
    f = with(&w->client, SYN, OWN_SEQ, 0, NULL);
    f.mss = 1300;
    left_by(w, &f, RIGHT);
}

static inline void open_server_first(struct wire *w)
{
    syn(w, CLIENT_SEQ, 0, 1024);
    struct frame f = with(&w->listener, SYN | ACK, OUR_SEQ, CLIENT_SEQ + 1, NULL);
    f.mss = 1460;
    says(w, &f);
    assert_int_equal(w->s.tx.count, 1);
    const struct tcp_segment ack = built(w, 0, TX_INLINE_STACK);
    assert_int_equal(ack.seq, CLIENT_SEQ + 1);
    assert_int_equal(ack.ack, OUR_SEQ + 1);
    own_syn(w);
    f = with(&w->server, SYN | ACK, SERVER_SEQ, OWN_SEQ + 1, NULL);
    f.mss = 1200;
    comes(w, &f, RIGHT);
    assert_int_equal(w->s.tx.count, 2);
    const struct tcp_segment answer = built(w, 0, TX_SEND);
    assert_int_equal(answer.flags, SYN | ACK);
    assert_int_equal(answer.seq, OUR_SEQ);
    assert_int_equal(answer.mss, 1200);
    f = made(&f, INLINE_SERVER, INLINE_OWN, 0, w->own_port);
    left(w, 1, TX_INLINE_STACK, &f);
    f = with(&w->own, ACK, OWN_SEQ + 1, SERVER_SEQ + 1, NULL);
    says(w, &f);
    f = with(&w->client, ACK, CLIENT_SEQ + 1, OUR_SEQ + 1, NULL);
    comes(w, &f, LEFT);
    assert_int_equal(w->s.tx.count, 1);
}

/* Let both ends send, and check that each gets the other's data byte by byte: addresses, ports, MACs, tags, TTL,
 * DSCP, checksums. */
static inline void talks(struct wire *w)
{
    struct frame f = with(&w->client, ACK | TCP_PSH, CLIENT_SEQ + 1, OUR_SEQ + 1, "hallo");
    comes(w, &f, LEFT);
    f = made(&f, INLINE_CLIENT, INLINE_NONE, 0, 1024);
    left(w, 0, TX_INLINE_STACK, &f);
    f = with(&w->own, ACK, OWN_SEQ + 1, SERVER_SEQ + 1, "hallo");
    says(w, &f);
    f = with(&w->client, ACK, OWN_SEQ + 1, SERVER_SEQ + 1, "hallo");
    left_by(w, &f, RIGHT);
    f = with(&w->server, ACK, SERVER_SEQ + 1, OWN_SEQ + 6, "Welt");
    comes(w, &f, RIGHT);
    f = made(&f, INLINE_SERVER, INLINE_OWN, 0, w->own_port);
    left(w, 0, TX_INLINE_STACK, &f);
    f = with(&w->listener, ACK, OUR_SEQ + 1, CLIENT_SEQ + 6, "Welt");
    says(w, &f);
    f = with(&w->server, ACK, OUR_SEQ + 1, CLIENT_SEQ + 6, "Welt");
    left_by(w, &f, LEFT);
}

/* Write the vm's state, and read it that many times with some bytes changed: a state that is accepted continues as
 * `goes_on` says. At last the unchanged state replaces the vm's. */
static inline void read_damaged(struct wire *w, unsigned times, uint64_t seed, void (*goes_on)(struct wire *w))
{
    static uint8_t bytes[1 << 22], hurt[1 << 22];
    struct archive a = {.at = bytes, .left = sizeof bytes};
    assert_true(vm_archive(w->s.vm, &w->s.in, &a));
    const size_t len = sizeof bytes - a.left;
    for (unsigned i = 0; i < times; i++) {
        struct vm *vm = vm_new(w->s.program, &w->cfg), *keep = w->s.vm;
        memcpy(hurt, bytes, len);
        for (unsigned n = draw(&seed, 4) + 1; n-- > 0;) hurt[draw(&seed, (uint32_t)len)] = (uint8_t)draw(&seed, 256);
        a = (struct archive){.at = hurt, .left = len, .reads = true};
        w->s.vm = vm;
        if (vm_archive(vm, &w->s.in, &a)) goes_on(w);
        w->s.vm = keep;
        sender_clear(&w->s);
        vm_free(vm);
    }
    vm_free(w->s.vm);
    w->s.vm = vm_new(w->s.program, &w->cfg);
    a = (struct archive){.at = bytes, .left = len, .reads = true};
    assert_true(vm_archive(w->s.vm, &w->s.in, &a));
}

/* Load the next program, while nothing uses the past. */
static inline void reload(struct wire *w, const char *rules)
{
    static uint8_t gone[64];
    struct program *next = world_compile(rules);
    while (vm_swapping(w->s.vm)) vm_tick(w->s.vm, &w->s.in, &w->s.tx);
    assert_in_range(remap_gone_count(w->s.program), 0, sizeof gone);
    vm_gone(w->s.program, vm_counters(w->s.vm), gone);
    struct remap *r = remap_new(w->s.program, next, NULL, 0, gone, w->s.in.mono_ns);
    struct vm *fresh = vm_prepare(&w->cfg, r, &w->s.in);
    assert_int_equal(vm_swap(w->s.vm, fresh, r), 0);
    vm_free(fresh);
    program_put(next);
    program_put(w->s.program);
    w->s.program = r->program;
    program_get(w->s.program);
    remap_free(r);
}

#endif
