/* Differential test: remembered verdicts, and the boundaries of batches. Random rules and conversations are judged
 * by workers with and without remembered verdicts, and by the rule list. Each gets the same packets in differently
 * cut batches; all must give the same verdicts, counters, logs and flows.
 *
 *   remembered [SEED [FILES [PACKETS]]]
 *
 * Facts change between batches: own addresses, schedules, servers that are down. LONG=1: twenty times as many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "tests/lib/draw.h"
#include "tests/lib/one_kernel.h"
#include "tests/lib/talk.h"
#include "vm/flow/table/flow_table.h"
#include "vm/flow/fragments/frag.h"
#include "vm/packet/parse/header.h"
#include "vm/vm.h"

enum { CHUNK = 160, TALKS = 10, EVENTS = 4 * CHUNK, WAYS = 4, DOWN_MOST = 256 };
#define S UINT64_C(1000000000)

/* A conversation. */
struct conversation {
    struct talk talk; /* as its opener sends it */
    uint32_t seq[2];
    unsigned step;
    uint16_t iface;
};

struct way {
    struct executor *worker;
    struct event events[EVENTS];
    struct vm_tx tx;
    struct verdict verdicts[CHUNK];
};

struct run {
    struct rng rng;
    struct stock stock;
    struct program *program;
    struct text text;
    struct facts facts;
    struct pbc_range6 self6[2];
    uint8_t down[DOWN_MOST];
    struct vm_in in;
    struct conversation talks[TALKS];
    uint8_t bytes[CHUNK][DRAWN_FRAME_MAX];
    struct pkt pkts[CHUNK];
    struct way ways[WAYS];
};

struct totals {
    uint64_t files, memos, packets, remembered, established;
    uint64_t could; /* packets of files that have memos */
};

/* ---- drawing ---- */

static void put_text(struct text *t, const char *s)
{
    const size_t len = strlen(s);
    if (t->len + len + 1 > t->cap) t->s = realloc(t->s, t->cap = 2 * (t->len + len + 1));
    if (!t->s) abort();
    memcpy(t->s + t->len, s, len + 1);
    t->len += len;
}

/* Draw a file as a user would write it, with rules in any order. */
static void draw_plausible(struct run *r)
{
    static const char *const rules[] = {
        "accept state established, related",
        "accept state established as EST log",
        "drop state invalid as INV",
        "accept tcp state established, new port 80, 443",
        "accept udp state established",
        "accept icmp, icmp6 state new",
        "accept state new flows over 2 per source as BUSY",
        "accept tcp port 22 on \"eth0\"",
        "count tcp flags has fin",
        "accept state established on \"eth1\" as SECOND",
        "drop during night",
        "accept udp from 10.0.0.0/8",
        "accept state established during night",
        "accept from self state established",
        "reject tcp port 113 state new",
        "accept udp over m state new",
        "drop ttl 3 state established",
        "accept vlan 5 state established",
        "accept state new tcp, udp",
        "drop ip6 state established length 0-70",
        "do c",
        "accept state new",
        "accept udp state established, new port 53",
        "drop fragment any",
        "accept to self",
    };
    enum { RULES = sizeof rules / sizeof *rules };
    r->text.len = 0;
    put_text(&r->text, "schedule night = mon-sun 20:00-06:00\nmeter m = 3/s per source\n"
                       "chain c {\n  accept state established tcp as CHAINED\n  count udp\n}\n");
    put_text(&r->text, rng_one_in(&r->rng, 2) ? "firewall f default drop {\n" : "firewall f in default accept {\n");
    for (unsigned n = 1 + rng_below(&r->rng, 6), used = 0; n; n--) {
        const unsigned i = rng_below(&r->rng, RULES);
        if (used >> i & 1) continue;
        used |= 1u << i;
        put_text(&r->text, "  ");
        put_text(&r->text, rules[i]);
        put_text(&r->text, "\n");
    }
    put_text(&r->text, "}\n");
    if (!rng_one_in(&r->rng, 3)) return;
    put_text(&r->text, "pool p { server a 10.9.0.1; server b 10.9.0.2 }\n"
                       "service s on any tcp/80 { mode passthrough; -> p }\n");
}

