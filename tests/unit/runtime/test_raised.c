/* Frames that the stages pass up at traffic control. They come through the ring of their port as they arrived, with
 * the stages' notes; a full ring loses some and continues; a port that is made again has a new ring; and an invalid
 * record isn't a frame. Frames go through test runs with a secret that isn't shown, so they count as arriving on the
 * loopback. Skipped if eBPF programs may not be loaded. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>

#include "compiler/compiler.h"
#include "runtime/io/io.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/run/world_says.h"
#include "runtime/worker/up.h"
#include "tests/lib/kernel_load.h"
#include "tests/unit/runtime/netns.h"
#include "vm/kernel/counts.h"
#include "vm/kernel/gate.h"
#include "vm/packet/wire.h"

enum { LOOPBACK = 1 /* interface of test runs that name none */, PORT = 3, ETH = 14, IP = 20, UDP = 8, LONG = 3000 };

/* ---- a ring that the test fills ---- */

/* The callback that the port gave to libbpf, and a record in place of the ring's; NULL: the ring's. */
static ring_buffer_sample_fn take;
static void *taker;
static const void *instead;
static size_t instead_len;

__attribute__((used)) struct ring_buffer *ring_buffer__new(int map, ring_buffer_sample_fn fn, void *arg,
                                                           const struct ring_buffer_opts *opts)
{
    struct ring_buffer *(*libbpfs)(int, ring_buffer_sample_fn, void *, const struct ring_buffer_opts *);
    *(void **)&libbpfs = dlsym(RTLD_NEXT, "ring_buffer__new");
    take = fn;
    taker = arg;
    return libbpfs(map, fn, arg, opts);
}

__attribute__((used)) int ring_buffer__consume(struct ring_buffer *ring)
{
    int (*libbpfs)(struct ring_buffer *);
    *(void **)&libbpfs = dlsym(RTLD_NEXT, "ring_buffer__consume");
    if (!instead) return libbpfs(ring);
    while (take(taker, (void *)(uintptr_t)instead, instead_len) >= 0) {} /* again and again */
    return 0;
}

/* ---- a kernel and its port ---- */

static struct kernel *kernel;

/* Make a scene. ahead: the ring is made with the stages, and belongs to another port. */
static void scene_of(const char *rules, bool ahead)
{
    char err[300] = "";
    struct compile c;
    sh(NETNS_PAIR);
    compile_init(&c);
    assert_int_equal(compile_text(&c, "test", rules, strlen(rules)), 0);
    struct program *p = program_load(c.pbc, c.pbc_len, err, sizeof err);
    compile_fini(&c);
    assert_non_null(p);
    kernel = kernel_new(p, &(struct kernel_cfg){.hooks = KERNEL_TC, .raises = ahead ? 3u << PORT : 0}, err, sizeof err);
    if (!kernel && errno != EPERM && errno != ENOTSUP) fail_msg("%s", err);
    if (kernel) assert_int_equal(kernel_load(kernel, p, err, sizeof err), 0);
    program_put(p);
    if (!kernel) skip();
    struct kernel_port *ports = kernel_map(kernel, KERNEL_MAP_ports)->memory;
    ports[LOOPBACK] = (struct kernel_port){.ifindex = LOOPBACK, .link = LINK_ETHER, .served = PORT, .software = 1};
}

static void scene(bool ahead) { scene_of("firewall f default accept { reject udp port 9 as NO }", ahead); }

static struct io_port *port(void)
{
    char err[300] = "";
    const struct io_ask ask = {.ring_bytes = 1 << 20,
                               .mtu = 1500,
                               .ifindex = if_nametoindex("here"),
                               .group = -1,
                               .port = PORT,
                               .noted = true};
    struct io_maker maker = {.ring = kernel_ring, .ring_arg = kernel};
    struct io_made made;
    if (io_RAISED.make(&maker, &ask, &made, err, sizeof err)) fail_msg("%s", err);
    io_maker_fini(&maker);
    struct io_port *p = io_RAISED.open(&ask, &made, NULL, err, sizeof err);
    if (!p) fail_msg("%s", err);
    return p;
}

/* A datagram to a port that is rejected; its bytes are their offsets. left: its checksum covers only the pseudo
 * header; else it has none. */
