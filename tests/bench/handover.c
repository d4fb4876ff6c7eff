/* handover: processor time per frame that a worker forwards (all of worker_turn: take, judge, rewrite, send). It
 * works alone, or with a second worker on another CPU that owns none, half or all of its frames.
 *
 * Frames of 64 bytes, UDP of 1,000 flows through a service (`passthrough`), are copied from memory and go nowhere,
 * so no system call hides the cost of a hand-over. Workers poll, and only turns with frames count. make bench-live
 * includes the cost of waking workers. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "runtime/exchange/iface_id.h"
#include "runtime/worker/worker.h"
#include "tests/lib/bench.h"
#include "tests/lib/frame.h"
#include "tests/lib/passing.h"
#include "tests/lib/recorded.h"
#include "vm/worker/owner.h"

enum { FRAME = 64, STRIDE = 256, ROOM = IO_HEADROOM + 2, FLOWS = 1000, WORKERS = 2, SEED = 7, KEPT_UP = 128 };

static unsigned frames; /* per port and pass */
static struct program *program;
static struct snapshot *world;
static struct opened opened;

static void die(const char *what)
{
    fprintf(stderr, "handover: %s\n", what);
    exit(2);
}

/* ---- a port over memory ---- */

struct io_port {
    struct worker *w;
    uint8_t flows[FLOWS][FRAME]; /* one frame of each flow that comes by it */
    unsigned flow_count, next, left;
    uint64_t sent;
    uint8_t *memory; /* [VM_BATCH][STRIDE] */
    struct pkt pkts[VM_BATCH];
};

static void make(uint8_t f[FRAME], unsigned flow)
{
    const struct header h = {0x0a010000 + flow / 50, 0x0a000064, (uint16_t)(10000 + flow % 50), 53, 17};
    (void)frame_fill(&h, FRAME, f);
}

/* True if another worker has more to take than it takes in a turn: frames would be lost. */
static bool others_lag(const struct io_port *p)
{
    for (unsigned i = 0; i < p->w->cfg.workers; i++) {
        const struct handover *h = &p->w->others[i]->in[p->w->cfg.worker];
        if (i != p->w->cfg.worker &&
            __atomic_load_n(&h->put, __ATOMIC_ACQUIRE) - __atomic_load_n(&h->taken, __ATOMIC_ACQUIRE) > KEPT_UP)
            return true;
    }
    return false;
}

static unsigned receive(struct io_port *p, struct pkt *pkts[], unsigned n)
{
    if (p->left < n) n = p->left;
    if (p->w->cfg.workers > 1 && others_lag(p)) return 0;
    for (unsigned i = 0; i < n; i++) {
        uint8_t *at = p->memory + (size_t)i * STRIDE + ROOM;
        memcpy(at, p->flows[p->next++ % p->flow_count], FRAME);
        p->pkts[i] = (struct pkt){.data = at,
                                  .head_len = FRAME,
                                  .cap_len = FRAME,
                                  .wire_len = FRAME,
                                  .headroom = ROOM,
                                  .link = LINK_ETHER,
                                  .flags = PKT_WRITABLE};
        pkts[i] = &p->pkts[i];
    }
    p->left -= n;
    return n;
}

static void send_nowhere(struct io_port *p, struct pkt *pkt)
{
    (void)pkt;
    p->sent++;
}
static void nothing(struct io_port *p) { (void)p; }
static const struct io_ops memory_port = {
    .receive = receive, .close = nothing, .release = nothing, .send = send_nowhere, .flush = nothing};

/* ---- workers ---- */

static struct io_port ports[WORKERS];
static struct worker *workers[WORKERS];
static double cpu_ns[WORKERS];

static void compile(void)
{
    static const char text[] = "pool web {\n  source 10.0.0.9 ports 20000-60000\n  server s1 10.0.0.1:8080\n"
                               "  server s2 10.0.0.2:8080\n}\n"
                               "service www on 10.0.0.100 udp/53 { mode passthrough; -> web }\n";
    char err[256];
    struct compile c;
    compile_init(&c);
    if (compile_text(&c, "bench.prey", text, sizeof text - 1) != 0) die("the rules do not compile");
    program = program_load(c.pbc, c.pbc_len, err, sizeof err);
    if (!program) die(err);
    compile_fini(&c);
    world = recorded_snapshot(program);
    if (!world || !opened_init(&opened, program)) die("out of memory");
}

/* Choose the flows of worker 0's port, so that `others` percent belong to worker 1; without `o` one worker owns all. */
static void choose(const struct owners *o, unsigned others)
{
    struct io_port *p = &ports[0];
    unsigned of[WORKERS] = {0}, wanted[WORKERS] = {FLOWS * (100 - others) / 100, FLOWS * others / 100};
    p->flow_count = p->next = 0;
    for (unsigned flow = 0; p->flow_count < FLOWS && flow < 65536; flow++) {
        uint8_t frame[FRAME];
        struct pkt pkt;
        make(frame, flow);
        pkt_view(&pkt, frame, FRAME, FRAME, LINK_ETHER, 0);
        const unsigned owner = o ? vm_owner(o, &world->facts, &pkt) : 0;
        if (o && of[owner] == wanted[owner]) continue;
        of[owner]++;
        memcpy(p->flows[p->flow_count++], frame, FRAME);
    }
    if (p->flow_count < FLOWS) die("too few flows");
}

