/* The first stage with frames that no process made, and the facts that it finds by itself. They go through test runs
 * with a secret that isn't shown, so they count as arriving on this CPU. Skipped if eBPF programs may not be loaded. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "compiler/compiler.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/run/world_says.h"
#include "tests/lib/kernel_load.h"
#include "tests/lib/rng.h"
#include "vm/judge/decided.h"
#include "vm/kernel/keyed/meters.h"
#include "vm/packet/wire.h"

enum { LOOPBACK = 1 /* interface of test runs that name none */, IFACE = 7 };

static struct kernel *made(const char *rules)
{
    char err[300] = "";
    struct compile c;
    compile_init(&c);
    assert_int_equal(compile_text(&c, "test", rules, strlen(rules)), 0);
    struct program *p = program_load(c.pbc, c.pbc_len, err, sizeof err);
    compile_fini(&c);
    assert_non_null(p);
    struct kernel *k =
        kernel_new(p, &(struct kernel_cfg){.hooks = KERNEL_XDP | KERNEL_TC | KERNEL_BARE}, err, sizeof err);
    if (!k && errno != EPERM && errno != ENOTSUP) fail_msg("%s", err);
    if (!k) print_message("# %s\n", err);
    if (k) assert_int_equal(kernel_load(k, p, err, sizeof err), 0);
    program_put(p);
    return k;
}

enum { ETHER = 14, IP = 20, FRAME = 900, JUMBO = 9000 /* in several pieces */ };
static uint8_t frame[JUMBO] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17};

/* Return the result on this CPU, where the thread stays. */
static const struct kpkt *run_bytes(struct kernel *k, enum kernel_entry entry, const uint8_t *bytes, uint32_t len,
                                    void *ctx, uint32_t ctx_len)
{
    cpu_set_t here;
    const int cpu = sched_getcpu();
    LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = bytes, .data_size_in = len, .ctx_in = ctx, .ctx_size_in = ctx_len,
                .repeat = 1);
    CPU_ZERO(&here);
    CPU_SET((size_t)cpu, &here);
    assert_int_equal(sched_setaffinity(0, sizeof here, &here), 0);
    kernel_kpkts(k)[2 * cpu] = (struct kpkt){.flags = KERNEL_JUDGED, .pkt.tag_count = 2, .pkt.segment = 9};
    assert_int_equal(bpf_prog_test_run_opts(kernel_program(k, entry), &o), 0);
    return &kernel_kpkts(k)[2 * cpu];
}

static const struct kpkt *run_long(struct kernel *k, enum kernel_entry entry, uint32_t len, void *ctx, uint32_t ctx_len)
{
    wire_put16(frame + ETHER + 2, (uint16_t)(len - ETHER));
    wire_put16(frame + ETHER + IP + 4, (uint16_t)(len - ETHER - IP)); /* UDP's length */
    return run_bytes(k, entry, frame, len, ctx, ctx_len);
}

static const struct kpkt *run(struct kernel *k, enum kernel_entry entry) { return run_long(k, entry, FRAME, NULL, 0); }

/* Set facts of a machine whose loopback is the program's interface IFACE. */
static void name_loopback(struct kernel *k, uint8_t link)
{
    struct kernel_port *ports = kernel_map(k, KERNEL_MAP_ports)->memory;
    ports[LOOPBACK] = (struct kernel_port){.ifindex = LOOPBACK, .iface = IFACE, .link = link};
}