/* Make the tables small, because they are made quickly and no file tests their size. */
static void make_small(struct run *r)
{
    static const char small[] = "limits { flows 400; half_open 40; maglev 251 }\n";
    char *limits = r->text.s ? strstr(r->text.s, "limits {") : NULL;
    if (limits) memset(limits, ' ', strcspn(limits, "\n"));
    put_text(&r->text, small);
    memmove(r->text.s + sizeof small - 1, r->text.s, r->text.len - (sizeof small - 1));
    memcpy(r->text.s, small, sizeof small - 1);
}

static struct program *compile_rules(struct run *r)
{
    struct compile c;
    char why[256] = "";
    struct program *p = NULL;
    for (size_t i = 0; i < r->text.len; i++)
        if (r->text.s[i] == DRAW_SPLIT || r->text.s[i] == DRAW_LINE) r->text.s[i] = ' ';
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    if (compile_text(&c, "random.prey", r->text.s, r->text.len) == 0)
        p = program_load(c.pbc, c.pbc_len, why, sizeof why);
    if (!p) {
        printf("# %s\n%.*s\n", why, (int)r->text.len, r->text.s);
        diags_print_text(c.diags, stdout, false);
    }
    compile_fini(&c);
    return p;
}

static void begin_talk(struct run *r, struct conversation *c)
{
    static const uint8_t protos[] = {IPPROTO_NR_TCP, IPPROTO_NR_TCP,  IPPROTO_NR_UDP,
                                     IPPROTO_NR_UDP, IPPROTO_NR_ICMP, IPPROTO_NR_SCTP};
    *c = (struct conversation){.seq = {1000, 5000}, .iface = IFACE_NONE};
    struct talk *t = &c->talk;
    *t = (struct talk){.proto = protos[rng_below(&r->rng, sizeof protos)], .ttl = 64, .window = 65535};
    t->v6 = rng_one_in(&r->rng, 4);
    t->src = r->stock.v4[rng_below(&r->rng, STOCK_V4)].addr;
    t->dst = rng_one_in(&r->rng, 3) ? r->stock.self4[0] : r->stock.v4[rng_below(&r->rng, STOCK_V4)].addr + 1;
    t->src_port = r->stock.ports[rng_below(&r->rng, STOCK_PORTS)];
    t->dst_port = rng_one_in(&r->rng, 2) ? 80 : r->stock.ports[rng_below(&r->rng, STOCK_PORTS)];
    if (t->v6 && t->proto == IPPROTO_NR_ICMP) t->proto = IPPROTO_NR_ICMP6;
    if (rng_one_in(&r->rng, 3)) {
        t->tag_count = 1;
        t->tags[0].tpid = 0x8100;
        t->tags[0].vid = rng_one_in(&r->rng, 2) ? 5 : r->stock.tags[rng_below(&r->rng, STOCK_TAGS)] & 0xfff;
    }
    if (rng_one_in(&r->rng, 4)) { /* a stack that has an id as long as a flow has it */
        t->tag_count = 2;
        t->tags[0].tpid = t->tags[1].tpid = 0x88a8;
        t->tags[0].vid = t->tags[1].vid = (uint16_t)rng_below(&r->rng, 3);
    }
    if (rng_one_in(&r->rng, 2)) /* the last two aren't in the program */
        c->iface = (uint16_t)rng_below(&r->rng, r->program->ifaces_count + 2);
}

