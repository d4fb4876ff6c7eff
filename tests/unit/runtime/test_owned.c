/* Packets that one worker hands to another, their owner, with the parsed headers. The owner judges them by its own
 * snapshot, if the sender has another. Also recipes that an owner lends, so that its flows' packets leave where they
 * come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "runtime/exchange/iface_id.h"
#include "runtime/worker/owned/borrowed.h"
#include "runtime/worker/worker.h"
#include "tests/lib/frame.h"
#include "tests/lib/recorded.h"
#include "vm/packet/wire.h"
#include "vm/worker/owner.h"

enum { FRAME = 64, WORKERS = 2, SEED = 7 };
#define NOW UINT64_C(1000000000000)

/* A port on which one frame arrives once; frames that leave by it are counted, and the last is kept. */
struct io_port {
    uint8_t bytes[IO_HEADROOM + FRAME], last[FRAME];
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
    memcpy(p->last, pkt->data, FRAME);
    p->sent++;
}
static void nothing(struct io_port *p) { (void)p; }
static const struct io_ops port_ops = {
    .receive = receive, .close = nothing, .release = nothing, .send = count, .flush = nothing};

/* Two workers, whose turns the test runs. `worlds` has a snapshot for each: the second one's facts also drop frames
 * with a wrong IP checksum. */
struct both {
    struct program *program;
    struct opened opened;
    struct owners *owners;
    struct snapshot *worlds[2];
    struct io_port ports[WORKERS];
    struct worker *workers[WORKERS];
};

static const char passthrough[] = "limits { flows 64 }\n"
                                  "pool web { source 10.0.0.9 ports 20000-60000; server s1 10.0.0.1:8080 }\n"
                                  "service www on 10.0.0.100 udp/53 { mode passthrough; -> web }\n";
static const char tunnel[] = "pool web { source 10.0.0.9; server s1 10.0.0.1 }\n"
                             "service www on 10.0.0.100 udp/53 { mode dsr gue 6080; -> web }\n";

static void set_up(struct both *b, const char *text)
{
    char err[256];
    struct compile c;
    memset(b, 0, sizeof *b);
    compile_init(&c);
    assert_int_equal(compile_text(&c, "test.prey", text, strlen(text)), 0);
    b->program = program_load(c.pbc, c.pbc_len, err, sizeof err);
    compile_fini(&c);
    assert_non_null(b->program);
    assert_true(opened_init(&b->opened, b->program));
    b->owners = owners_new(b->program, &(struct owners_cfg){.workers = WORKERS, .seed = SEED}, NULL, 0);
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
                                       .inline_tun = -1,
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

/* Write a frame to the service, with a wrong IP checksum, into worker 0's port; worker 1 owns it. */
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

/* Return how many frames leave if the owner has that snapshot, and the sender the first. */
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
    set_up(&b, passthrough);
    assert_int_equal(sent_with(&b, 0), 1);
    assert_int_equal(sent_with(&b, 1), 0);
    assert_int_equal(sent_with(&b, 0), 1);
    tear_down(&b);
}

/* ---- loans ---- */

enum { OTHERS = 2000 }; /* flows that evict one of 64 */

/* Write a client's frame, of a flow that worker 1 owns, into a port. Return the next client port that does the same. */
static uint16_t client_comes(struct both *b, unsigned by, uint16_t port, uint8_t mac)
{
    struct io_port *p = &b->ports[by];
    uint8_t *const f = p->bytes + IO_HEADROOM;
    for (;; port++) {
        const struct header h = {0x0a010001, 0x0a000064, port, 53, 17};
        struct pkt seen;
        (void)frame_fill(&h, FRAME, f);
        f[11] = mac;
        pkt_view(&seen, f, FRAME, FRAME, LINK_ETHER, 0);
        if (vm_owner(b->owners, &b->worlds[0]->facts, &seen) == 1) break;
    }
    p->pkt = (struct pkt){.data = f,
                          .head_len = FRAME,
                          .cap_len = FRAME,
                          .wire_len = FRAME,
                          .headroom = IO_HEADROOM,
                          .link = LINK_ETHER,
                          .flags = PKT_WRITABLE};
    p->left = 1;
    return (uint16_t)(port + 1);
}

enum { CLIENT = 10000, MAC = 1, OTHER_MAC = 2 };

static uint64_t at_ms(unsigned ms) { return NOW + ms * UINT64_C(1000000); }

/* Let the flow's next packet come to worker 0, and run both. Return the worker that sends it. */
static int sends(struct both *b, unsigned ms)
{
    const unsigned before[WORKERS] = {b->ports[0].sent, b->ports[1].sent};
    client_comes(b, 0, CLIENT, MAC);
    for (unsigned i = 0; i < WORKERS; i++) worker_turn(b->workers[i], at_ms(ms));
    assert_int_equal(b->ports[0].sent + b->ports[1].sent, before[0] + before[1] + 1);
    return b->ports[1].sent > before[1];
}

/* Open the flow with the first packet, make its recipe with the second, and ask for that with the third. */
static void borrow(struct both *b, const char *text)
{
    set_up(b, text);
    for (unsigned i = 0; i < WORKERS; i++) b->workers[i]->latest = b->worlds[0];
    for (unsigned i = 0; i < 3; i++) assert_int_equal(sends(b, 1), 1);
    assert_int_equal(b->workers[0]->counters.borrowed, 0);
}

