/* Property test: programs that replace each other during random conversations (vm_swap).
 *
 *   swaps [SEED [RUNS [STEPS]]]
 *
 * Each program has some of six servers of two pools, in any order and with any weight, some services, or none, some
 * rules, a nat or none. Clients open connections, send, and get replies. Between any two packets another program may
 * come, before all flows have been adapted to the last one. A plain list has the server of each connection, and each
 * packet is checked against these promises. As long as the server is in the program, by name and address, the
 * connection stays there, regardless of other changes. After the server is gone, TCP stays until `drain` has passed,
 * and is then reset, or continues with `on down keep`; UDP goes to another server with the client's next packet.
 * Replies come back as long as the flow lives. Counters of flows by server agree with the list. Decisions of rules,
 * defaults, earlier programs and nobody add up to the packets, also by service and server. LONG=1: twenty times as
 * many. With IN_KERNEL=1 the kernel judges, and counts. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/compiled.h"
#include "tests/lib/executor_swap.h"
#include "tests/lib/one_kernel.h"
#include "tests/lib/rng.h"
#include "tests/lib/talk.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/pool_priv.h"
#include "vm/vm.h"

enum { TALKS = 40, SERVERS = 6, SLOTS = 64, SLOT_BYTES = 2048, ENTRIES = 64, TEXT = 3000 };
enum { VIP = 0xcb00710a, CLIENT = 0xc6120001, GONE = -1 };
#define S        UINT64_C(1000000000)
#define DRAIN_NS (10 * S)

/* Servers 0 to 2 are in pool p (on down reset), 3 to 5 in pool k (on down keep). */
static const uint32_t address[SERVERS] = {0x0a00000b, 0x0a00000c, 0x0a00000d, 0x0a00010b, 0x0a00010c, 0x0a00010d};

struct connection {
    bool open;
    uint8_t tcp;      /* 0 or 1 */
    unsigned service; /* 0: passthrough to p, 1: keep source to k */
    int server;       /* its current server */
    uint64_t gone_ns; /* time since when that server is in no program; 0: it is in this one */
    uint32_t src;
    uint16_t src_port, out_port; /* out_port: source port that its server sees */
    uint32_t out, seq[2];
    unsigned step;
};

struct run {
    struct rng rng;
    struct program *program; /* of the file */
    struct remap *remap;     /* by which the program replaced its predecessor; NULL: it is the first */
    struct executor *worker;
    struct pool *pool;
    void *memory;
    struct facts facts;
    struct vm_in in;
    struct tx_entry entries[ENTRIES];
    struct vm_tx tx;
    struct verdict v;
    bool there[SERVERS], served[2];
    char text[TEXT];
    struct connection all[TALKS];
    uint64_t judged, nobody, served_all,
        server_all; /* packets: all; those that no rule decided; those of services; those of servers */
    uint8_t frame[TALK_FRAME_MAX];
};

struct totals {
    uint64_t packets, swaps, early, moved, drained, kept, gone, left_out;
};

/* ---- programs ---- */

static void put(struct run *r, const char *s)
{
    const size_t len = strlen(r->text);
    snprintf(r->text + len, sizeof r->text - len, "%s", s);
}

static void put_pool(struct run *r, unsigned first, const char *head)
{
    static const char names[] = "abcabc";
    char line[100];
    const unsigned turn = rng_below(&r->rng, 3);
    put(r, head);
    for (unsigned i = 0; i < 3; i++) {
        const unsigned s = first + (i + turn) % 3;
        const uint32_t a = address[s];
        if (!r->there[s]) continue;
        snprintf(line, sizeof line, "  server %c %u.%u.%u.%u:8080 weight %u\n", names[s], a >> 24, a >> 16 & 255,
                 a >> 8 & 255, a & 255, 1 + rng_below(&r->rng, 3));
        put(r, line);
    }
    put(r, "}\n");
}

/* The kernel's maps are made for the first program, so each program follows connections and forwards some. */
static bool in_kernel(void) { return getenv("IN_KERNEL"); }

