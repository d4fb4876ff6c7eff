/* Packets of known flows that take the long path through the kernel's stages, with the reason counted for each;
 * ordinary ones take the express path, in both families, with a VLAN tag or without. Skipped if eBPF programs may
 * not be loaded. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/kernel/executor_priv.h"
#include "tests/lib/compiled.h"
#include "tests/lib/talk.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

enum { SLOTS = 64, CLIENT = 0xc6120001, SERVICE = 0xcb00710a, MORE = 16 };

static const char *const names[] = {
#define LONG(ident, name, doc) name,
#include "vm/kernel/long.def"
};

/* An executor in the kernel, and the pool of packets that leave. */
struct asked {
    struct program *program;
    struct executor *exec;
    void *memory;
    uint64_t now_ns;
    struct facts facts;
    uint16_t iface; /* interface that packets arrive on */
};

static bool begin(struct asked *a, const char *rules)
{
    char why[600] = "";
    const size_t bytes = (pool_bytes(SLOTS, 2048) + 63) / 64 * 64;
    *a = (struct asked){.program = compiled_text(rules), .memory = aligned_alloc(64, bytes), .now_ns = 1000000000000};
    a->facts = (struct facts){.generation = 1, .addr4 = 0x0a090001, .addr6 = {0x20010db8, 0, 0, 0x0a090001}};
    a->iface = IFACE_NONE;
    assert_non_null(a->program);
    assert_non_null(a->memory);
    const struct vm_cfg cfg = {.pool = pool_init(a->memory, bytes, SLOTS, 2048), .seed = 1};
    a->exec = executor_new(a->program, &cfg, KERNEL_XDP, why, sizeof why);
    if (!a->exec && errno != EPERM && errno != ENOTSUP) fail_msg("%s", why);
    if (!a->exec) print_message("# %s\n", why);
    return a->exec;
}

static void end(struct asked *a)
{
    executor_free(a->exec);
    program_put(a->program);
    free(a->memory);
}

/* A packet as it comes: its frame, and its other facts. */
struct packet {
    struct talk talk;
    uint8_t frame[TALK_FRAME_MAX + MORE];
    uint32_t len;
    struct pkt pkt;
    uint32_t l3, l4; /* offsets of these layers */
};

static void build(struct packet *p, const struct talk *t)
{
    memset(p, 0, sizeof *p);
    p->talk = *t;
    p->len = talk_build(t, p->frame);
    p->l3 = ETHER_LEN + VLAN_LEN * (uint32_t)t->tag_count;
    p->l4 = p->l3 + (t->v6 ? IP6_LEN : IP4_LEN);
    p->frame[0] = p->frame[6] = 2;
}

/* Run the packet. Return why it took the long path. */
static enum kernel_long why(struct asked *a, struct packet *p)
{
    struct tx_entry entries[VM_TX_PER_PACKET];
    struct vm_tx tx = {.entries = entries, .cap = VM_TX_PER_PACKET};
    struct pkt *one = &p->pkt;
    struct verdict v;
    const uint8_t tag_count = p->pkt.tag_count;
    const uint16_t tpid = p->pkt.tags[0].tpid, tci = p->pkt.tags[0].tci;
    pkt_view(&p->pkt, p->frame, p->len, p->len, LINK_ETHER, a->iface);
    p->pkt.tag_count = tag_count;
    p->pkt.tags[0].tpid = tpid;
    p->pkt.tags[0].tci = tci;
    const struct vm_in in = {.mono_ns = a->now_ns += 1000000, .facts = &a->facts};
    const struct kernel_counters before = kernel_counters(a->exec->kernel);
    executor_run(a->exec, &in, &one, 1, &v, &tx);
    const struct kernel_counters now = kernel_counters(a->exec->kernel);
    for (unsigned i = 0; i < tx.count; i++) pool_put(entries[i].pkt);
    assert_false(executor_fault(a->exec));
    enum kernel_long found = KERNEL_LONG_NONE;
    for (unsigned i = 0; i < KERNEL_LONGS; i++) {
        assert_true(now.longs[i] - before.longs[i] <= 1);
        if (now.longs[i] == before.longs[i]) continue;
        assert_int_equal(found, KERNEL_LONG_NONE);
        found = (enum kernel_long)i;
    }
    return found;
}