static uint8_t frame[LONG];
static uint8_t *datagram(uint32_t len, bool left)
{
    const uint8_t pseudo[] = {
        10, 0, 0, 1, 10, 0, 0, 2, 0, 17, (uint8_t)((len - ETH - IP) >> 8), (uint8_t)(len - ETH - IP)};
    for (uint32_t i = ETH + IP + UDP; i < len; i++) frame[i] = (uint8_t)(i * 7 + len);
    memcpy(frame, "\2\0\0\0\0\1\2\0\0\0\0\2\x8\0\x45", ETH + 1);
    uint8_t *ip = frame + ETH;
    wire_put16(ip + 2, (uint16_t)(len - ETH));
    ip[8] = 64;
    ip[9] = 17;
    wire_put32(ip + 12, 0x0a000001);
    wire_put32(ip + 16, 0x0a000002);
    wire_put16(ip + 10, 0);
    wire_put16(ip + 10, csum_of(ip, IP));
    wire_put16(ip + IP, 5000);
    wire_put16(ip + IP + 2, 9);
    wire_put16(ip + IP + 4, (uint16_t)(len - ETH - IP));
    wire_put16(ip + IP + 6, left ? (uint16_t)~csum_of(pseudo, sizeof pseudo) : 0);
    return frame;
}

/* Let it arrive that many times; if `segment` isn't 0, as a super-packet of such segments, as the kernel joins them. */
static void arrive_as(const uint8_t *bytes, uint32_t len, uint32_t segment, int times)
{
    struct __sk_buff as = {.gso_size = segment, .gso_segs = segment ? 2 : 0};
    LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = bytes, .data_size_in = len, .ctx_in = &as, .ctx_size_in = sizeof as,
                .repeat = times);
    assert_int_equal(bpf_prog_test_run_opts(kernel_program(kernel, KERNEL_ENTRY_look_in), &o), 0);
    assert_int_equal(o.retval, 2); /* TC_ACT_SHOT: it has no other path */
}

static void arrive(uint32_t len, uint32_t segment, int times)
{
    arrive_as(datagram(len, segment), len, segment, times);
}

static unsigned receive(struct io_port *p, struct pkt *pkts[])
{
    struct pollfd ready = {.fd = io_RAISED.fd(p), .events = POLLIN};
    const bool waits = poll(&ready, 1, 0) == 1;
    const unsigned n = io_RAISED.receive(p, pkts, IO_BATCH);
    assert_int_equal(waits, n > 0);
    return n;
}

static uint64_t cut(struct io_port *p)
{
    struct io_stats s = {0};
    io_RAISED.losses(p, &s);
    assert_int_equal(s.lost, 0);
    return s.cut;
}

/* ---- tests ---- */

static void comes_up(void **state)
{
    static const uint32_t lens[] = {60, 64, 65, 128, 500, 1023, 1514, 1600, 1601, LONG};
    struct pkt *pkts[IO_BATCH];
    (void)state;
    scene(true);
    struct io_port *p = port();
    assert_int_equal(receive(p, pkts), 0);
    for (unsigned i = 0; i < sizeof lens / sizeof *lens; i++) {
        arrive(lens[i], lens[i] > 1600 ? 700 : 0, 1);
        assert_int_equal(receive(p, pkts), 1);
        const struct kernel_note note = io_note(pkts[0]);
        assert_int_equal(note.magic, KERNEL_NOTE_MAGIC);
        assert_int_equal(note.up, KERNEL_UP_ANSWER);
        assert_int_equal(note.wire_len, lens[i]);
        assert_int_equal(pkts[0]->cap_len, lens[i]);
        assert_int_equal(pkts[0]->segment, lens[i] > 1600 ? 700 : 0);
        assert_int_equal(pkts[0]->flags, PKT_WRITABLE | (lens[i] > 1600 ? PKT_CSUM_PARTIAL : 0));
        assert_int_equal(pkts[0]->tag_count, 0);
        assert_memory_equal(pkts[0]->data, frame, lens[i]);
        if (i % 3 == 0) io_RAISED.release(p); /* several wait together */
    }
    io_RAISED.close(p);
    kernel_free(kernel);
}

/* A note reaches the vm: a segment of a spliced connection has its turn, judged or not. */
static void notes_are_read(void **state)
{
    (void)state;
    static struct worker w;
    static uint8_t bytes[IO_HEADROOM + 60];
    struct kernel_world world = {.program = 9};
    struct pkt pkt = {.data = bytes + IO_HEADROOM, .headroom = IO_HEADROOM};
    w.cfg.world = &world;
    for (uint32_t judged = 0; judged < 2; judged++) {
        const struct kernel_note note = {.magic = KERNEL_NOTE_MAGIC,
                                         .program = 9,
                                         .decision = judged ? decided_as(3, ACTION_ACCEPT, 0) : 0,
                                         .flags = judged ? KERNEL_JUDGED : 0,
                                         .turn = 5};
        memcpy(pkt.data - sizeof note, &note, sizeof note);
        const struct vm_up up = up_of(&w, &pkt);
        assert_int_equal(up.turn, 5);
        assert_int_equal(up.judged, judged);
        assert_int_equal(up.decision, note.decision);
    }
}

