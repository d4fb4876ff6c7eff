/* Packets that one worker hands to another, their owner, with the headers that it has parsed: the owner judges them by
 * its own snapshot, if the sender has another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "runtime/exchange/iface_id.h"
#include "runtime/worker/worker.h"
#include "tests/lib/recorded.h"
#include "vm/packet/wire.h"
#include "vm/worker/owner.h"

enum { FRAME = 64, WORKERS = 2, SEED = 7 };
#define NOW UINT64_C(1000000000000)

/* A port that one frame comes by, once; what leaves by it is counted. */
struct io_port {
    uint8_t bytes[IO_HEADROOM + FRAME];
    struct pkt pkt;
    unsigned left, sent;
};

static unsigned receive(struct io_port *p, struct pkt *pkts[], unsigned n)
{
    if (!p->left || !n) return 0;
    p->left--;
    pkts[0] = &p->pkt;
    return 1;
}
static void count(struct io_port *p, struct pkt *pkt)
{
    (void)pkt;
    p->sent++;
}
static void nothing(struct io_port *p) { (void)p; }
static const struct io_ops port_ops = {
    .receive = receive, .close = nothing, .release = nothing, .send = count, .flush = nothing};

/* Two workers; the test runs their turns. `worlds` holds a snapshot for each: the second one's facts also drop frames
 * with a wrong IP checksum. */
struct both {
    struct program *program;
    struct opened opened;
    struct owners *owners;
    struct snapshot *worlds[2];
    struct io_port ports[WORKERS];
    struct worker *workers[WORKERS];
};

static void set_up(struct both *b)
{
    static const char text[] = "pool web { source 10.0.0.9 ports 20000-60000; server s1 10.0.0.1:8080 }\n"
                               "service www on 10.0.0.100 udp/53 { mode passthrough; -> web }\n";
    char err[256];
    struct compile c;
    memset(b, 0, sizeof *b);
    compile_init(&c);
    assert_int_equal(compile_text(&c, "test.prey", text, sizeof text - 1), 0);
    b->program = program_load(c.pbc, c.pbc_len, err, sizeof err);
    compile_fini(&c);
    assert_non_null(b->program);
    assert_true(opened_init(&b->opened, b->program));
    b->owners = owners_new(b->program, &(struct owners_cfg){WORKERS, SEED}, NULL, 0);
    assert_non_null(b->owners);
    for (unsigned i = 0; i < 2; i++) {
        b->worlds[i] = recorded_snapshot(b->program);
        assert_non_null(b->worlds[i]);
        b->worlds[i]->number = 1 + i;
    }
    b->worlds[1]->facts.drop_bad_checksum = true;
    for (unsigned i = 0; i < WORKERS; i++) {
        const struct worker_cfg cfg = {.program = b->program,
                                       .worker = i,
                                       .workers = WORKERS,
                                       .owners = b->owners,
                                       .seed = SEED,
                                       .tun = -1,
                                       .inside = -1,
                                       .opened = &b->opened,
                                       .spins = true,
                                       .patient = true};
        struct worker *w = b->workers[i] = aligned_alloc(64, (sizeof *w + 63) / 64 * 64);
        assert_non_null(w);
        assert_int_equal(worker_init(w, &cfg), 0);
        w->others = b->workers;
        w->ports[0] = (struct port){
            .ops = &port_ops, .io = &b->ports[i], .peer = PORT_ANY, .iface = port_iface_id(b->program, "eth0", 0)};
        w->egress.port_count = 1;
    }
}

static void tear_down(struct both *b)
{
    for (unsigned i = 0; i < WORKERS; i++) {
        worker_fini(b->workers[i]);
        free(b->workers[i]);
    }
    owners_free(b->owners);
    opened_fini(&b->opened);
    for (unsigned i = 0; i < 2; i++) snapshot_free(b->worlds[i]);
    program_put(b->program);
}

/* Write a frame to the service, with a wrong IP checksum, that worker 1 owns, into worker 0's port. */
static void comes(struct both *b)
{
    struct io_port *p = &b->ports[0];
    uint8_t *const f = p->bytes + IO_HEADROOM, *const ip = f + 14, *const udp = f + 34;
    f[0] = f[6] = 2;
    wire_put16(f + 12, 0x0800);
    ip[0] = 0x45;
    wire_put16(ip + 2, FRAME - 14);
    ip[8] = 64;
    ip[9] = 17;
    wire_put32(ip + 12, 0x0a010001);
    wire_put32(ip + 16, 0x0a000064);
    wire_put16(ip + 10, 0x1234);
    wire_put16(udp + 2, 53);
    wire_put16(udp + 4, FRAME - 34);
    for (unsigned from = 10000; from < 11000; from++) {
        struct pkt seen;
        wire_put16(udp, (uint16_t)from);
        pkt_view(&seen, f, FRAME, FRAME, LINK_ETHER, 0);
        if (vm_owner(b->owners, &b->worlds[0]->facts, &seen) == 1) break;
        assert_true(from < 10999);
    }
    p->pkt = (struct pkt){.data = f,
                          .head_len = FRAME,
                          .cap_len = FRAME,
                          .wire_len = FRAME,
                          .headroom = IO_HEADROOM,
                          .link = LINK_ETHER,
                          .flags = PKT_WRITABLE};
    p->left = 1;
}

/* Return how many frames leave, where the owner has that of the worlds, and the sender the first. */
static unsigned sent_with(struct both *b, unsigned owner)
{
    const unsigned before = b->ports[1].sent;
    const uint64_t handed = b->workers[0]->counters.handed;
    b->workers[0]->latest = b->worlds[0];
    b->workers[1]->latest = b->worlds[owner];
    comes(b);
    worker_turn(b->workers[0], NOW);
    assert_int_equal(b->workers[0]->counters.handed, handed + 1);
    worker_turn(b->workers[1], NOW);
    assert_int_equal(b->workers[1]->counters.totals.frames, 1 + handed);
    assert_int_equal(b->ports[0].sent, 0);
    return b->ports[1].sent - before;
}

static void the_owner_judges_by_its_own_snapshot(void **state)
{
    (void)state;
    struct both b;
    set_up(&b);
    assert_int_equal(sent_with(&b, 0), 1);
    assert_int_equal(sent_with(&b, 1), 0);
    assert_int_equal(sent_with(&b, 0), 1);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_owner_judges_by_its_own_snapshot)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