static void test_arrives(void **state)
{
    (void)state;
    struct kernel *k = made("firewall f default drop { accept udp }");
    if (!k) skip();
    const struct kpkt *p = run(k, KERNEL_ENTRY_look_xdp);
    assert_int_equal(p->pkt.reason, REASON_NONE);
    assert_int_equal(p->pkt.cap_len, FRAME);
    assert_int_equal(p->pkt.wire_len, FRAME);
    assert_int_equal(p->pkt.iface, IFACE_NONE);
    assert_int_equal(p->key.iface, IFACE_NONE);
    assert_int_equal(p->pkt.tag_count, 0);
    assert_int_equal(p->pkt.segment, 0);
    assert_int_equal(p->ifindex, LOOPBACK);
    assert_int_equal(p->flags & KERNEL_SAID, 0);
    assert_int_equal(p->now_ns, 0); /* nothing of the program depends on it */
    assert_int_equal(p->serial, 1);
    assert_true(p->head_len >= 128 && p->head_len < FRAME);
    assert_memory_equal(p->head, frame, p->head_len);
    name_loopback(k, LINK_ETHER);
    p = run(k, KERNEL_ENTRY_look_xdp);
    assert_int_equal(p->key.iface, IFACE);
    p = run_long(k, KERNEL_ENTRY_look_xdp, JUMBO, NULL, 0);
    assert_int_equal(p->pkt.reason, REASON_NONE);
    assert_int_equal(p->pkt.cap_len, JUMBO);
    assert_int_equal(p->key.length, JUMBO - ETHER);
    kernel_free(k);
}

/* Packets that leave by a device without Ethernet. A test run takes bytes 12 and 13, the first of the source
 * address, for the device's type. */
static void test_bare(void **state)
{
    (void)state;
    uint8_t bare[FRAME - ETHER];
    struct kernel *k = made("firewall f default drop { accept udp }");
    if (!k) skip();
    name_loopback(k, LINK_RAW);
    wire_put16(frame + ETHER + 2, sizeof bare);
    wire_put16(frame + ETHER + IP + 4, sizeof bare - IP);
    memcpy(bare, frame + ETHER, sizeof bare);
    wire_put32(bare + 12, 0x08000001);
    const struct kpkt *p = run_bytes(k, KERNEL_ENTRY_look_bare, bare, sizeof bare, NULL, 0);
    assert_int_equal(p->pkt.reason, REASON_NONE);
    assert_int_equal(p->pkt.link, LINK_RAW);
    assert_int_equal(p->pkt.l3, 0);
    assert_int_equal(p->pkt.l4, IP);
    assert_int_equal(p->key.src[0], 0x08000001);
    assert_int_equal(p->key.iface, IFACE);
    assert_false(p->key.kind & KIND_ETHER);
    assert_int_equal(p->flags & KERNEL_SAID, KERNEL_EGRESS);
    bare[0] = 0x25;
    p = run_bytes(k, KERNEL_ENTRY_look_bare, bare, sizeof bare, NULL, 0);
    assert_int_equal(p->pkt.reason, REASON_BAD_IP_VERSION);
    bare[0] = 0x45;
    wire_put16(bare + 12, 0x8847); /* MPLS, whatever its bytes look like */
    p = run_bytes(k, KERNEL_ENTRY_look_bare, bare, sizeof bare, NULL, 0);
    assert_int_equal(p->pkt.reason, REASON_BAD_IP_VERSION);
    assert_int_equal(p->out, KERNEL_DROP);
    kernel_free(k);
}

/* A packet that the host sends may be many packets in one. */
static void test_leaves(void **state)
{
    (void)state;
    struct kernel *k = made("firewall f default drop { accept udp }");
    struct __sk_buff ctx = {.gso_size = 100, .gso_segs = 8};
    if (!k) skip();
    name_loopback(k, LINK_ETHER);
    const struct kpkt *p = run_long(k, KERNEL_ENTRY_look_tc, FRAME, &ctx, sizeof ctx);
    assert_int_equal(p->pkt.reason, REASON_NONE);
    assert_int_equal(p->pkt.cap_len, FRAME);
    assert_int_equal(p->pkt.segment, 100);
    assert_int_equal(p->flags & KERNEL_SAID, KERNEL_EGRESS);
    assert_int_equal(p->key.iface, IFACE);
    kernel_free(k);
}

/* While a program begins whose interface numbers differ from the maps', no arriving packet is judged; requests of a
 * process use the numbers that it gives. */