static uint64_t lost(void) { return kernel_counters(kernel).lost.packets; }

/* Take everything in the ring, in batches. Returns the number. */
static unsigned drain(struct io_port *p)
{
    struct pkt *pkts[IO_BATCH];
    unsigned all = 0;
    for (unsigned n; (n = receive(p, pkts)) > 0; all += n) {
        for (unsigned i = 0; i < n; i++) assert_memory_equal(pkts[i]->data, frame, pkts[i]->cap_len);
        io_RAISED.release(p);
    }
    return all;
}

static void is_full(void **state)
{
    enum { MANY = 3000, LEAST = KERNEL_RAISED_BYTES / 2 / LONG };
    (void)state;
    scene(true);
    struct io_port *p = port();
    for (unsigned round = 1; round < 3; round++) {
        const uint64_t before = lost();
        arrive(LONG, 0, MANY);
        const unsigned got = drain(p);
        assert_in_range(got, LEAST, MANY - 1);
        assert_int_equal(lost() - before, MANY - got); /* reported only by the stages */
        arrive(LONG, 0, 10);
        assert_int_equal(drain(p), 10);
    }
    assert_int_equal(cut(p), 0);
    io_RAISED.close(p);
    arrive(LONG, 0, 1); /* reaches no one, and does no harm */
    kernel_free(kernel);
}

/* Datagrams that begin flows leave room in the ring for connections, which get through. */
static void has_room_for_connections(void **state)
{
    enum { LEN = 1514, MANY = 3000, SYNS = 100, SHARE = KERNEL_RAISED_BYTES / 8 };
    uint8_t syn[LEN];
    (void)state;
    scene_of("pool farm { server one 10.0.0.3 }\n"
             "service far on 10.0.0.2 tcp/9, udp/9 { mode passthrough; -> farm }",
             true);
    memcpy(syn, datagram(LEN, false), LEN);
    uint8_t *ip = syn + ETH;
    ip[9] = 6;
    wire_put16(ip + 10, 0);
    wire_put16(ip + 10, csum_of(ip, IP));
    memset(ip + IP + 4, 0, 16);
    wire_put16(ip + IP + 12, 0x5002);
    struct io_port *p = port();
    const uint64_t before = lost();
    arrive(LEN, 0, MANY);
    const uint64_t kept = MANY - (lost() - before);
    assert_in_range(kept, SHARE / 2 / LEN, SHARE / LEN + 1);
    arrive_as(syn, LEN, 0, SYNS);
    assert_int_equal(lost() - before, MANY - kept);
    struct pkt *pkts[IO_BATCH];
    assert_int_equal(receive(p, pkts), IO_BATCH);
    assert_int_equal(io_note(pkts[0]).up, KERNEL_UP_BEGIN);
    io_RAISED.close(p);
    kernel_free(kernel);
}

/* Frames that come before anybody opens the ring are in it. */
static void is_made_ahead(void **state)
{
    (void)state;
    scene(true);
    const uint64_t before = lost();
    arrive(60, 0, 5);
    assert_int_equal(lost() - before, 0);
    struct io_port *p = port();
    assert_int_equal(drain(p), 5);
    io_RAISED.close(p);
    kernel_free(kernel);
}

/* After its interface was gone, frames go to the new ring, and the old one gets none. */
static void is_made_anew(void **state)
{
    (void)state;
    scene(false);
    const uint64_t before = lost();
    arrive(60, 0, 5);
    assert_int_equal(lost() - before, 5); /* there is no ring yet */
    struct io_port *first = port();
    arrive(60, 0, 3);
    struct io_port *second = port();
    arrive(60, 0, 4);
    assert_int_equal(drain(first), 3);
    assert_int_equal(drain(second), 4);
    io_RAISED.close(first);
    arrive(60, 0, 2);
    assert_int_equal(drain(second), 2);
    io_RAISED.close(second);
    kernel_free(kernel);
}