/* ---- changes of a packet ---- */

static void nothing(struct packet *p) { (void)p; }
static void push(struct packet *p) { p->frame[p->l4 + TCP_FLAGS] |= TCP_PSH | TCP_ECE; }
/* Turn twelve bytes of its payload into options. */
static void stamps(struct packet *p)
{
    static const uint8_t options[] = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
    memcpy(p->frame + p->l4 + TCP_LEN, options, sizeof options);
    p->frame[p->l4 + TCP_OFFSET] = 8 << 4;
}
static void opens(struct packet *p) { p->frame[p->l4 + TCP_FLAGS] = TCP_SYN; }
static void resets(struct packet *p) { p->frame[p->l4 + TCP_FLAGS] = TCP_RST | TCP_ACK; }
static void guesses(struct packet *p) { wire_put32(p->frame + p->l4 + TCP_SEQ, 900000000); }
static void stranger(struct packet *p) { wire_put16(p->frame + p->l4, 9); }
static void cut(struct packet *p) { p->len = p->l4 + 4; }
static void arp(struct packet *p) { wire_put16(p->frame + p->l3 - 2, ETHER_ARP); }
static void another_protocol(struct packet *p)
{
    if (p->talk.v6) {
        p->frame[p->l3 + IP6_NEXT] = 99;
        return;
    }
    p->frame[p->l3 + IP4_PROTO] = 99;
    wire_put16(p->frame + p->l3 + IP4_SUM, 0);
    wire_put16(p->frame + p->l3 + IP4_SUM, csum_of(p->frame + p->l3, IP4_LEN));
}

static void open_up(struct packet *p, uint32_t at, uint32_t by)
{
    memmove(p->frame + at + by, p->frame + at, p->len - at);
    memset(p->frame + at, 0, by);
    p->len += by;
}

/* Add eight bytes of options of IPv4, or of destination options of IPv6. */
static void options(struct packet *p)
{
    uint8_t *ip = p->frame + p->l3;
    open_up(p, p->l4, 8);
    if (p->talk.v6) {
        p->frame[p->l4] = ip[IP6_NEXT];
        ip[IP6_NEXT] = IPPROTO_NR_DSTOPTS;
        p->frame[p->l4 + 2] = 1; /* four bytes of padding */
        p->frame[p->l4 + 3] = 4;
        wire_put16(ip + IP6_PAYLOAD, (uint16_t)(wire_get16(ip + IP6_PAYLOAD) + 8));
        return;
    }
    memset(p->frame + p->l4, 1, 8);
    ip[0] = 4 << 4 | 7;
    wire_put16(ip + IP4_TOTAL, (uint16_t)(wire_get16(ip + IP4_TOTAL) + 8));
    wire_put16(ip + IP4_SUM, 0);
    wire_put16(ip + IP4_SUM, csum_of(ip, IP4_LEN + 8));
}

static void in_pieces(struct packet *p)
{
    uint8_t *ip = p->frame + p->l3;
    if (p->talk.v6) {
        open_up(p, p->l4, IP6_FRAG_LEN);
        p->frame[p->l4] = ip[IP6_NEXT];
        p->frame[p->l4 + IP6_FRAG_OFFSET + 1] = IP6_MORE;
        ip[IP6_NEXT] = IPPROTO_NR_FRAGMENT;
        wire_put16(ip + IP6_PAYLOAD, (uint16_t)(wire_get16(ip + IP6_PAYLOAD) + IP6_FRAG_LEN));
        return;
    }
    wire_put16(ip + IP4_FRAG, IP4_MF);
    wire_put16(ip + IP4_SUM, 0);
    wire_put16(ip + IP4_SUM, csum_of(ip, IP4_LEN));
}