static void test_renumbered(void **state)
{
    (void)state;
    struct kernel *k = made("firewall f default drop { accept udp }");
    if (!k) skip();
    name_loopback(k, LINK_ETHER);
    const struct kernel_counters before = kernel_counters(k);
    kernel_world(k)->renumbers = 1;
    const struct kpkt *p = run(k, KERNEL_ENTRY_look_xdp);
    assert_int_equal(p->up, KERNEL_UP_RELOAD);
    assert_int_equal(p->flags & KERNEL_JUDGED, 0);
    kernel_world(k)->renumbers = 0;
    p = run(k, KERNEL_ENTRY_look_xdp);
    assert_int_equal(p->up, KERNEL_UP_NONE);
    assert_true(p->flags & KERNEL_JUDGED);
    const struct kernel_counters now = kernel_counters(k);
    assert_int_equal(now.ups[KERNEL_UP_RELOAD].packets - before.ups[KERNEL_UP_RELOAD].packets, 1);
    assert_int_equal(now.verdicts[ACTION_ACCEPT].packets - before.verdicts[ACTION_ACCEPT].packets, 1);
    kernel_free(k);
}

/* The clock is read only if something depends on it; the frame has as many bytes as rules may test. */
static void test_what_the_program_needs(void **state)
{
    (void)state;
    struct kernel *k = made("meter m = 5/s\nfirewall f default drop { accept udp within m }");
    if (!k) skip();
    assert_true(run(k, KERNEL_ENTRY_look_xdp)->now_ns > 0);
    kernel_free(k);
    k = made("firewall f default drop { accept udp bytes payload at 200 is x\"01\" }");
    const struct kpkt *p = run(k, KERNEL_ENTRY_look_xdp);
    assert_int_equal(p->head_len, FRAME);
    assert_memory_equal(p->head, frame, FRAME);
    kernel_free(k);
}

/* A packet that would be forwarded, but is for a service, is judged as arriving. */
static void test_for_a_service(void **state)
{
    (void)state;
    enum { OWN = 0x0a000001, SERVICE = 0x0a010064, OTHER = 0x0a010065 };
    struct kernel *k = made("pool web { server one 10.2.0.2:80 }\n"
                            "service s on 10.1.0.100 udp/53, icmp { mode passthrough; -> web }\n"
                            "firewall f default accept { drop udp port 1 }");
    static const uint32_t own[] = {OWN};
    const struct facts facts = {.self4 = own, .self4_count = 1};
    if (!k) skip();
    world_own(kernel_world(k), &facts);
    kernel_world(k)->facts.self4_count = 1;
    wire_put32(frame + ETHER + 16, OTHER);
    assert_int_equal(run(k, KERNEL_ENTRY_look_xdp)->key.kind & (KIND_IN | KIND_FORWARD), KIND_FORWARD);
    wire_put32(frame + ETHER + 16, SERVICE);
    assert_int_equal(run(k, KERNEL_ENTRY_look_xdp)->key.kind & (KIND_IN | KIND_FORWARD), KIND_IN);
    wire_put32(frame + ETHER + 16, 0);
    kernel_free(k);
}

/* Run a fragment of the datagram `id`, UDP to that port if it is the first. Returns the decision, or pkt.reason
 * without one. */
static const struct kpkt *run_piece(struct kernel *k, uint8_t id, unsigned offset, uint8_t port)
{
    struct __sk_buff ctx = {0};
    uint8_t *ip = frame + ETHER;
    wire_put16(ip + 4, id);
    wire_put16(ip + 6, (uint16_t)(offset ? offset / 8 : 0x2000));
    wire_put16(ip + IP + 2, offset ? 0xffff : port);
    const struct kpkt *p = run_long(k, KERNEL_ENTRY_look_tc, ETHER + IP + 800, &ctx, sizeof ctx);
    memset(ip + 4, 0, 4);
    return p;
}

/* The same for IPv6, behind options. */
static const struct kpkt *run_piece6(struct kernel *k, uint8_t id, unsigned offset, uint8_t port)
{
    enum { IP6 = 40, PIECE = 8, LEN = 80 };
    static uint8_t bytes[ETHER + IP6 + 2 * PIECE + LEN] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x60};
    struct __sk_buff ctx = {0};
    uint8_t *ip = bytes + ETHER, *options = ip + IP6, *piece = options + PIECE, *udp = piece + PIECE;
    wire_put16(ip + 4, 2 * PIECE + LEN);
    ip[6] = 60;
    memset(options, 0, PIECE + PIECE + LEN);
    options[0] = 44;
    options[2] = 1; /* PadN over the rest */
    options[3] = 4;
    piece[0] = 17;
    wire_put16(piece + 2, (uint16_t)(offset ? offset : 1));
    wire_put32(piece + 4, id);
    wire_put16(udp + 2, offset ? 0xffff : port);
    wire_put16(udp + 4, 500);
    return run_bytes(k, KERNEL_ENTRY_look_tc, bytes, sizeof bytes, &ctx, sizeof ctx);
}

