/* Random forwarded flows: clients, floods, replies, errors, servers that come and go, and time, in any order.
 *
 *   bindings [SEED [RUNS [STEPS]]]
 *
 * After every packet: no two live flows have the same outer tuple. A flow keeps its first server, and none begins at
 * a draining service. A passthrough flow holds one port, and every held port has an owner. Every packet is in one
 * verdict counter. Packets leave with right checksums, and the server's replies arrive as replies to the client's
 * packets. LONG=1: ten times as many runs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/compiled.h"
#include "tests/lib/note.h"
#include "tests/lib/one_kernel.h"
#include "tests/lib/rng.h"
#include "vm/packet/pool_priv.h"
#include "vm/packet/edit/edit.h"
#include "vm/vm.h"

enum { SLOTS = 64, SLOT_BYTES = 2048, FLOWS_MOST = 256, SERVERS = 16, SERVICES = 8, ENTRIES = 32 };

static const char rules[] =
    "limits { flows 64; half_open 24 }\n"
    "timeouts { tcp established 60s; tcp half_open 5s; tcp closing 4s; udp 10s; icmp 5s; other 5s; sctp 10s }\n"
    "meter often = 4/s burst 20\n"
    "pool web { balance least_conn; source 10.9.0.7, 10.9.0.8 ports 61000-61007; slow start 5s\n"
    "  server a 10.0.0.11:8080; server b 10.0.0.12:8080 weight 3; server c 10.0.0.13:8080 backup }\n"
    "pool same { source 10.9.0.7 ports 61000-61015; server x 10.0.0.11:8080 }\n"
    "pool kept { on down keep; server k 10.0.0.21:81; server l 10.0.0.22:81 }\n"
    "pool open { balance round_robin; server m 10.0.0.21; server n 10.0.0.23 }\n"
    "service www on 203.0.113.10 tcp/80, udp/80, sctp/80, icmp "
    "{ mode passthrough; max flows 12; affinity source 20s; rate often; -> web }\n"
    "service two on 203.0.113.11 tcp/80, udp/80, icmp { mode passthrough; max flows 3 per source; -> same }\n"
    "service kp on 203.0.113.12 tcp/80, udp/80, icmp { mode passthrough keep source; idle 3s; -> kept }\n"
    "service kq on 203.0.113.13 tcp/80, udp/80, icmp { mode passthrough keep source; -> kept }\n"
    "service rw on 203.0.113.14 tcp/80, udp/80 { mode dsr rewrite; idle 3s; -> kept }\n"
    "service tn on 203.0.113.15 tcp/80, udp/80, icmp { mode dsr ipip; on no server drop; -> open }\n";

struct lists {
    struct flow_record flow[FLOWS_MOST];
    unsigned count;
};

struct world {
    struct rng rng;
    struct program *program;
    struct executor *worker;
    struct pool *pool;
    void *memory;
    uint64_t now_ns, packets;
    struct facts facts;
    uint8_t down[SERVERS], drains[SERVICES];
    uint64_t up_since_ns[SERVERS];
    struct lists before, now;
    struct tx_entry entries[ENTRIES];
    struct vm_tx tx;
    const char *fault;
};

static struct note note;
static uint64_t forwarded, replied, refused[REASON_COUNT], errors;

static void fail(struct world *w, const char *why)
{
    if (!w->fault) w->fault = why;
}

/* ---- invariants ---- */

static bool same_end(const uint32_t a[4], uint16_t pa, const uint32_t b[4], uint16_t pb)
{
    return pa == pb && memcmp(a, b, 4 * sizeof *a) == 0;
}

static bool same_ends(const struct flow_record *a, const struct flow_record *b)
{
    return a->proto == b->proto && a->family == b->family && same_end(a->src, a->src_port, b->src, b->src_port) &&
           same_end(a->dst, a->dst_port, b->dst, b->dst_port);
}

static bool same_flow(const struct flow_record *a, const struct flow_record *b)
{
    return a->began_ns == b->began_ns && same_ends(a, b);
}