static void sum(struct packet *p)
{
    if (!p->talk.v6) p->frame[p->l3 + IP4_SUM] ^= 1;
}
static void another_tag(struct packet *p)
{
    open_up(p, ETHER_TYPE_AT, VLAN_LEN);
    wire_put16(p->frame + ETHER_TYPE_AT, ETHER_VLAN);
    wire_put16(p->frame + ETHER_TYPE_AT + 2, 6);
}
static void service_tag(struct packet *p)
{
    if (!p->talk.tag_count) another_tag(p);
    wire_put16(p->frame + ETHER_TYPE_AT, ETHER_QINQ);
}
static void last_hop(struct packet *p)
{
    uint8_t *ip = p->frame + p->l3;
    ip[p->talk.v6 ? IP6_HOPS : IP4_TTL] = 1;
    if (p->talk.v6) return;
    wire_put16(ip + IP4_SUM, 0);
    wire_put16(ip + IP4_SUM, csum_of(ip, IP4_LEN));
}
static void to_group(struct packet *p) { p->frame[0] = 3; }
/* Make a datagram without bytes, as short as without a card's padding. */
static void brief(struct packet *p)
{
    uint8_t *ip = p->frame + p->l3;
    if (p->talk.proto != IPPROTO_NR_UDP) return;
    p->len = p->l4 + UDP_LEN;
    wire_put16(p->frame + p->l4 + UDP_LENGTH, UDP_LEN);
    wire_put16(p->frame + p->l4 + UDP_SUM, 0x1234);
    if (p->talk.v6) {
        wire_put16(ip + IP6_PAYLOAD, UDP_LEN);
        return;
    }
    wire_put16(ip + IP4_TOTAL, IP4_LEN + UDP_LEN);
    wire_put16(ip + IP4_SUM, 0);
    wire_put16(ip + IP4_SUM, csum_of(ip, IP4_LEN));
}
static void moved(struct packet *p) { p->frame[11] ^= 1; }

struct change {
    const char *name;
    void (*make)(struct packet *);
    enum kernel_long why, why6; /* for IPv4, and for IPv6 */
};

/* Check that each change of an ordinary packet of that flow takes the expected path, and that the unchanged packet
 * takes the express path again after it. */
static void each(struct asked *a, const struct talk *t, const struct change *changes, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct packet p;
        build(&p, t);
        changes[i].make(&p);
        const enum kernel_long wanted = t->v6 ? changes[i].why6 : changes[i].why, got = why(a, &p);
        if (got != wanted)
            fail_msg("%s, IPv%d, %u tags: %s, not %s", changes[i].name, t->v6 ? 6 : 4, t->tag_count, names[got],
                     names[wanted]);
        if (!strcmp(changes[i].name, "moved")) { /* replies follow it */
            build(&p, t);
            why(a, &p);
        }
        build(&p, t);
        const enum kernel_long then = why(a, &p);
        if (then != KERNEL_LONG_NONE) fail_msg("behind %s: %s", changes[i].name, names[then]);
    }
}

/* Choose a family, and no tag or one. */
static void shape(struct talk *t, unsigned i)
{
    t->v6 = i & 1;
    t->tag_count = i & 2 ? 1 : 0;
    t->tags[0].tpid = ETHER_VLAN;
    t->tags[0].vid = 7;
}
enum { SHAPES = 4 };