static void begin(unsigned count, const struct owners *o)
{
    for (unsigned i = 0; i < count; i++) {
        const struct worker_cfg cfg = {.program = program,
                                       .worker = i,
                                       .workers = count,
                                       .owners = o,
                                       .seed = SEED,
                                       .tun = -1,
                                       .inline_tun = -1,
                                       .opened = &opened,
                                       .spins = true,
                                       .patient = true};
        struct worker *w = aligned_alloc(64, (sizeof *w + 63) / 64 * 64);
        if (!w || worker_init(w, &cfg)) die("out of memory");
        workers[i] = ports[i].w = w;
        w->others = workers;
        w->ports[0] = (struct port){
            .ops = &memory_port, .io = &ports[i], .peer = PORT_ANY, .iface = port_iface_id(program, "eth0", 0)};
        w->egress.port_count = 1;
        w->latest = world;
    }
}

static void end(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        worker_fini(workers[i]);
        free(workers[i]);
    }
}

static unsigned running, done; /* workers that run; workers that have no more frames to come */

static void *turns(void *arg)
{
    const unsigned me = (unsigned)(uintptr_t)arg;
    struct worker *w = workers[me];
    cpu_set_t one;
    CPU_ZERO(&one);
    const int cpu = worker_cpu(me);
    if (cpu >= 0) CPU_SET((unsigned)cpu, &one);
    if (cpu >= 0) pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    uint64_t ns = 0;
    bool told = false;
    for (;;) {
        const bool last = __atomic_load_n(&done, __ATOMIC_ACQUIRE) == running;
        const uint64_t began = bench_cpu_ns();
        const unsigned got = worker_turn(w, bench_now_ns());
        if (got) ns += bench_cpu_ns() - began;
        if (!ports[me].left && !told) __atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
        told |= !ports[me].left;
        if (last && !got) break;
        if (!got) sched_yield();
    }
    cpu_ns[me] = (double)ns;
    return NULL;
}

/* Send one pass of frames through worker 0's port. Return the processor time per frame of all workers. */
static double pass(unsigned count)
{
    pthread_t threads[WORKERS];
    uint64_t sent = 0;
    running = count;
    done = 0;
    for (unsigned i = 0; i < count; i++) {
        ports[i].left = i == 0 ? frames : 0;
        ports[i].sent = 0;
        if (pthread_create(&threads[i], NULL, turns, (void *)(uintptr_t)i)) die("no thread");
    }
    double ns = 0;
    for (unsigned i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        sent += ports[i].sent;
        ns += cpu_ns[i];
    }
    if (sent != frames) die("a frame is not sent on");
    return ns / frames;
}

int main(void)
{
    static const struct {
        const char *name;
        unsigned others;
    } rows[] = {{"two workers, none for the other", 0},
                {"two workers, half for the other", 50},
                {"two workers, all for the other", 100}};
    enum { ROWS = sizeof rows / sizeof *rows };
    const int cpus[WORKERS] = {worker_cpu(0), worker_cpu(1)};
    frames = bench_size(1 << 19, 1 << 13);
    compile();
    for (unsigned i = 0; i < WORKERS; i++) {
        ports[i].memory = aligned_alloc(64, VM_BATCH * STRIDE);
        if (!ports[i].memory) die("out of memory");
    }
    struct owners *o = owners_new(program, &(struct owners_cfg){.workers = WORKERS, .seed = SEED}, NULL, 0);
    if (!o) die("out of memory");
    for (unsigned r = 0; r < ROWS; r++) {
        struct series one = {0}, two = {0}, bare = {0}, line = {0};
        for (unsigned i = 0; i < bench_runs(); i++) {
            const double ring = passing_frame_ns(cpus, frames);
            series_add(&line, passing_line_ns(cpus, bench_size(200000, 2000)));
            choose(NULL, 0);
            begin(1, NULL);
            pass(1); /* opens the flows and warms up */
            const double alone = pass(1);
            series_add(&one, alone);
            series_add(&bare, alone + ring * rows[r].others / 100);
            end(1);
            choose(o, rows[r].others);
            begin(WORKERS, o);
            pass(WORKERS);
            series_add(&two, pass(WORKERS));
            end(WORKERS);
        }
        char what[100];
        snprintf(what, sizeof what, "forwarded by %s", rows[r].name);
        bench_row(&(struct bench_row){what, "ns/pkt", &two, "one worker", &one,
                                      rows[r].others == 50 ? GOAL_RATIO : GOAL_NONE, 1.3});
        snprintf(what, sizeof what, "floor: a line to the other CPU, %u %% for the other", rows[r].others);
        bench_row(&(struct bench_row){.what = what, .unit = "ns", .ours = &line});
        if (!rows[r].others) continue;
        snprintf(what, sizeof what, "floor: one worker and a bare ring, %s", rows[r].others == 50 ? "half" : "all");
        bench_row(&(struct bench_row){what, "ns/pkt", &bare, "one worker", &one, GOAL_NONE, 0});
    }
    bench_note("handover: frames of 64 bytes from memory; the time of both workers, for turns in which frames came");
    owners_free(o);
    for (unsigned i = 0; i < WORKERS; i++) free(ports[i].memory);
    opened_fini(&opened);
    snapshot_free(world);
    program_put(program);
    return 0;
}