/* Draw the next packet of a conversation. The sides alternate at first, and are drawn later. */
static void go_on(struct run *r, struct conversation *c, struct talk *t)
{
    const unsigned dir = c->step < 3 ? c->step & 1 : rng_below(&r->rng, 2);
    *t = c->talk;
    if (dir) {
        t->src = c->talk.dst;
        t->dst = c->talk.src;
        t->src_port = c->talk.dst_port;
        t->dst_port = c->talk.src_port;
    }
    t->seq = c->seq[dir];
    t->ack = c->seq[!dir];
    t->flags = c->step == 0 ? TCP_SYN : c->step == 1 ? TCP_SYN | TCP_ACK : TCP_ACK;
    if (c->step > 2 && rng_one_in(&r->rng, 25)) t->flags |= rng_one_in(&r->rng, 3) ? TCP_RST : TCP_FIN;
    t->payload = c->step > 2 ? (uint8_t)(8 * rng_below(&r->rng, 4)) : 0;
    if (t->proto == IPPROTO_NR_SCTP) t->payload = 20;
    t->chunk = talk_chunk(c->step);
    t->type = t->v6 ? (uint8_t)(128 + dir) : dir ? 0 : 8;
    c->seq[dir] += t->payload + (t->flags & (TCP_SYN | TCP_FIN) ? 1u : 0u);
    if (rng_one_in(&r->rng, 20)) t->ttl = 3;
    if (rng_one_in(&r->rng, 40)) t->fragment = t->v6 ? 0 : (uint8_t)(1 + rng_below(&r->rng, 2));
    if (t->fragment == 1 && (t->proto != IPPROTO_NR_UDP || !t->payload)) t->fragment = 0;
    c->step++;
}

static void draw_packet(struct run *r, unsigned i)
{
    struct pkt *pkt = &r->pkts[i];
    if (rng_one_in(&r->rng, 6)) {
        frame_draw(r->bytes[i], pkt, &r->stock, &r->rng, r->program->ifaces_count);
        return;
    }
    struct conversation *c = &r->talks[rng_below(&r->rng, TALKS)];
    struct talk t, about;
    if (c->step == 0 || rng_one_in(&r->rng, 40)) begin_talk(r, c);
    go_on(r, c, &t);
    if (rng_one_in(&r->rng, 12)) { /* an error about the packet instead */
        about = t;
        t.proto = t.v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP;
        t.type = t.v6 ? 1 : 3;
        t.src = about.dst;
        t.dst = about.src;
        t.payload = 0;
        t.fragment = 0;
        t.quoted = &about;
    }
    const uint32_t len = talk_build(&t, r->bytes[i]), cut = rng_one_in(&r->rng, 30) && t.payload ? 1 : 0;
    pkt_view(pkt, r->bytes[i], len - cut, len, LINK_ETHER, rng_one_in(&r->rng, 20) ? IFACE_NONE : c->iface);
    if (rng_one_in(&r->rng, 40) && !t.v6) r->bytes[i][ETHER_LEN + VLAN_LEN * t.tag_count + IP4_SUM] ^= 1;
    /* Arrival on another device, without Ethernet. */
    if (!t.tag_count && rng_one_in(&r->rng, 8))
        pkt_view(pkt, r->bytes[i] + ETHER_LEN, len - cut - ETHER_LEN, len - ETHER_LEN, LINK_RAW, pkt->iface);
}

static void draw_facts(struct run *r)
{
    r->facts.generation++;
    if (rng_one_in(&r->rng, 2)) r->facts.schedules ^= 1;
    if (rng_one_in(&r->rng, 2)) {
        const bool has = !r->facts.self4_count;
        r->facts.self4_count = has ? STOCK_SELF : 0;
        r->facts.self6_count = has ? 2 : 0;
    }
    if (r->program->servers_count && r->program->servers_count < DOWN_MOST)
        r->down[rng_below(&r->rng, r->program->servers_count)] ^= 1;
}

/* ---- judging ---- */