static void test_established(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"nothing", nothing, KERNEL_LONG_NONE, KERNEL_LONG_NONE},
        {"pushed", push, KERNEL_LONG_NONE, KERNEL_LONG_NONE},
        {"timestamps", stamps, KERNEL_LONG_NONE, KERNEL_LONG_NONE},
        {"a SYN", opens, KERNEL_LONG_FLAGS, KERNEL_LONG_FLAGS},
        {"numbers guessed", guesses, KERNEL_LONG_WINDOW, KERNEL_LONG_WINDOW},
        {"another port", stranger, KERNEL_LONG_FLOW, KERNEL_LONG_FLOW},
        {"cut short", cut, KERNEL_LONG_MALFORMED, KERNEL_LONG_MALFORMED},
        {"ARP", arp, KERNEL_LONG_OTHER, KERNEL_LONG_OTHER},
        {"another protocol", another_protocol, KERNEL_LONG_PROTOCOL, KERNEL_LONG_PROTOCOL},
        {"options", options, KERNEL_LONG_OPTIONS, KERNEL_LONG_OPTIONS},
        {"a fragment", in_pieces, KERNEL_LONG_FRAGMENT, KERNEL_LONG_FRAGMENT},
        {"a wrong sum", sum, KERNEL_LONG_SUM, KERNEL_LONG_NONE},
        {"a service tag", service_tag, KERNEL_LONG_TAGS, KERNEL_LONG_TAGS},
    };
    struct asked a;
    if (!begin(&a, "firewall f default drop { accept state established; drop state invalid; accept tcp port 443 }"))
        skip();
    for (unsigned i = 0; i < SHAPES; i++) {
        struct packet p;
        struct talk t = {.src = CLIENT, .dst = SERVICE, .proto = IPPROTO_NR_TCP, .src_port = 1000, .dst_port = 443};
        t.ttl = 64, t.window = 65535, t.seq = 100, t.flags = TCP_SYN;
        shape(&t, i);
        struct talk back = t;
        back.src = t.dst, back.dst = t.src, back.src_port = 443, back.dst_port = 1000;
        back.seq = 500, back.ack = 101, back.flags = TCP_SYN | TCP_ACK;
        build(&p, &t);
        assert_int_equal(why(&a, &p), KERNEL_LONG_FLAGS);
        build(&p, &back);
        assert_int_equal(why(&a, &p), KERNEL_LONG_FLAGS);
        t.seq = 101, t.ack = 501, t.flags = TCP_ACK, t.payload = 20;
        build(&p, &t);
        assert_int_equal(why(&a, &p), KERNEL_LONG_RULES);
        each(&a, &t, changes, sizeof changes / sizeof *changes);
        build(&p, &t); /* the same, with a second tag */
        another_tag(&p);
        assert_int_equal(why(&a, &p), t.tag_count ? KERNEL_LONG_TAGS : KERNEL_LONG_FLOW);
        build(&p, &t);
        resets(&p);
        assert_int_equal(why(&a, &p), KERNEL_LONG_FLAGS);
    }
    end(&a);
}

/* Send on both sides of a UDP flow in turn, until each has sent three datagrams */
enum { YOUNG = 2 * FLOW_LASTS };
static const enum kernel_long young[YOUNG] = {KERNEL_LONG_FLOW,  KERNEL_LONG_ONE_WAY, KERNEL_LONG_RULES,
                                              KERNEL_LONG_YOUNG, KERNEL_LONG_YOUNG,   KERNEL_LONG_YOUNG};

/* A tag that the card removed counts like one in the frame. */
static void test_taken_off(void **state)
{
    (void)state;
    struct asked a;
    struct packet p;
    struct talk t = {.src = CLIENT, .dst = SERVICE, .proto = IPPROTO_NR_UDP, .src_port = 1000, .dst_port = 53};
    t.ttl = 64, t.payload = 16;
    if (!begin(&a, "limits { flows 600 }\nfirewall f default drop { accept state established; accept udp port 53 }"))
        skip();
    for (unsigned i = 0; i < 8; i++) {
        struct talk back = t;
        back.src = t.dst, back.dst = t.src, back.src_port = 53, back.dst_port = 1000;
        build(&p, i & 1 ? &back : &t);
        p.pkt.tag_count = 1;
        p.pkt.tags[0].tpid = ETHER_VLAN;
        p.pkt.tags[0].tci = 5 << 13 | 7;
        const enum kernel_long got = why(&a, &p);
        const enum kernel_long wanted = i < YOUNG ? young[i] : KERNEL_LONG_NONE;
        if (got != wanted) fail_msg("packet %u: %s, not %s", i, names[got], names[wanted]);
    }
    end(&a);
}