/* The host's own fragments come in order, and a held one couldn't be returned. */
static void follow(struct kernel *k, const struct kpkt *(*piece)(struct kernel *, uint8_t, unsigned, uint8_t))
{
    const struct kpkt *p = piece(k, 1, 0, 53);
    assert_int_equal(p->pkt.reason, REASON_NONE);
    assert_true(p->flags & KERNEL_JUDGED);
    assert_int_equal(decided_action(p->decision), ACTION_ACCEPT);
    p = piece(k, 2, 0, 54);
    assert_int_equal(decided_action(p->decision), ACTION_DROP);
    p = piece(k, 1, 80, 0);
    assert_int_equal(p->pkt.reason, REASON_NONE);
    assert_int_equal(decided_action(p->decision), ACTION_ACCEPT);
    assert_int_equal(decided_rule(p->decision), 0);
    p = piece(k, 2, 80, 0);
    assert_int_equal(decided_action(p->decision), ACTION_DROP);
    p = piece(k, 3, 80, 0);
    assert_int_equal(p->pkt.reason, REASON_FRAGMENT_ORPHAN);
}

static void test_pieces_that_leave_follow_their_first(void **state)
{
    (void)state;
    struct kernel *k = made("firewall f default drop { accept udp port 53 }");
    if (!k) skip();
    follow(k, run_piece);
    follow(k, run_piece6);
    kernel_free(k);
}

/* Make the loopback accept frames only to that MAC. */
static void own_mac(struct kernel *k, uint64_t mac)
{
    name_loopback(k, LINK_ETHER);
    ((struct kernel_port *)kernel_map(k, KERNEL_MAP_ports)->memory)[LOOPBACK].mac = mac;
}

/* Run a frame to that MAC by either hook. Returns why it is passed up; KERNEL_UPS: it passes. The loopback's own MAC
 * is 0; the kernel takes others for another station's. */
static uint32_t goes_up(struct kernel *k, uint64_t to)
{
    struct __sk_buff ctx = {0};
    const enum kernel_entry by[] = {KERNEL_ENTRY_look_xdp, KERNEL_ENTRY_look_in};
    uint32_t found[2];
    wire_put48(frame, to);
    for (unsigned i = 0; i < 2; i++) {
        const struct kpkt *p = run_long(k, by[i], FRAME, i ? &ctx : NULL, i ? sizeof ctx : 0);
        found[i] = p->out == KERNEL_PASS ? KERNEL_UPS : p->up;
        if (p->flags & KERNEL_FOREIGN) assert_int_equal(p->up, KERNEL_UP_NONE);
    }
    wire_put48(frame, 0x020000000001);
    assert_int_equal(found[0], found[1]);
    return found[0];
}