static void judge(struct run *r, unsigned which, unsigned n)
{
    struct way *w = &r->ways[which];
    struct pkt *views[CHUNK];
    struct rng cut = {.state = rng_next(&r->rng) + which};
    struct pkt copies[CHUNK];
    memcpy(copies, r->pkts, n * sizeof *copies);
    for (unsigned i = 0; i < n; i++) views[i] = &copies[i];
    for (unsigned done = 0, some; done < n; done += some) {
        some = which == 0 ? n : which == 1 ? 1 : 1 + rng_below(&cut, 70);
        if (some > n - done) some = n - done;
        executor_run(w->worker, &r->in, views + done, some, w->verdicts + done, &w->tx);
    }
}

static bool differ(const char *what, unsigned at)
{
    printf("# %s differ, at %u\n", what, at);
    return false;
}

/* True if the events are equal apart from their index in vm_run's packets, which depends on the batch. */
static bool same_events(const struct way *a, const struct way *b)
{
    if (a->tx.event_count != b->tx.event_count || a->tx.events_lost != b->tx.events_lost) return false;
    for (unsigned i = 0; i < a->tx.event_count; i++) {
        struct event x = a->events[i], y = b->events[i];
        x.input = y.input = 0;
        if (x.kind != y.kind || x.rule != y.rule) return false;
        if (x.kind == EVENT_FLOW && memcmp(&x.flow, &y.flow, sizeof x.flow)) return false;
    }
    return true;
}

static bool same_flows(const struct vm *a, const struct vm *b)
{
    struct flow_record x, y;
    for (uint32_t i = 0, k = 0;;) {
        const bool more = vm_flow_next(a, &i, &x);
        if (more != vm_flow_next(b, &k, &y)) return false;
        if (!more) return true;
        if (memcmp(&x, &y, sizeof x) != 0) return false;
    }
}

static bool same_counters(const struct program *p, const struct vm_counters *a, const struct vm_counters *b)
{
    return !memcmp(a->verdicts, b->verdicts, sizeof a->verdicts) &&
           !memcmp(a->reasons, b->reasons, sizeof a->reasons) &&
           !memcmp(a->rules, b->rules, p->rules_count * sizeof *a->rules) &&
           !memcmp(a->defaults, b->defaults, p->firewalls_count * sizeof *a->defaults) &&
           !memcmp(a->meters, b->meters, p->meters_count * sizeof *a->meters) &&
           !memcmp(a->services, b->services, p->services_count * sizeof *a->services) &&
           !memcmp(a->servers, b->servers, p->servers_count * sizeof *a->servers) && a->snapped == b->snapped &&
           a->bad_checksum == b->bad_checksum && a->answers_limited == b->answers_limited &&
           a->answers_no_buffer == b->answers_no_buffer &&
           (!a->flows || !memcmp(a->flows, b->flows, sizeof *a->flows)) &&
           (!a->frags || !memcmp(a->frags, b->frags, sizeof *a->frags));
}

static bool compare(struct run *r, unsigned n)
{
    const struct way *a = &r->ways[0];
    for (unsigned k = 1; k < WAYS; k++) {
        const struct way *b = &r->ways[k];
        for (unsigned i = 0; i < n; i++)
            if (memcmp(&a->verdicts[i], &b->verdicts[i], sizeof a->verdicts[i]) != 0) return differ("verdicts", i);
        if (!same_counters(r->program, executor_counters(a->worker), executor_counters(b->worker)))
            return differ("counters", k);
        if (!same_events(a, b)) return differ("events", k);
        if (!same_flows(executor_vm(a->worker), executor_vm(b->worker))) return differ("flows", k);
    }
    return true;
}

/* ---- running ---- */

