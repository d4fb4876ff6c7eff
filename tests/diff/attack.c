/* Attacks in simulation: floods against a worker whose table is full of connections. Established flows go on, real
 * new clients still get in, and memory doesn't grow.
 *
 *   attack [FLOWS]
 *
 * The table holds FLOWS, of which a tenth may be half open; every eighth is a UDP tunnel, the others are TCP.
 * Attackers send ten packets per flow, in ten seconds unless stated otherwise; a real client comes every thousandth
 * packet, and gets a reply after 50 ms. LONG=1: a million flows. Times are only printed. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compiler/compiler.h"
#include "tests/lib/one_kernel.h"
#include "tests/lib/rng.h"
#include "tests/lib/talk.h"
#include "vm/flow/table/flow_table.h"
#include "vm/flow/fragments/frag.h"
#include "vm/packet/parse/header.h"
#include "vm/vm.h"

enum { SERVER = 0x0a000001, PER_FLOW = 10, EVERY = 1000, SLOTS = 256, SLOT_BYTES = 2048, WAITING = 1 << 16 };
#define MS UINT64_C(1000000)

/* A real client: its next packet and that packet's time. */
struct client {
    struct talk talk;
    uint64_t at_ns;
    unsigned step;
};

struct field {
    struct program *program;
    struct executor *worker;
    struct facts facts;
    struct vm_in in;
    struct tx_entry entries[2 * VM_BATCH];
    struct vm_tx tx;
    struct pool *pool;
    void *pool_memory;
    struct rng rng;
    uint64_t flows;
    uint8_t bytes[VM_BATCH][TALK_FRAME_MAX];
    struct pkt pkts[VM_BATCH];
    struct verdict verdicts[VM_BATCH];
    unsigned count;                 /* packets in the current batch */
    struct client waiting[WAITING]; /* a ring, because all wait equally long */
    unsigned first, last;
    uint64_t came, got_in; /* real clients, and those whose packets were all accepted */
    uint64_t packets, let_in, busy_ns;
};

static bool good = true;