/* A packet that a service would take is still judged, but not taken. */
static void test_to_another_station(void **state)
{
    (void)state;
    struct kernel *k = made("pool web { server one 10.2.0.2:80 }\n"
                            "service s on 10.1.0.100 udp/53 { mode passthrough; -> web }\n"
                            "firewall f default accept { reject udp port 2 }");
    enum { SERVICE = 0x0a010064, PORT = ETHER + IP + 2 };
    const uint64_t own = 0x020000000001, other = 0x020000000003, all = 0xffffffffffff;
    if (!k) skip();
    const struct kernel_counters before = kernel_counters(k);
    wire_put32(frame + ETHER + 16, SERVICE);
    wire_put16(frame + PORT, 53);
    own_mac(k, 0);
    assert_int_equal(goes_up(k, other), KERNEL_UP_BEGIN); /* no MAC is known */
    own_mac(k, own);
    assert_int_equal(goes_up(k, all), KERNEL_UP_BEGIN);
    assert_int_equal(goes_up(k, other), KERNEL_UPS);
    wire_put16(frame + PORT, 2);
    assert_int_equal(goes_up(k, all), KERNEL_UP_ANSWER);
    assert_int_equal(goes_up(k, other), KERNEL_UP_NONE);
    const struct kernel_counters now = kernel_counters(k);
    assert_int_equal(now.verdicts[ACTION_ACCEPT].packets - before.verdicts[ACTION_ACCEPT].packets, 2);
    assert_int_equal(now.verdicts[ACTION_REJECT].packets - before.verdicts[ACTION_REJECT].packets, 2);
    wire_put32(frame + ETHER + 16, 0);
    wire_put16(frame + PORT, 0);
    kernel_free(k);
}

/* ---- hostile maps ---- */

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Draw a value for anything that processes map: any bits, a small number, or nearly zero. */
static uint64_t lie(struct rng *r, unsigned kind)
{
    switch (kind) {
    case 0: return rng_next(r);
    case 1: return rng_one_in(r, 4) ? rng_next(r) : 0;
    case 2: return UINT64_MAX;
    default: return (uint64_t)rng_below(r, 3) << 32 | rng_below(r, 3);
    }
}

static void scribble(struct kernel *k, struct rng *r)
{
    const struct kernel_meters *m = kernel_meters(k);
    const unsigned kind = rng_below(r, 5);
    for (unsigned i = 0; i < KERNEL_MAPS; i++) {
        const struct map *map = kernel_map(k, i);
        for (uint64_t n = 0; map->memory && n < map->len / 8; n++) ((uint64_t *)map->memory)[n] = lie(r, kind);
    }
    for (unsigned i = 0; i < m->layout.cells * sizeof *m->cells / 8; i++) ((uint64_t *)m->cells)[i] = lie(r, kind);
    kernel_world(k)->renumbers = rng_below(r, 2);
}

/* An untrusted process writes the maps: for any contents, no packet blocks a processor. */
static void test_lies_hold_nobody_up(void **state)
{
    enum { ROUNDS = 30, FRAMES = 20 };
    static const uint8_t protocols[] = {6, 17, 1, 132, 47};
    struct rng r = {5};
    struct __sk_buff ctx = {0};
    uint64_t most = 0;
    uint8_t was[ETHER + 60];
    (void)state;
    memcpy(was, frame, sizeof was);
    struct kernel *k = made("limits { flows 100 }\nmeter m = 9/s per source\n"
                            "firewall f default drop {\n  drop udp over m\n  drop flows over 4 per source\n"
                            "  accept state established, related\n  accept udp source port 9 log\n  accept tcp\n}\n");
    if (!k) skip();
    for (unsigned round = 0; round < ROUNDS; round++) {
        scribble(k, &r);
        for (unsigned n = 0; n < FRAMES; n++) {
            frame[ETHER + 9] = protocols[rng_below(&r, sizeof protocols)];
            for (unsigned i = ETHER + 12; i < ETHER + 60; i++) frame[i] = (uint8_t)rng_next(&r);
            const uint64_t began = cpu_ns();
            run_long(k, KERNEL_ENTRY_look_xdp, 200, NULL, 0);
            run_long(k, KERNEL_ENTRY_look_tc, 200, &ctx, sizeof ctx);
            const uint64_t took = cpu_ns() - began;
            if (took > most) most = took;
        }
    }
    memcpy(frame, was, sizeof was);
    print_message("# at most %.1f ms\n", (double)most / 1e6);
    assert_true(most < 60000000);
    kernel_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrives),
        cmocka_unit_test(test_bare),
        cmocka_unit_test(test_leaves),
        cmocka_unit_test(test_renumbered),
        cmocka_unit_test(test_what_the_program_needs),
        cmocka_unit_test(test_lies_hold_nobody_up),
        cmocka_unit_test(test_for_a_service),
        cmocka_unit_test(test_pieces_that_leave_follow_their_first),
        cmocka_unit_test(test_to_another_station),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