static bool two_sided(const struct world *w, const struct flow_record *f)
{
    return f->service != PBC_NONE && w->program->services[f->service].mode <= PBC_MODE_KEEP_SOURCE;
}

static void check_pair(struct world *w, const struct flow_record *a, const struct flow_record *b)
{
    if (a->proto != b->proto || !two_sided(w, a)) return;
    if (two_sided(w, b) && same_end(a->to_src, a->to_src_port, b->to_src, b->to_src_port) &&
        same_end(a->to_dst, a->to_dst_port, b->to_dst, b->to_dst_port))
        fail(w, "two flows are seen as one tuple");
    if (a->proto == 1) return; /* the identifier on a query's other side isn't reported */
    if (same_end(a->to_src, a->to_src_port, b->src, b->src_port) &&
        same_end(a->to_dst, a->to_dst_port, b->dst, b->dst_port))
        fail(w, "a flow is seen as another's own tuple");
}

static void check_flows(struct world *w)
{
    uint64_t bound = 0, ports = 0;
    struct lists *l = &w->now;
    w->before = w->now;
    l->count = 0;
    for (uint32_t at = 0; l->count < FLOWS_MOST && vm_flow_next(executor_vm(w->worker), &at, &l->flow[l->count]);)
        l->count++;
    for (unsigned i = 0; i < l->count; i++) {
        const struct flow_record *f = &l->flow[i];
        bound += f->service != PBC_NONE;
        ports += f->service != PBC_NONE && w->program->services[f->service].mode == PBC_MODE_PASSTHROUGH;
        for (unsigned k = 0; k < l->count; k++)
            if (k != i) check_pair(w, f, &l->flow[k]);
        bool known = f->service == PBC_NONE || !w->drains[f->service]; /* or began again with the next server */
        for (unsigned k = 0; k < w->before.count; k++) {
            const struct flow_record *was = &w->before.flow[k];
            known |= same_ends(f, was);
            if (!same_flow(f, was)) continue;
            if (f->server != was->server || f->to_src_port != was->to_src_port)
                fail(w, "a flow has changed its server");
        }
        if (!known) fail(w, "a flow began at a service that drains");
    }
    const struct vm_counters *c = executor_counters(w->worker);
    if (c->forward->bound != bound) fail(w, "bound flows are miscounted");
    if (c->forward->ports != ports) fail(w, "ports in use aren't those of flows");
}

static void check_counters(struct world *w)
{
    const struct vm_counters *c = executor_counters(w->worker);
    uint64_t sum = 0, reasons = 0;
    for (unsigned i = 0; i < ACTION_COUNT; i++) sum += c->verdicts[i].packets;
    for (unsigned i = 0; i < REASON_COUNT; i++) reasons += c->reasons[i].packets;
    if (sum != w->packets) fail(w, "a packet is in no verdict counter, or in two");
    if (reasons != c->verdicts[ACTION_DROP].packets) fail(w, "a drop is of no reason, or of two");
}

static void check_checksums(struct world *w, const struct pkt *out)
{
    struct pkt *copy = pool_copy(w->pool, out);
    struct key key;
    if (!copy) return;
    if (pkt_parse(copy, NULL, &key) != REASON_NONE) fail(w, "what left is malformed");
    if (copy->flags & PKT_BAD_CSUM) fail(w, "an IPv4 checksum is wrong");
    if (!w->fault && !checksum_fill(copy, &key) && memcmp(copy->data, out->data, out->cap_len) != 0)
        fail(w, "a checksum is wrong");
    pool_put(copy);
}

/* ---- packets ---- */

/* Copy the current packet as it left, unless it is a reply or a reset, into `out`; false if there is none. */
static bool take_sent(struct world *w, struct note *out)
{
    bool any = false;
    for (unsigned i = 0; i < w->tx.count; i++) {
        struct pkt *pkt = w->entries[i].pkt;
        check_checksums(w, pkt);
        if (w->entries[i].cause == TX_CAUSE_PACKET && pkt->cap_len <= sizeof out->bytes) {
            any = true;
            *out = (struct note){.link = (enum pkt_link)pkt->link, .cap_len = pkt->cap_len, .wire_len = pkt->wire_len};
            memcpy(out->bytes, pkt->data, pkt->cap_len);
        }
        pool_put(pkt);
    }
    w->tx.count = 0;
    return any;
}