/* Check that the fourth leaves by the loan. */
static void goes_by_loan(struct both *b)
{
    borrow(b, passthrough);
    assert_int_equal(sends(b, 2), 0);
}

static void packets_of_a_busy_flow_leave_where_they_come(void **state)
{
    (void)state;
    struct both b;
    goes_by_loan(&b);
    assert_memory_equal(b.ports[0].last, b.ports[1].last, FRAME);
    assert_int_equal(b.workers[0]->counters.borrowed, 1);
    assert_int_equal(b.workers[0]->counters.totals.frames, 1);
    assert_int_equal(b.workers[1]->counters.totals.frames, 3);
    tear_down(&b);
}

static void a_tunnel_is_the_owners(void **state)
{
    (void)state;
    enum { OUTER_PORT = 34 };
    struct both b;
    borrow(&b, tunnel);
    assert_int_equal(sends(&b, 2), 0);
    assert_memory_equal(b.ports[0].last + OUTER_PORT, b.ports[1].last + OUTER_PORT, FRAME - OUTER_PORT);
    tear_down(&b);
}

static void a_loan_ends_unless_it_is_used(void **state)
{
    (void)state;
    struct both b;
    borrow(&b, passthrough);
    for (unsigned ms = 2; ms < 1000; ms += 10) assert_int_equal(sends(&b, ms), 0);
    assert_int_equal(sends(&b, 1200), 1);
    tear_down(&b);
}

static void a_flow_that_is_seldom_seen_is_not_lent(void **state)
{
    (void)state;
    struct both b;
    set_up(&b, passthrough);
    for (unsigned i = 0; i < WORKERS; i++) b.workers[i]->latest = b.worlds[0];
    for (unsigned ms = 0; ms < 1000; ms += 50) assert_int_equal(sends(&b, ms), 1);
    tear_down(&b);
}

static void another_recipe_ends_a_loan(void **state)
{
    (void)state;
    struct both b;
    goes_by_loan(&b);
    client_comes(&b, 1, CLIENT, OTHER_MAC);
    worker_turn(b.workers[1], at_ms(3));
    assert_int_equal(sends(&b, 4), 1);
    tear_down(&b);
}

static void a_flows_end_ends_its_loan(void **state)
{
    (void)state;
    struct both b;
    uint16_t port = CLIENT + 500;
    goes_by_loan(&b);
    for (unsigned i = 0; i < OTHERS; i++) {
        port = client_comes(&b, 1, port, MAC);
        worker_turn(b.workers[1], at_ms(3));
    }
    assert_int_equal(sends(&b, 4), 1);
    tear_down(&b);
}

static void another_snapshot_ends_a_loan(void **state)
{
    (void)state;
    struct both b;
    goes_by_loan(&b);
    b.workers[0]->latest = b.worlds[1];
    assert_int_equal(sends(&b, 3), 1);
    for (unsigned ms = 4; ms < 100; ms += 2) assert_int_equal(sends(&b, ms), 1); /* the owner has other facts */
    tear_down(&b);
}

static void a_packet_of_another_station_is_its_owners(void **state)
{
    (void)state;
    struct both b;
    goes_by_loan(&b);
    client_comes(&b, 0, CLIENT, OTHER_MAC);
    for (unsigned i = 0; i < WORKERS; i++) worker_turn(b.workers[i], at_ms(3));
    assert_int_equal(b.ports[0].sent, 1);
    assert_int_equal(b.ports[1].sent, 4);
    tear_down(&b);
}

/* The offer is on its way while one more packet is handed over. */
static void a_loan_waits_for_packets_that_were_handed_over(void **state)
{
    (void)state;
    struct both b;
    struct offer o;
    borrow(&b, passthrough);
    struct ring *offers = &b.workers[0]->offers[1];
    assert_true(ring_take(offers, &o));
    client_comes(&b, 0, CLIENT, MAC);
    worker_turn(b.workers[0], at_ms(2));
    assert_true(ring_put(offers, &o));
    client_comes(&b, 0, CLIENT, MAC);
    worker_turn(b.workers[0], at_ms(3));
    assert_int_equal(b.ports[0].sent, 0);
    worker_turn(b.workers[1], at_ms(3));
    assert_int_equal(b.ports[1].sent, 5);
    assert_int_equal(sends(&b, 4), 0);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_owner_judges_by_its_own_snapshot),
                                       cmocka_unit_test(packets_of_a_busy_flow_leave_where_they_come),
                                       cmocka_unit_test(a_tunnel_is_the_owners),
                                       cmocka_unit_test(a_loan_ends_unless_it_is_used),
                                       cmocka_unit_test(a_flow_that_is_seldom_seen_is_not_lent),
                                       cmocka_unit_test(another_recipe_ends_a_loan),
                                       cmocka_unit_test(a_flows_end_ends_its_loan),
                                       cmocka_unit_test(another_snapshot_ends_a_loan),
                                       cmocka_unit_test(a_packet_of_another_station_is_its_owners),
                                       cmocka_unit_test(a_loan_waits_for_packets_that_were_handed_over)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