static void draw_program(struct run *r)
{
    struct rng *g = &r->rng;
    r->text[0] = '\0';
    for (unsigned s = 0; s < SERVERS; s++) r->there[s] = rng_below(g, 3) != 0;
    for (unsigned p = 0; p < 2; p++) r->there[3 * p + rng_below(g, 3)] = true;
    for (unsigned i = 0; i < 2; i++) r->served[i] = rng_below(g, 4) != 0;
    put(r, "limits { flows 400; maglev 251; rejects 100000/s }\ninterface wan = \"eth0\"\n");
    if (rng_one_in(g, 3) || in_kernel())
        put(r, "pool other { server x 10.0.9.1 }\nservice z on 203.0.113.99 tcp/1 { mode dsr ipip; -> other }\n");
    if (r->served[1])
        put_pool(r, 3,
                 rng_one_in(g, 2) ? "pool k { drain 10s; on down keep\n"
                                  : "pool k { on down keep; drain 10s; balance source\n");
    if (r->served[0]) put_pool(r, 0, "pool p { drain 10s; source 10.9.0.7 ports 2000-40000\n");
    if (r->served[0]) put(r, "service first on 203.0.113.10 tcp/80, udp/80 { mode passthrough; -> p }\n");
    if (r->served[1]) put(r, "service second on 203.0.113.11 tcp/80, udp/80 { mode passthrough keep source; -> k }\n");
    if (rng_one_in(g, 3)) put(r, "nat home {\n  masquerade from 10.5.0.0/24 out on wan\n}\n");
    put(r, "meter m = 1000000/s per source\n");
    put(r, rng_one_in(g, 2) ? "firewall f default accept {\n" : "firewall g default accept {\n");
    if (rng_one_in(g, 2)) put(r, "  drop ttl 3\n");
    if (rng_one_in(g, 2) || in_kernel()) put(r, "  accept state established as OPEN\n");
    if (rng_one_in(g, 2)) put(r, rng_one_in(g, 2) ? "  accept tcp as ONE\n" : "  accept tcp as TWO\n");
    if (rng_one_in(g, 2)) put(r, rng_one_in(g, 2) ? "  drop udp ttl 5 as SIX\n" : "  accept udp as SIX\n");
    put(r, "  count over m\n}\n");
}

static const struct program *running(const struct run *r) { return r->remap ? r->remap->program : r->program; }

/* ---- swaps ---- */

/* True if the connection may keep its server. */
static bool stays(const struct run *r, const struct connection *c)
{
    if (!c->gone_ns) return true;
    if (!c->tcp) return false;
    return c->service == 1 || r->in.mono_ns < c->gone_ns + DRAIN_NS;
}

static struct vm_cfg cfg_of(const struct run *r) { return (struct vm_cfg){.pool = r->pool, .seed = 5, .live = true}; }

/* Remove unused parts of the past, with their counters. */
static void leave_out(struct run *r, const struct remap *remap)
{
    const struct program *from = remap->from;
    const struct vm_counters *c = executor_counters(r->worker);
    for (uint32_t i = 0; i < from->services_count; i++)
        if (remap->service[i] == PBC_NONE) r->served_all -= c->services[i].packets;
    for (uint32_t i = 0; i < from->servers_count; i++)
        if (remap->server[i] == PBC_NONE) r->server_all -= c->servers[i].packets;
}