static struct verdict run(struct world *w, const char *text, struct note *sent, bool *left)
{
    char err[200];
    struct pkt pkt, *pkts[1] = {&pkt};
    struct verdict v = {0};
    const struct vm_in in = {.mono_ns = w->now_ns, .facts = &w->facts};
    if (note_parse(text, &note, err, sizeof err)) {
        printf("# %s: %s\n", text, err);
        fail(w, "the test's own packet");
        return v;
    }
    note_view(&note, IFACE_NONE, &pkt);
    executor_run(w->worker, &in, pkts, 1, &v, &w->tx);
    w->packets++;
    refused[v.reason]++;
    *left = take_sent(w, sent);
    if (*left != (v.action == ACTION_FORWARD)) fail(w, "forward, but nothing left, or the reverse");
    check_flows(w);
    check_counters(w);
    return v;
}

static const char *const flags[] = {"syn", "syn", "syn", "ack ack 1", "ack ack 1", "fin ack ack 1", "rst"};

/* Draw a client, a server that acts as one, or a stranger with prey's source address. */
static const char *draw_client(struct world *w, char *buf, size_t len)
{
    const unsigned kind = rng_below(&w->rng, 12);
    if (kind == 0)
        snprintf(buf, len, "10.0.0.%u", 11 + rng_below(&w->rng, 3));
    else if (kind == 1)
        snprintf(buf, len, "10.9.0.%u", 7 + rng_below(&w->rng, 2));
    else if (kind == 2)
        snprintf(buf, len, "203.0.113.%u", 10 + rng_below(&w->rng, 6));
    else
        snprintf(buf, len, "198.18.0.%u", 1 + rng_below(&w->rng, 6));
    return buf;
}

struct asked {
    char client[32], service[32], l4[8];
    unsigned port; /* port or identifier */
};

static void ask_text(struct world *w, struct asked *a, char *text, size_t len)
{
    static const char *const l4s[] = {"tcp", "tcp", "tcp", "udp", "udp", "sctp", "icmp"};
    draw_client(w, a->client, sizeof a->client);
    snprintf(a->service, sizeof a->service, "203.0.113.%u", 10 + rng_below(&w->rng, 6));
    snprintf(a->l4, sizeof a->l4, "%s", l4s[rng_below(&w->rng, 7)]);
    a->port = rng_one_in(&w->rng, 20) ? 61000 + rng_below(&w->rng, 8) : 1000 + rng_below(&w->rng, 5);
    int n = snprintf(text, len, "eth / ip4 %s > %s / ", a->client, a->service);
    if (strcmp(a->l4, "icmp") == 0)
        snprintf(text + n, len - (size_t)n, "icmp type echo-request id %u / payload \"abc\"", a->port);
    else
        snprintf(text + n, len - (size_t)n, "%s %u > 80 %s%s / payload \"abc\"", a->l4, a->port,
                 strcmp(a->l4, "sctp") == 0 ? "tag 7" : "",
                 strcmp(a->l4, "tcp") == 0 ? flags[rng_below(&w->rng, 7)] : "");
}