/* Devices that rules name by a pattern: a memo of one device also holds for the others, but for no device besides. */
static void test_pattern(void **state)
{
    (void)state;
    enum { TUNNELS, WAN, WG0, WG1, OTHER, DEVICES };
    struct facts_iface ifaces[DEVICES] = {0};
    struct asked a;
    struct packet p;
    struct talk t = {.src = CLIENT, .dst = SERVICE, .proto = IPPROTO_NR_UDP, .src_port = 1000, .dst_port = 53};
    t.ttl = 64, t.payload = 16;
    if (!begin(&a, "limits { flows 600 }\ninterface tunnels = \"wg*\"\ninterface wan = \"eth0\"\n"
                   "firewall f on tunnels default drop { accept state established; accept udp port 53 }\n"
                   "firewall g on wan default drop { accept state established }\n"))
        skip();
    for (unsigned i = 0; i < DEVICES; i++) ifaces[i].peer = IFACE_NONE;
    ifaces[WG0].as = ifaces[WG1].as = TUNNELS + 1;
    a.facts.ifaces = ifaces;
    a.facts.ifaces_count = DEVICES;
    a.facts.patterns = true;
    struct talk back = t;
    back.src = t.dst, back.dst = t.src, back.src_port = 53, back.dst_port = 1000;
    for (unsigned i = 0; i < YOUNG + 3; i++) {
        build(&p, i & 1 ? &back : &t);
        a.iface = i == YOUNG + 2 ? WG1 : WG0;
        const enum kernel_long got = why(&a, &p), should = i < YOUNG ? young[i] : KERNEL_LONG_NONE;
        if (got != should) fail_msg("packet %u: %s, not %s", i, names[got], names[should]);
    }
    static const uint16_t others[] = {WAN, OTHER, IFACE_NONE};
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
        build(&p, &t);
        a.iface = others[i];
        assert_int_equal(why(&a, &p), KERNEL_LONG_RULES);
    }
    end(&a);
}

static void test_sent_on(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"nothing", nothing, KERNEL_LONG_NONE, KERNEL_LONG_NONE},
        {"brief", brief, KERNEL_LONG_NONE, KERNEL_LONG_NONE},
        {"to a group", to_group, KERNEL_LONG_HOPS, KERNEL_LONG_HOPS},
        {"the last hop", last_hop, KERNEL_LONG_HOPS, KERNEL_LONG_HOPS},
        {"options", options, KERNEL_LONG_OPTIONS, KERNEL_LONG_OPTIONS},
        {"moved", moved, KERNEL_LONG_MOVED, KERNEL_LONG_MOVED},
        {"a fragment", in_pieces, KERNEL_LONG_FRAGMENT, KERNEL_LONG_FRAGMENT},
    };
    struct asked a;
    if (!begin(&a, "pool p { source 10.9.0.7, 2001:db8::a09:7 ports 1024-65535\n"
                   "  server a 10.0.0.1:8080 mac 02:00:00:00:00:01; server b [2001:db8::a00:1]:8080 mac "
                   "02:00:00:00:00:01 }\n"
                   "service s on 203.0.113.10, 2001:db8::cb00:710a udp/53 { mode passthrough; -> p }\n"))
        skip();
    for (unsigned i = 0; i < SHAPES; i++) {
        struct packet p;
        struct talk t = {.src = CLIENT, .dst = SERVICE, .proto = IPPROTO_NR_UDP, .src_port = 1000, .dst_port = 53};
        t.ttl = 64, t.payload = 16;
        shape(&t, i);
        for (unsigned n = 0; n < FLOW_LASTS; n++) {
            static const enum kernel_long first[FLOW_LASTS] = {KERNEL_LONG_FLOW, KERNEL_LONG_RECIPE, KERNEL_LONG_YOUNG};
            build(&p, &t);
            assert_int_equal(why(&a, &p), first[n]);
        }
        each(&a, &t, changes, sizeof changes / sizeof *changes);
    }
    end(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_established),
        cmocka_unit_test(test_taken_off),
        cmocka_unit_test(test_pattern),
        cmocka_unit_test(test_sent_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