static bool start(struct run *r, uint64_t seed)
{
    static const struct vm_cfg cfgs[WAYS] = {{.forget = false}, {.forget = true}, {.naive = true}, {.forget = false}};
    r->rng.state = seed;
    stock_draw(&r->stock, &r->rng);
    if (rng_one_in(&r->rng, 2))
        rules_draw(&r->text, &r->stock, &r->rng, 6);
    else
        draw_plausible(r);
    make_small(r);
    r->program = compile_rules(r);
    if (!r->program) return false;
    for (unsigned k = 0; k < WAYS; k++) {
        struct vm_cfg cfg = cfgs[k];
        cfg.seed = seed;
        cfg.flow_events = true;
        r->ways[k].worker =
            k == WAYS - 1 ? one_kernel_worker(r->program, &cfg) : executor_new(r->program, &cfg, 0, NULL, 0);
        if (!r->ways[k].worker) return false;
        r->ways[k].tx = (struct vm_tx){.events = r->ways[k].events, .event_cap = EVENTS};
    }
    for (unsigned i = 0; i < 2; i++)
        r->self6[i] = (struct pbc_range6){0x20010db800000000, i + 1, 0x20010db800000000, i + 1};
    r->facts = (struct facts){.generation = 1, .self4 = r->stock.self4, .self6 = r->self6, .down = r->down};
    if (r->stock.has_self) r->facts.self4_count = STOCK_SELF;
    r->in = (struct vm_in){.mono_ns = 1000 * S, .facts = &r->facts};
    return true;
}

static bool chunk(struct run *r, struct totals *totals)
{
    const unsigned n = 1 + rng_below(&r->rng, CHUNK);
    for (unsigned i = 0; i < n; i++) draw_packet(r, i);
    for (unsigned k = 0; k < WAYS; k++) {
        r->ways[k].tx.event_count = 0;
        judge(r, k, n);
        if (n % 4 == 0) executor_tick(r->ways[k].worker, &r->in, &r->ways[k].tx);
    }
    totals->packets += n;
    r->in.mono_ns += rng_one_in(&r->rng, 8) ? 100 * S : 1 + rng_below(&r->rng, 1000000);
    const bool good = compare(r, n);
    if (rng_one_in(&r->rng, 4)) draw_facts(r);
    return good;
}

static bool check_file(uint64_t seed, unsigned packets, struct totals *totals)
{
    static struct run r;
    memset(&r, 0, sizeof r);
    bool good = start(&r, seed);
    const uint64_t until = totals->packets + packets;
    while (good && totals->packets < until) good = chunk(&r, totals);
    totals->files++;
    if (r.program) totals->memos += r.program->memos_count;
    if (r.program && r.program->memos_count) totals->could += totals->packets + packets - until;
    if (r.ways[0].worker) totals->remembered += executor_counters(r.ways[0].worker)->remembered;
    if (!good) printf("# rules:\n%.*s\n", (int)r.text.len, r.text.s);
    for (unsigned k = 0; k < WAYS; k++)
        if (r.ways[k].worker) one_kernel_free(r.ways[k].worker);
    program_put(r.program);
    text_free(&r.text);
    return good;
}

#ifdef __SANITIZE_ADDRESS__ /* because every file allocates its tables again, which is slow with sanitizers */
enum { FILES = 250 };
#else
enum { FILES = 1500 };
#endif

int main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned long_run = getenv("LONG") && *getenv("LONG") ? 20 : 1;
    const unsigned files = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : FILES * long_run;
    const unsigned packets = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 1000;
    struct totals totals = {0};

    for (unsigned i = 0; i < files; i++)
        if (!check_file(first + i, packets, &totals)) {
            printf("not ok - remembered and judged verdicts agree\n# again with: remembered %" PRIu64 " 1 %u\n",
                   first + i, packets);
            return 1;
        }
    printf("ok - remembered and judged verdicts agree, however batches are cut: %" PRIu64 " rule files, %" PRIu64
           " memos, %" PRIu64 " packets, %" PRIu64 " of them remembered\n",
           totals.files, totals.memos, totals.packets, totals.remembered);
    const bool fair = totals.remembered * 20 > totals.could;
    printf("%s - a fair share is remembered\n", fair ? "ok" : "not ok");
    return fair ? 0 : 1;
}