static bool swap(struct run *r, struct totals *totals)
{
    if (vm_swapping(executor_vm(r->worker))) {
        totals->early++;
        return true;
    }
    draw_program(r);
    struct program *next = compiled_text(r->text), *from = r->remap ? r->remap->program : r->program;
    if (!next) return false;
    uint8_t *gone = calloc(remap_gone_count(from) + 1u, 1);
    totals->left_out += vm_gone(from, executor_counters(r->worker), gone);
    struct remap *remap = remap_new(from, next, NULL, 0, gone, r->in.mono_ns);
    leave_out(r, remap);
    free(gone);
    const struct vm_cfg cfg = cfg_of(r);
    const int err = executor_swap(r->worker, &cfg, remap, &r->in);
    if (!err && executor_swap(r->worker, &cfg, remap, &r->in) == 0) return false; /* it is the current program */
    remap_free(r->remap);
    program_put(r->program);
    r->remap = remap;
    r->program = next;
    for (unsigned i = 0; i < TALKS; i++) {
        struct connection *c = &r->all[i];
        const bool there = c->open && r->served[c->service] && r->there[c->server];
        if (there && !stays(r, c) && c->tcp) c->open = false; /* the server returned too late for it */
        if (there) c->gone_ns = 0;
        if (c->open && !there && !c->gone_ns) c->gone_ns = r->in.mono_ns;
    }
    totals->swaps++;
    return err == 0;
}

/* ---- packets ---- */

static void put_back(struct run *r)
{
    for (unsigned i = 0; i < r->tx.count; i++) pool_put(r->entries[i].pkt);
    r->tx = (struct vm_tx){.entries = r->entries, .cap = ENTRIES};
}

static void judge(struct run *r, const struct talk *t)
{
    struct pkt pkt, *pkts[1] = {&pkt};
    const uint32_t len = talk_build(t, r->frame);
    put_back(r);
    pkt_view(&pkt, r->frame, len, len, LINK_ETHER, 0);
    executor_run(r->worker, &r->in, pkts, 1, &r->v, &r->tx);
    r->judged++;
    r->nobody += r->v.rule == RULE_NONE;
    r->served_all += r->v.service != PBC_NONE;
    r->server_all += r->v.server != PBC_NONE && r->v.action == ACTION_FORWARD;
}

static bool fault(const struct run *r, const struct connection *c, const char *what)
{
    printf("# %s: %s to service %u, server %d, gone for %" PRIu64 " ms, step %u: verdict %s %s, server %x, %u left\n",
           what, c->tcp ? "tcp" : "udp", c->service, c->server, c->gone_ns ? (r->in.mono_ns - c->gone_ns) / 1000000 : 0,
           c->step, action_name(r->v.action), reason_name(r->v.reason), r->v.server, r->tx.count);
    return false;
}

/* Find the server that the packet left for; GONE: none of ours. *port: its source port. */
static int sent_to(struct run *r, struct connection *c)
{
    struct pkt pkt;
    struct key key;
    if (r->v.action != ACTION_FORWARD || r->tx.count != 1) return GONE;
    const struct pkt *sent = r->entries[0].pkt;
    pkt_view(&pkt, sent->data, sent->cap_len, sent->wire_len, LINK_ETHER, IFACE_NONE);
    if (pkt_parse(&pkt, NULL, &key) != REASON_NONE) return GONE;
    c->out = key.src[0];
    c->out_port = key.src_port;
    for (int s = 0; s < SERVERS; s++)
        if (key.dst[0] == address[s] && key.dst_port == 8080) return s;
    return GONE;
}

static struct talk from_client(const struct connection *c)
{
    return (struct talk){.proto = c->tcp ? IPPROTO_NR_TCP : IPPROTO_NR_UDP,
                         .ttl = 64,
                         .window = 65535,
                         .src = c->src,
                         .dst = VIP + c->service,
                         .src_port = c->src_port,
                         .dst_port = 80,
                         .seq = c->seq[0],
                         .ack = c->seq[1],
                         .flags = c->step == 0 ? TCP_SYN : TCP_ACK,
                         .payload = c->step > 2 ? 8 : 0};
}

static void begin(struct run *r, struct connection *c)
{
    struct rng *g = &r->rng;
    *c = (struct connection){.tcp = rng_one_in(g, 2), .service = rng_below(g, 2), .seq = {1000, 5000}};
    c->src = CLIENT + rng_below(g, 1000);
    c->src_port = (uint16_t)(1024 + rng_below(g, 60000));
}