static struct {
    struct kernel_raised head;
    uint8_t bytes[KERNEL_RAISED_MOST + 1];
} record;

/* Fill a ring with such records; returns how many are received. */
static unsigned lies(struct io_port *p, size_t len, struct pkt *pkts[])
{
    instead = &record;
    instead_len = len;
    const unsigned n = io_RAISED.receive(p, pkts, IO_BATCH);
    instead = NULL;
    return n;
}

/* Without stages nothing is passed up, and the next packet that the host sends isn't taken for an arriving one. */
static void is_alone(void **state)
{
    const uint32_t look = 2; /* STAGE_LOOK, of entry.def */
    (void)state;
    scene(true);
    assert_int_equal(bpf_map_delete_elem(kernel_map(kernel, KERNEL_MAP_stages_tc)->fd, &look), 0);
    arrive(60, 0, 1);
    for (uint32_t i = 0; i < kernel_map(kernel, KERNEL_MAP_kpkts)->entries; i++)
        assert_int_equal(kernel_kpkts(kernel)[i].arrives, 0);
    kernel_free(kernel);
}

/* A super-packet with a complete checksum could neither be sent nor cut into segments. */
static void is_whole(void **state)
{
    (void)state;
    scene(true);
    struct io_port *p = port();
    record.head = (struct kernel_raised){.len = 60, .segment = 700};
    assert_int_equal(take(taker, &record, sizeof record.head + 64), -EAGAIN); /* not requested */
    assert_int_equal(cut(p), 1);
    io_RAISED.close(p);
    kernel_free(kernel);
}

static void is_damaged(void **state)
{
    static const struct {
        uint32_t says;
        size_t has;
    } bad[] = {{1, 0},
               {1, sizeof record.head - 1},
               {0, sizeof record.head - 1},
               {1, sizeof record.head},
               {61, sizeof record.head + 60},
               {UINT32_MAX, sizeof record.head + 60},
               {UINT32_MAX - sizeof record.head + 1, sizeof record},
               {KERNEL_RAISED_MOST + 1, sizeof record}};
    struct pkt *pkts[IO_BATCH];
    (void)state;
    scene(true);
    struct io_port *p = port();
    memset(record.bytes, 0x55, sizeof record.bytes);
    assert_int_equal(io_RAISED.receive(p, pkts, IO_BATCH), 0);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        record.head = (struct kernel_raised){.len = bad[i].says};
        const uint64_t before = cut(p);
        assert_int_equal(take(taker, &record, bad[i].has), 0); /* it continues with the next */
        assert_int_equal(cut(p), before + 1);
        assert_int_equal(io_RAISED.receive(p, pkts, IO_BATCH), 0);
    }
    record.head = (struct kernel_raised){.len = 60, .flags = 0xff, .tag_count = 200, .tags = {{1, 2}, {3, 4}}};
    assert_int_equal(lies(p, sizeof record.head + 64, pkts), IO_BATCH); /* not more than requested */
    assert_int_equal(pkts[0]->cap_len, 60);
    assert_int_equal(pkts[0]->tag_count, 2);
    assert_int_equal(pkts[0]->tags[1].tci, 4);
    assert_int_equal(pkts[0]->flags, PKT_WRITABLE | PKT_CSUM_PARTIAL);
    io_RAISED.release(p);
    record.head = (struct kernel_raised){.len = KERNEL_RAISED_MOST};
    const unsigned longest = lies(p, sizeof record, pkts); /* as many as have room */
    assert_in_range(longest, 2, 4);
    for (unsigned i = 0; i < longest; i++) assert_memory_equal(pkts[i]->data, record.bytes, KERNEL_RAISED_MOST);
    assert_int_equal(lies(p, sizeof record, pkts), 0); /* none until these are released */
    io_RAISED.release(p);
    record.head.len = 0;
    assert_int_equal(lies(p, sizeof record.head, pkts), IO_BATCH);
    assert_int_equal(pkts[0]->cap_len, 0);
    io_RAISED.release(p);
    arrive(60, 0, 1);
    assert_int_equal(drain(p), 1);
    io_RAISED.close(p);
    kernel_free(kernel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {netns_test(comes_up),      netns_test(is_full),
                                       netns_test(is_made_ahead), netns_test(is_made_anew),
                                       netns_test(is_damaged),    netns_test(is_whole),
                                       netns_test(is_alone),      netns_test(has_room_for_connections),
                                       netns_test(notes_are_read)};
    return netns_run(tests, sizeof tests / sizeof tests[0]);
}
