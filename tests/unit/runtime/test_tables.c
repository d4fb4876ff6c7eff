/* A worker that never builds a balancing table: a change of health, and a step of a slow start, come with tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "compiler/compiler.h"
#include "runtime/worker/worker.h"
#include "vm/context/context.h"
#include "vm/forward/balance/balance_priv.h"

#define S UINT64_C(1000000000)

/* ---- a port that always has one frame ---- */

struct io_port {
    uint8_t bytes[IO_HEADROOM + 60];
    struct pkt pkt;
};
static unsigned receive(struct io_port *p, struct pkt *pkts[], unsigned n)
{
    static const uint8_t frame[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x12, 0x34};
    if (!n) return 0;
    memcpy(p->bytes + IO_HEADROOM, frame, sizeof frame);
    pkt_view(&p->pkt, p->bytes + IO_HEADROOM, sizeof frame, sizeof frame, LINK_ETHER, IFACE_NONE);
    pkts[0] = &p->pkt;
    return 1;
}
static void nothing(struct io_port *p) { (void)p; }
static void losses(struct io_port *p, struct io_stats *s)
{
    (void)p;
    memset(s, 0, sizeof *s);
}
static const struct io_ops endless = {
    .receive = receive, .release = nothing, .flush = nothing, .close = nothing, .losses = losses, .stats = losses};

/* ---- a worker, and the main thread's snapshots ---- */

static const char rules[] = "pool web { balance maglev; slow start 10m\n"
                            "  server one 10.2.0.2:80\n  server two 10.2.0.3:80\n}\n"
                            "service shop on 10.1.0.100 tcp/80 { mode passthrough; -> web }\n";

struct rig {
    struct program *program;
    struct io_port port;
    struct worker *w;
    struct snapshot *told[8];
    unsigned count;
    uint8_t down[2];
    uint64_t up_since_ns[2];
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * S + (uint64_t)t.tv_nsec;
}

static void begin(struct rig *r)
{
    struct compile c;
    char why[256] = "";
    memset(r, 0, sizeof *r);
    compile_init(&c);
    assert_int_equal(compile_text(&c, "rules", rules, strlen(rules)), 0);
    r->program = program_load(c.pbc, c.pbc_len, why, sizeof why);
    compile_fini(&c);
    assert_non_null(r->program);
    static const struct opened none;
    const struct worker_cfg cfg = {
        .program = r->program, .workers = 1, .seed = 7, .tun = -1, .inline_tun = -1, .opened = &none, .spins = true};
    assert_int_equal(posix_memalign((void **)&r->w, 64, sizeof *r->w), 0);
    assert_int_equal(worker_init(r->w, &cfg), 0);
    r->w->ports[0] = (struct port){.ops = &endless, .io = &r->port, .peer = PORT_ANY};
    r->w->egress.port_count = 1;
}

/* Make a snapshot of the rig's health, not yet reported. */
static struct snapshot *fresh(struct rig *r)
{
    struct facts f = {.generation = r->count + 1, .down = r->down, .up_since_ns = r->up_since_ns};
    const uint16_t out[2] = {IFACE_NONE, IFACE_NONE};
    const uint32_t mtu[2] = {0};
    f.server_out = out;
    f.server_mtu = mtu;
    struct snapshot *s = snapshot_new(r->program, &f, 0);
    assert_non_null(s);
    s->number = f.generation;
    return r->told[r->count++] = s;
}

static struct tables *tables_at(struct rig *r, const struct snapshot *s, uint64_t number, uint64_t at_ns)
{
    const struct vm_in in = {.mono_ns = at_ns, .facts = &s->facts};
    struct tables *t = tables_new(r->program, 7, &in, 1, 0);
    assert_non_null(t);
    t->number = number;
    return t;
}

/* Judge two more batches; return how many tables the worker has built itself so far. */
static uint64_t built(struct rig *r)
{
    for (unsigned i = 0; i < 2; i++) {
        uint64_t was, is;
        worker_hold(r->w);
        was = r->w->counters.batches;
        do {
            worker_release(r->w);
            worker_hold(r->w);
            is = r->w->counters.batches;
        } while (is == was);
        worker_release(r->w);
    }
    worker_hold(r->w);
    const uint64_t n = r->w->vm->balance->built;
    worker_release(r->w);
    return n;
}

static void wait_until(uint64_t at_ns)
{
    const struct timespec t = {(time_t)(at_ns / S), (long)(at_ns % S)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL)) {}
}

static void end(struct rig *r)
{
    worker_stop(r->w, false);
    r->w->egress.port_count = 0;
    worker_fini(r->w);
    free(r->w);
    for (unsigned i = 0; i < r->count; i++) snapshot_free(r->told[i]);
    program_put(r->program);
}

static void none_by_the_worker(void **state)
{
    (void)state;
    static struct rig r;
    begin(&r);
    worker_tell(r.w, fresh(&r));
    assert_int_equal(worker_start(r.w, -1), 0);
    assert_int_equal(built(&r), 0);

    r.down[0] = 1; /* health changes */
    struct snapshot *s = fresh(&r);
    s->tables = tables_at(&r, s, 1, now_ns());
    worker_tell(r.w, s);
    assert_int_equal(built(&r), 0);
    assert_int_equal(r.w->taken, 2);
    assert_int_equal(r.w->tables, 1);

    r.down[0] = 0; /* it came up a moment less than a step of a minute ago */
    const uint64_t now = now_ns();
    r.up_since_ns[0] = now - 60 * S + S / 5;
    s = fresh(&r);
    s->tables = tables_at(&r, s, 2, now);
    s->tables_next = tables_at(&r, s, 3, s->tables->until_ns);
    assert_int_equal(s->tables_next->at_ns, r.up_since_ns[0] + 60 * S);
    worker_tell(r.w, s);
    assert_int_equal(built(&r), 0);
    wait_until(s->tables_next->at_ns);
    assert_int_equal(built(&r), 0);
    assert_int_equal(r.w->tables, 3);

    struct snapshot *after = fresh(&r); /* for example other neighbours: the same tables, which it has */
    after->tables = tables_get(s->tables_next);
    worker_tell(r.w, after);
    assert_int_equal(built(&r), 0);

    r.down[1] = 1; /* without tables it builds them, which the count shows */
    worker_tell(r.w, fresh(&r));
    assert_int_equal(built(&r), 1);
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(none_by_the_worker)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