static bool open_one(struct run *r, struct connection *c)
{
    begin(r, c);
    const struct talk t = from_client(c);
    judge(r, &t);
    const int server = sent_to(r, c);
    if (!r->served[c->service]) return r->v.action != ACTION_FORWARD || fault(r, c, "taken by no service");
    if (server == GONE || !r->there[server] || server / 3 != (int)c->service)
        return fault(r, c, "not sent to a server");
    c->open = true;
    c->server = server;
    c->seq[0] += c->tcp;
    c->step = 1;
    return true;
}

static bool client_speaks(struct run *r, struct connection *c, struct totals *totals)
{
    const struct talk t = from_client(c);
    const uint32_t out = c->out;
    const uint16_t port = c->out_port;
    judge(r, &t);
    const int server = sent_to(r, c);
    if (stays(r, c)) {
        if (server != c->server || c->out != out || c->out_port != port) return fault(r, c, "moved");
        totals->kept++;
        totals->drained += c->gone_ns != 0;
        c->seq[0] += t.payload;
        c->step++;
        return true;
    }
    if (c->tcp) { /* reset on both sides */
        c->open = false;
        totals->gone++;
        return (r->v.action == ACTION_DROP && r->v.reason == REASON_SERVER_DOWN && r->tx.count == 2) ||
               r->v.action != ACTION_FORWARD || server != c->server || fault(r, c, "outlived its drain");
    }
    totals->moved++;
    if (!r->served[c->service]) {
        c->open = false;
        return r->v.action != ACTION_FORWARD || fault(r, c, "taken by no service any more");
    }
    if (server == GONE || !r->there[server]) return fault(r, c, "not sent to another server");
    c->server = server;
    c->gone_ns = 0;
    return true;
}

static bool server_answers(struct run *r, struct connection *c)
{
    struct talk t = from_client(c);
    t.src = address[c->server];
    t.src_port = 8080;
    t.dst = c->out;
    t.dst_port = c->out_port;
    t.seq = c->seq[1];
    t.ack = c->seq[0];
    t.flags = c->step == 1 ? TCP_SYN | TCP_ACK : TCP_ACK;
    t.payload = c->step > 2 ? 8 : 0;
    if (c->gone_ns && c->tcp && !stays(r, c)) return true; /* its flow has ended, or the sweep will end it */
    judge(r, &t);
    if (r->v.action != ACTION_FORWARD || r->tx.count != 1) return fault(r, c, "no way back");
    c->seq[1] += t.payload + (c->step == 1 ? c->tcp : 0u);
    c->step++;
    return true;
}

/* ---- the model ---- */

static bool same_counts(const struct run *r)
{
    const struct program *p = running(r);
    uint64_t live = 0;
    unsigned known = 0;
    struct flow_record f;
    for (uint32_t at = 0; vm_flow_next(executor_vm(r->worker), &at, &f);) {
        if (f.service == PBC_NONE) continue;
        live++;
        if (f.server >= p->servers_count || f.service >= p->services_count) return fault(r, &r->all[0], "no number");
        for (unsigned i = 0; i < TALKS; i++) {
            const struct connection *c = &r->all[i];
            if (!c->open || c->src != f.src[0] || c->src_port != f.src_port || VIP + c->service != f.dst[0]) continue;
            if (c->tcp != (f.proto == IPPROTO_NR_TCP)) continue;
            known++;
            if (p->servers[f.server].addr[0] != address[c->server]) return fault(r, c, "recorded at another server");
        }
    }
    const struct vm_counters *all = executor_counters(r->worker);
    if (all->forward && all->forward->bound != live) return fault(r, &r->all[0], "bound flows");
    return known > 0 || live == 0 || fault(r, &r->all[0], "none known");
}

static uint64_t packets(const struct counter *c, uint32_t count)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < count; i++) n += c[i].packets;
    return n;
}