static const char *addr_text(uint32_t a, char buf[20])
{
    snprintf(buf, 20, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
    return buf;
}

static bool parse(struct note *n, struct key *key, struct pkt *pkt)
{
    note_view(n, IFACE_NONE, pkt);
    return pkt_parse(pkt, NULL, key) == REASON_NONE;
}

/* Let the server reply to the packet it got, and check that the client gets the reply to its own packet. */
static void answer(struct world *w, const struct asked *a, struct note *sent, const struct verdict *first)
{
    struct pkt pkt;
    struct key key;
    char text[300], src[20], dst[20], want_src[20], want_dst[20];
    bool left;
    if (!parse(sent, &key, &pkt)) return;
    addr_text(key.dst[0], src);
    addr_text(key.src[0], dst);
    const bool icmp = key.kind & KIND_ICMP;
    if (icmp)
        snprintf(text, sizeof text, "eth / ip4 %s > %s / icmp type echo-reply id %u", src, dst,
                 (unsigned)(pkt.data[pkt.l4 + 4] << 8 | pkt.data[pkt.l4 + 5]));
    else
        snprintf(text, sizeof text, "eth / ip4 %s > %s / %s %u > %u %s", src, dst, a->l4, key.dst_port, key.src_port,
                 key.kind & KIND_TCP ? rng_one_in(&w->rng, 8) ? "rst ack ack 4" : "syn ack ack 4" : "");
    const struct verdict v = run(w, text, sent, &left);
    if (!left || v.server != first->server || v.rule != RULE_NONE) {
        printf("# %s: %s\n", text, reason_name((enum pkt_reason)v.reason));
        fail(w, "a reply does not go back");
        return;
    }
    replied++;
    if (!parse(sent, &key, &pkt)) return;
    addr_text(key.src[0], want_src);
    addr_text(key.dst[0], want_dst);
    const unsigned port = icmp ? (unsigned)(pkt.data[pkt.l4 + 4] << 8 | pkt.data[pkt.l4 + 5]) : key.dst_port;
    if (strcmp(want_src, a->service) || strcmp(want_dst, a->client) || port != a->port || (!icmp && key.src_port != 80))
        fail(w, "a reply is not the answer to what was asked");
}

/* Send an error about the packet that the server got, and check that the client is notified about its own packet. */
static void complain(struct world *w, const struct asked *a, struct note *sent)
{
    struct pkt pkt;
    struct key key;
    char text[400], src[20], dst[20];
    bool left;
    if (!parse(sent, &key, &pkt) || !(key.kind & KIND_UDP)) return;
    addr_text(key.src[0], src);
    addr_text(key.dst[0], dst);
    snprintf(text, sizeof text, "eth / ip4 10.9.9.9 > %s / icmp type time-exceeded / ip4 %s > %s ttl 1 / udp %u > %u",
             src, src, dst, key.src_port, key.dst_port);
    run(w, text, sent, &left);
    if (!left) {
        fail(w, "an error does not go back");
        return;
    }
    errors++;
    if (!parse(sent, &key, &pkt) || strcmp(addr_text(key.dst[0], dst), a->client)) fail(w, "an error goes elsewhere");
}

static void step_client(struct world *w)
{
    static struct note sent;
    struct asked a;
    char text[300];
    bool left;
    ask_text(w, &a, text, sizeof text);
    const struct verdict v = run(w, text, &sent, &left);
    if (!left || v.service == PBC_NONE) return;
    forwarded++;
    const uint8_t mode = w->program->services[v.service].mode;
    if (mode > PBC_MODE_KEEP_SOURCE || strstr(text, " rst")) return;
    if (rng_one_in(&w->rng, 8)) {
        struct note copy = sent;
        complain(w, &a, &copy);
    }
    if (!w->down[v.server] && rng_one_in(&w->rng, 2)) answer(w, &a, &sent, &v);
}

static void step_flood(struct world *w)
{
    static struct note sent;
    char text[200];
    bool left;
    for (unsigned n = rng_below(&w->rng, 20); n; n--) {
        snprintf(text, sizeof text, "eth / ip4 198.18.%u.%u > 203.0.113.%u / %s %u > 80", rng_below(&w->rng, 256),
                 rng_below(&w->rng, 256), 10 + rng_below(&w->rng, 6), rng_one_in(&w->rng, 2) ? "udp" : "tcp",
                 1 + rng_below(&w->rng, 65535));
        if (strstr(text, "tcp")) strcat(text, " syn");
        run(w, text, &sent, &left);
        w->now_ns += 1000;
    }
}

/* Change servers and advance the time. */
static void step_world(struct world *w)
{
    static struct note sent;
    const struct vm_in in = {.mono_ns = w->now_ns, .facts = &w->facts};
    const unsigned server = rng_below(&w->rng, w->program->servers_count);
    switch (rng_below(&w->rng, 5)) {
    case 0:
        w->down[server] = !w->down[server] && rng_one_in(&w->rng, 3);
        if (!w->down[server]) w->up_since_ns[server] = w->now_ns;
        w->facts.generation++;
        break;
    case 1:
        w->drains[rng_below(&w->rng, w->program->services_count)] = rng_one_in(&w->rng, 8);
        w->facts.generation++;
        break;
    case 2: w->now_ns += rng_below(&w->rng, 6) * UINT64_C(1000000000); break;
    default:
        executor_tick(w->worker, &in, &w->tx);
        take_sent(w, &sent);
        check_flows(w);
        break;
    }
}

static bool begin(struct world *w, struct program *p, uint64_t seed)
{
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) & ~(size_t)63;
    *w = (struct world){.rng = {seed}, .program = p, .now_ns = 1000000000};
    w->memory = aligned_alloc(64, bytes);
    w->pool = w->memory ? pool_init(w->memory, bytes, SLOTS, SLOT_BYTES) : NULL;
    w->facts = (struct facts){
        .generation = 1, .down = w->down, .up_since_ns = w->up_since_ns, .drains = w->drains, .addr4 = 0x0a090001};
    w->tx = (struct vm_tx){.entries = w->entries, .cap = ENTRIES};
    w->worker =
        w->pool ? one_kernel_worker(p, &(struct vm_cfg){.pool = w->pool, .seed = seed, .flow_events = true}) : NULL;
    return w->worker;
}