static void said(bool yes, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void said(bool yes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%s - ", yes ? "ok" : "not ok");
    vprintf(format, args);
    printf("\n");
    va_end(args);
    good &= yes;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct program *compile_rules(uint64_t flows)
{
    char text[1024], why[256] = "";
    struct compile c;
    struct program *p = NULL;
    snprintf(text, sizeof text,
             "limits { flows %" PRIu64 "; half_open %" PRIu64 " }\nfirewall f default drop {\n"
             "  accept state established, related\n  accept state new tcp to 10.0.0.1 port 80\n"
             "  accept state new udp to 10.0.0.1 port 53\n  accept state new icmp type echo-request to 10.0.0.1\n"
             "  accept state new sctp to 10.0.0.1 port 80\n  accept state new gre to 10.0.0.1\n}\n",
             flows, flows / 10);
    compile_init(&c);
    if (compile_text(&c, "attack.prey", text, strlen(text)) == 0) p = program_load(c.pbc, c.pbc_len, why, sizeof why);
    if (!p) diags_print_text(c.diags, stdout, false);
    compile_fini(&c);
    return p;
}

static void flush(struct field *f)
{
    struct pkt *views[VM_BATCH];
    for (unsigned i = 0; i < f->count; i++) views[i] = &f->pkts[i];
    const uint64_t began = now_ns();
    executor_run(f->worker, &f->in, views, f->count, f->verdicts, &f->tx);
    f->busy_ns += now_ns() - began;
    f->packets += f->count;
    for (unsigned i = 0; i < f->count; i++) f->let_in += f->verdicts[i].action == ACTION_ACCEPT;
    for (unsigned i = 0; i < f->tx.count; i++) pool_put(f->tx.entries[i].pkt);
    f->tx.count = f->count = 0;
}

static void add_packet(struct field *f, const struct talk *t)
{
    if (f->count == VM_BATCH) flush(f);
    const uint32_t len = talk_build(t, f->bytes[f->count]);
    pkt_view(&f->pkts[f->count], f->bytes[f->count], len, len, LINK_ETHER, IFACE_NONE);
    f->count++;
}

/* Judge one packet at once: true if it was accepted. */
static bool ask(struct field *f, const struct talk *t)
{
    flush(f);
    add_packet(f, t);
    flush(f);
    return f->verdicts[0].action == ACTION_ACCEPT;
}

/* ---- connections ---- */

static struct talk client_of(uint64_t n, uint8_t proto)
{
    return (struct talk){
        .src = 0xc0000000 + (uint32_t)(n / 50000),
        .dst = SERVER,
        .src_port = (uint16_t)(1024 + n % 50000),
        .dst_port = proto == IPPROTO_NR_UDP ? 53 : 80,
        .proto = proto,
        .ttl = 64,
        .flags = TCP_SYN,
        .seq = 7000 + (uint32_t)n,
        .window = 65535,
    };
}

static struct talk answer_of(const struct talk *t)
{
    struct talk a = *t;
    a.src = t->dst;
    a.dst = t->src;
    a.src_port = t->dst_port;
    a.dst_port = t->src_port;
    a.flags = TCP_SYN | TCP_ACK;
    a.seq = 900;
    a.ack = t->seq + 1;
    a.chunk = talk_chunk(1);
    a.type = 0;
    return a;
}

static struct talk last_ack(const struct talk *t)
{
    struct talk a = *t;
    a.flags = TCP_ACK;
    a.seq = t->seq + 1;
    a.ack = 901;
    return a;
}

enum { TUNNEL_EACH = 8 };

/* Open a tunnel: three datagrams from each side, without a handshake. */
static void tunnel(struct field *f, uint64_t n)
{
    const struct talk t = client_of(n, IPPROTO_NR_UDP), a = answer_of(&t);
    for (unsigned i = 0; i < FLOW_LASTS; i++) {
        add_packet(f, &t);
        add_packet(f, &a);
    }
}

static void establish(struct field *f, uint64_t n)
{
    if (n % TUNNEL_EACH == 0) {
        tunnel(f, n);
        return;
    }
    const struct talk t = client_of(n, IPPROTO_NR_TCP), a = answer_of(&t), l = last_ack(&t);
    add_packet(f, &t);
    add_packet(f, &a);
    add_packet(f, &l);
}

/* Count the flows that were established before and no longer are. In a tunnel the server sends, because no rule lets
 * it begin one. */
static uint64_t lost(struct field *f)
{
    uint64_t gone = 0;
    flush(f);
    for (uint64_t n = 0; n < f->flows; n += VM_BATCH) {
        unsigned some = 0;
        for (; some < VM_BATCH && n + some < f->flows; some++) {
            const bool udp = (n + some) % TUNNEL_EACH == 0;
            const struct talk t = client_of(n + some, udp ? IPPROTO_NR_UDP : IPPROTO_NR_TCP);
            const struct talk next = udp ? answer_of(&t) : last_ack(&t);
            add_packet(f, &next);
        }
        flush(f);
        for (unsigned i = 0; i < some; i++) gone += f->verdicts[i].action != ACTION_ACCEPT;
    }
    return gone;
}

/* ---- real clients ---- */

static void client_comes(struct field *f, uint8_t proto)
{
    const struct talk t = client_of(f->flows + 100000 + f->came++, proto);
    struct client *c = &f->waiting[f->last];
    if (!ask(f, &t)) return;
    *c = (struct client){.talk = t, .at_ns = f->in.mono_ns + 50 * MS};
    f->last = (f->last + 1) % WAITING;
}

/* Reply to the clients that have waited long enough, and let them continue. */
static void clients_go_on(struct field *f)
{
    while (f->first != f->last && f->waiting[f->first].at_ns <= f->in.mono_ns) {
        const struct talk *t = &f->waiting[f->first].talk, a = answer_of(t), l = last_ack(t);
        f->first = (f->first + 1) % WAITING;
        f->got_in += ask(f, &a) && ask(f, &l);
    }
}

/* ---- attacks ---- */

typedef void attack_fn(struct field *f, struct talk *t);

static void syn_flood(struct field *f, struct talk *t)
{
    *t = client_of(0, IPPROTO_NR_TCP);
    t->src = 0x10000000 + (uint32_t)(rng_next(&f->rng) >> 36);
    t->src_port = (uint16_t)rng_next(&f->rng);
}

static void udp_flood(struct field *f, struct talk *t)
{
    syn_flood(f, t);
    t->proto = IPPROTO_NR_UDP;
    t->dst_port = 53;
}

/* Send a query from a forged source; each gets a reply. */
static void asks(struct field *f, struct talk *t, uint8_t proto)
{
    syn_flood(f, t);
    t->proto = proto;
}
static void dns_flood(struct field *f, struct talk *t)
{
    asks(f, t, IPPROTO_NR_UDP);
    t->dst_port = 53;
}
static void ping_flood(struct field *f, struct talk *t)
{
    asks(f, t, IPPROTO_NR_ICMP);
    t->type = 8;
}
static void init_flood(struct field *f, struct talk *t)
{
    asks(f, t, IPPROTO_NR_SCTP);
    t->chunk = talk_chunk(0);
    t->payload = 20;
}
static void gre_flood(struct field *f, struct talk *t)
{
    asks(f, t, 47);
    t->payload = 8;
}

/* Send a reset from an attacker who knows the addresses and ports but not the sequence numbers. */
static void blind_resets(struct field *f, struct talk *t)
{
    *t = client_of(rng_next(&f->rng) % f->flows, IPPROTO_NR_TCP);
    if (rng_one_in(&f->rng, 2)) *t = answer_of(t);
    t->flags = rng_one_in(&f->rng, 2) ? TCP_RST : TCP_RST | TCP_ACK;
    t->seq = (uint32_t)rng_next(&f->rng);
}

/* Send an ICMP error: about an open connection with wrong sequence numbers, or about none. */
static void icmp_errors(struct field *f, struct talk *t)
{
    static struct talk about;
    about = client_of(rng_next(&f->rng) % f->flows, IPPROTO_NR_TCP);
    about.seq = (uint32_t)rng_next(&f->rng);
    if (rng_one_in(&f->rng, 2)) about.src_port ^= 0x8000;
    *t = (struct talk){.src = (uint32_t)rng_next(&f->rng) & 0x7fffffff,
                       .dst = about.src,
                       .proto = IPPROTO_NR_ICMP,
                       .type = 3,
                       .ttl = 64,
                       .quoted = &about};
}

/* Send a fragment of a datagram that never completes: a first one, or a later one whose first never comes. */
static void fragments(struct field *f, struct talk *t)
{
    udp_flood(f, t);
    t->payload = 8;
    t->ip_id = (uint16_t)rng_next(&f->rng);
    t->fragment = rng_one_in(&f->rng, 2) ? 1 : 2;
}

/* Send PER_FLOW packets for each flow in the table, in `seconds`. proto: of the real clients; answered: each packet
 * gets a reply. */
static void flood(struct field *f, attack_fn *attack, uint8_t proto, double seconds, bool answered)
{
    const uint64_t packets = f->flows * PER_FLOW, began = f->in.mono_ns;
    const double step = seconds * 1e9 / (double)packets;
    f->came = f->got_in = f->let_in = f->packets = f->busy_ns = 0;
    uint64_t next_tick = began;
    for (uint64_t i = 0; i < packets; i++) {
        struct talk t;
        if (f->count == VM_BATCH) {
            flush(f);
            f->in.mono_ns = began + (uint64_t)((double)i * step);
            clients_go_on(f);
            if (f->in.mono_ns >= next_tick) next_tick = executor_tick(f->worker, &f->in, &f->tx);
        }
        if (i % EVERY == 0) client_comes(f, proto);
        attack(f, &t);
        add_packet(f, &t);
        const struct talk a = answer_of(&t);
        if (answered) add_packet(f, &a);
    }
    flush(f);
    f->in.mono_ns += 50 * MS;
    clients_go_on(f);
}

static double per_cent(uint64_t part, uint64_t whole) { return whole ? 100.0 * (double)part / (double)whole : 0; }

static void begin(struct field *f, uint64_t flows)
{
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) & ~(size_t)63;
    memset(f, 0, sizeof *f);
    f->flows = flows;
    f->rng.state = flows;
    f->program = compile_rules(flows);
    f->pool_memory = aligned_alloc(64, bytes);
    f->pool = pool_init(f->pool_memory, bytes, SLOTS, SLOT_BYTES);
    f->worker = one_kernel_worker(f->program, &(struct vm_cfg){.seed = 11, .pool = f->pool});
    f->facts.generation = 1;
    f->in = (struct vm_in){.mono_ns = 1000000 * MS, .facts = &f->facts};
    f->tx = (struct vm_tx){.entries = f->entries, .cap = 2 * VM_BATCH};
    for (uint64_t n = 0; n < flows; n++) establish(f, n);
    flush(f);
}

static void end(struct field *f)
{
    one_kernel_free(f->worker);
    program_put(f->program);
    free(f->pool_memory);
}

static void survive(struct field *f, const char *what)
{
    const double ns = (double)f->busy_ns / (double)f->packets;
    const uint64_t gone = lost(f);
    said(gone == 0, "%s: all %" PRIu64 " established flows survive (%.0f ns a packet)", what, f->flows, ns);
}

/* ---- the tests ---- */

static void test_syn_flood(struct field *f)
{
    static const double seconds[] = {10, 6, 4, 2.5};
    for (unsigned i = 0; i < 4; i++) {
        begin(f, f->flows);
        flood(f, syn_flood, IPPROTO_NR_TCP, seconds[i], false);
        const double in = per_cent(f->got_in, f->came);
        const uint64_t half = executor_counters(f->worker)->flows->live[FLOW_HALF_OPEN];
        printf("# %.0f SYNs in the time that a real handshake takes, of %" PRIu64
               " half-open flows: %.2f %% of %" PRIu64 " real clients get in at once\n",
               0.05 / seconds[i] * (double)f->flows * PER_FLOW, f->flows / 10, in, f->came);
        if (i == 0) {
            said(in >= 99, "SYN flood: %.2f %% of new clients get in at once", in);
            said(half <= f->flows / 10, "SYN flood: no more than half_open are half open");
            survive(f, "SYN flood");
        }
        end(f);
    }
}

static void test_flood(struct field *f, attack_fn *attack, uint8_t proto, const char *what, double get_in,
                       double let_in)
{
    begin(f, f->flows);
    flood(f, attack, proto, 10, false);
    const uint64_t attacks = f->flows * PER_FLOW, real = f->came + 2 * f->got_in;
    const double in = per_cent(f->got_in, f->came);
    const double through = per_cent(f->let_in > real ? f->let_in - real : 0, attacks);
    said(in >= get_in, "%s: %.2f %% of new clients get in at once", what, in);
    said(through <= let_in, "%s: %.3f %% of it is let in", what, through);
    survive(f, what);
    end(f);
}

static void test_answered(struct field *f, attack_fn *attack, const char *what)
{
    begin(f, f->flows);
    flood(f, attack, IPPROTO_NR_TCP, 10, true);
    const double in = per_cent(f->got_in, f->came);
    const uint64_t *ended = executor_counters(f->worker)->flows->ended;
    printf("# %s, answered: %.2f %% of new clients get in at once\n", what, in);
    said(ended[FLOW_END_EVICTED_ANSWERED] > 0, "%s, answered: it takes its own place", what);
    survive(f, what);
    end(f);
}

/* Send datagrams in two pieces, a millisecond apart, while others never complete. */
static void test_fragments(struct field *f)
{
    uint64_t whole = 0, sent = 0;
    struct talk t;
    begin(f, f->flows);
    for (uint64_t i = 0; i < f->flows * PER_FLOW; i++) {
        if (i % EVERY == 0) {
            struct talk real = client_of(f->flows + i, IPPROTO_NR_UDP);
            real.payload = 8;
            real.ip_id = (uint16_t)i;
            real.fragment = 1;
            const bool first = ask(f, &real);
            for (unsigned k = 0; k < EVERY; k++) {
                fragments(f, &t);
                add_packet(f, &t);
            }
            f->in.mono_ns += MS;
            real.fragment = 2;
            whole += ask(f, &real) && first;
            sent++;
        }
        if (i % (EVERY * 100) == 0) executor_tick(f->worker, &f->in, &f->tx);
        for (unsigned k = 0; k < f->tx.count; k++) pool_put(f->entries[k].pkt);
        f->tx.count = 0;
    }
    flush(f);
    said(per_cent(whole, sent) >= 99, "fragment flood: %.2f %% of real datagrams come through whole",
         per_cent(whole, sent));
    survive(f, "fragment flood");
    end(f);
}

int main(int argc, char **argv)
{
    static struct field f;
    const bool long_run = getenv("LONG") && *getenv("LONG");
    const uint64_t flows = argc > 1 ? strtoull(argv[1], NULL, 0) : long_run ? 1000000 : 20000;
    f.flows = flows;
    test_syn_flood(&f);
    test_flood(&f, udp_flood, IPPROTO_NR_UDP, "UDP flood", 99, 100);
    test_flood(&f, blind_resets, IPPROTO_NR_TCP, "blind resets", 100, 0.001);
    test_flood(&f, icmp_errors, IPPROTO_NR_TCP, "errors with wrong numbers", 100, 0.01);
    test_answered(&f, dns_flood, "DNS flood");
    test_answered(&f, ping_flood, "ping flood");
    test_answered(&f, init_flood, "INIT flood");
    test_answered(&f, gre_flood, "GRE flood");
    test_fragments(&f);
    return good ? 0 : 1;
}