static bool same_sums(const struct run *r)
{
    const struct program *p = running(r);
    const struct vm_counters *c = executor_counters(r->worker);
    uint64_t by_some = c->earlier.packets + packets(c->defaults, p->firewalls_count) + r->nobody;
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (pbc_decides(p->rules[i].verdict)) by_some += c->rules[i].packets;
    if (by_some == r->judged && packets(c->verdicts, ACTION_COUNT) == r->judged &&
        packets(c->services, p->services_count) == r->served_all &&
        packets(c->servers, p->servers_count) == r->server_all)
        return true;
    printf("# of %" PRIu64 " packets %" PRIu64 " were decided by somebody, %" PRIu64 " are those of earlier programs; "
           "%" PRIu64 " of %" PRIu64 " of services, %" PRIu64 " of %" PRIu64 " by servers\n",
           r->judged, by_some, c->earlier.packets, packets(c->services, p->services_count), r->served_all,
           packets(c->servers, p->servers_count), r->server_all);
    return false;
}

/* ---- running ---- */

static bool start(struct run *r, uint64_t seed)
{
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) / 64 * 64;
    memset(r, 0, sizeof *r);
    r->rng.state = seed;
    draw_program(r);
    r->program = compiled_text(r->text);
    r->memory = aligned_alloc(64, bytes);
    r->pool = pool_init(r->memory, bytes, SLOTS, SLOT_BYTES);
    r->facts = (struct facts){.generation = 1, .addr4 = 0xcb007101};
    r->in = (struct vm_in){.mono_ns = 1000 * S, .facts = &r->facts};
    const struct vm_cfg cfg = cfg_of(r);
    r->worker = r->program ? one_kernel_worker(r->program, &cfg) : NULL;
    return r->worker;
}

static bool step(struct run *r, struct totals *totals)
{
    struct rng *g = &r->rng;
    struct connection *c = &r->all[rng_below(g, TALKS)];
    bool good = true;
    totals->packets++;
    if (rng_one_in(g, 30)) good = swap(r, totals);
    if (good && rng_one_in(g, 10)) {
        put_back(r);
        executor_tick(r->worker, &r->in, &r->tx);
    }
    r->in.mono_ns += rng_one_in(g, 50) ? 3 * S : rng_below(g, 1000000);
    if (!good) return false;
    if (c->open && rng_one_in(g, 60)) c->open = false; /* it falls silent */
    if (!c->open) return open_one(r, c);
    if (c->step == 1 || (c->step > 2 && rng_one_in(g, 2)))
        good = server_answers(r, c);
    else
        good = client_speaks(r, c, totals);
    return good && (!rng_one_in(g, 100) || (same_counts(r) && same_sums(r)));
}

static bool check(uint64_t seed, unsigned steps, struct totals *totals)
{
    static struct run r;
    bool good = start(&r, seed);
    for (unsigned i = 0; good && i < steps; i++) good = step(&r, totals);
    if (!good) printf("# seed %" PRIu64 ", rules:\n%s\n", seed, r.text);
    put_back(&r);
    one_kernel_free(r.worker);
    if (good && r.pool->free_count != SLOTS) good = fault(&r, &r.all[0], "slots are lost");
    remap_free(r.remap);
    program_put(r.program);
    free(r.memory);
    return good;
}

int main(int argc, char **argv)
{
    const char *wanted = getenv("LONG");
    const unsigned times = wanted && *wanted ? 20 : 1;
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned runs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 20 * times;
    const unsigned steps = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 4000;
    struct totals t = {0};
    bool good = true;
    for (unsigned i = 0; good && i < runs; i++) good = check(seed + i, steps, &t);
    printf("# %" PRIu64 " packets, %" PRIu64 " swaps, %" PRIu64 " refused as too early, %" PRIu64
           " packets of flows that stay, %" PRIu64 " while they drain, %" PRIu64 " flows moved, %" PRIu64
           " ended; %" PRIu64 " times something of the past was left out\n",
           t.packets, t.swaps, t.early, t.kept, t.drained, t.moved, t.gone, t.left_out);
    printf("%sok 1 - flows go on as promised when programs take each other's place\n", good ? "" : "not ");
    const bool all = t.swaps && t.kept && t.drained && t.moved && t.gone && t.left_out;
    printf("%sok 2 - all that is promised came about\n1..2\n", all || !good ? "" : "not ");
    return !(good && all);
}