static bool campaign(struct program *p, uint64_t seed, unsigned steps)
{
    static struct world w;
    unsigned i;
    if (!begin(&w, p, seed)) return false;
    for (i = 0; i < steps && !w.fault; i++) {
        const unsigned what = rng_below(&w.rng, 20);
        w.now_ns += 1 + rng_below(&w.rng, 50000000);
        if (what < 15)
            step_client(&w);
        else if (what == 15)
            step_flood(&w);
        else
            step_world(&w);
        if (w.pool->free_count != SLOTS) fail(&w, "a slot is lost");
    }
    if (w.fault) printf("# seed %" PRIu64 ", step %u: %s\n", seed, i, w.fault);
    one_kernel_free(w.worker);
    free(w.memory);
    return !w.fault;
}

static bool all_came(void)
{
    return errors && refused[REASON_NO_SOURCE_PORT] && refused[REASON_MAX_FLOWS] && refused[REASON_SERVER_DOWN] &&
           refused[REASON_NO_SERVER] && refused[REASON_OVER_RATE] && refused[REASON_SERVICE_DRAINS];
}

#ifdef __SANITIZE_ADDRESS__
enum { RUNS = 12 };
#else
enum { RUNS = 30 };
#endif

int main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned long_run = getenv("LONG") && *getenv("LONG") ? 10 : 1;
    const unsigned runs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : RUNS * long_run;
    const unsigned steps = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 1500;
    struct program *p = compiled_text(rules);
    bool good = p;
    /* rare events: further runs until each has happened */
    for (unsigned i = 0; good && (i < runs || (!all_came() && i < 4 * runs)); i++) good = campaign(p, first + i, steps);
    program_put(p);
    printf("%s - flows that are sent on keep their promises: %u runs of %u steps\n", good ? "ok" : "not ok", runs,
           steps);
    printf("# %" PRIu64 " sent on, %" PRIu64 " answered, %" PRIu64 " errors\n", forwarded, replied, errors);
    for (unsigned i = 1; i < REASON_COUNT; i++)
        if (refused[i]) printf("# %-16s %" PRIu64 "\n", reason_name((enum pkt_reason)i), refused[i]);
    const bool fair = replied > runs && all_came();
    printf("%s - all of them come about\n", fair ? "ok" : "not ok");
    return good && fair ? 0 : 1;
}
