/* Differential test: rules with services in `mode observe` against the same rules without. Random rules, services
 * and conversations. Observing changes no verdict and no packet that leaves. Its events are consistent: each
 * connection begins and ends once, its service chooses its branch once, and its bytes are the accepted ones, in
 * order.
 *
 *   observed [SEED [FILES [PACKETS]]]
 *
 * LONG=1: twenty times as many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/compiled.h"
#include "tests/lib/rng.h"
#include "tests/lib/talk.h"
#include "vm/observe/observe.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/pool_priv.h"
#include "vm/vm.h"

enum { TALKS = 16, TEXT = 8192, FRAME = 2048, SLOTS = 64, SLOT = 4096, ENTRIES = 256, CONNS = 1 << 14, BATCH = 24 };
#define S UINT64_C(1000000000)

struct conversation {
    struct talk talk; /* as the opener sends it */
    uint32_t seq[2];
    unsigned step;
};
/* A connection, from its events */
struct told {
    uint64_t end[OBSERVE_HALVES];
    bool begun, chosen, ended;
    uint32_t observe, choice;
    uint8_t does;
};
struct way {
    struct pool *pool;
    struct vm *vm;
    struct tx_entry entries[ENTRIES];
    struct vm_tx tx;
    struct verdict verdicts[BATCH];
};
struct run {
    struct rng rng;
    char text[2][TEXT]; /* with the observing services, and without */
    struct program *program[2];
    struct facts facts;
    struct vm_in in;
    struct conversation talks[TALKS];
    uint8_t bytes[BATCH][FRAME];
    uint32_t lengths[BATCH];
    struct way ways[2];
    struct told told[CONNS];
    uint64_t bytes_told, begun, chosen[PBC_DOES];
    char wrong[200]; /* what contradicts each other */
};
struct totals {
    uint64_t files, packets, connections, streams, ignored, bytes, forwarded, dropped;
};

/* ---- drawing ---- */

static void put(struct run *r, unsigned from, const char *text)
{
    for (unsigned k = 0; k <= from; k++) strncat(r->text[k], text, TEXT - strlen(r->text[k]) - 1);
}

static const char *one_of(struct run *r, const char *const list[], unsigned n) { return list[rng_below(&r->rng, n)]; }
#define DRAW(r, list) one_of(r, list, sizeof(list) / sizeof *(list))

static void draw_observer(struct run *r, unsigned number, const char *endpoint)
{
    static const char *const whens[] = {"from 10.0.0.0/25",
                                        "port 80",
                                        "source port 1-20000",
                                        "sni \"*.example\"",
                                        "path \"/a*\"",
                                        "bytes payload at 0 is x\"00\"",
                                        "ip6",
                                        "from 10.0.0.7",
                                        "reply bytes payload at 0 is x\"0000\"",
                                        "method \"GET\"",
                                        "to 10.0.1.0/28",
                                        "bytes payload at 3 is x\"ff\""};
    static const char *const does[] = {"stream", "pass", "ignore"};
    static const char *const overlaps[] = {"", " overlaps first", " overlaps last", " overlaps linux"};
    char line[400];
    snprintf(line, sizeof line, "service w%u on %s { mode observe%s; stream to \"d\"\n", number, endpoint,
             DRAW(r, overlaps));
    put(r, 0, line);
    for (unsigned n = rng_below(&r->rng, 4); n; n--) {
        snprintf(line, sizeof line, "  when %s -> %s\n", DRAW(r, whens), DRAW(r, does));
        put(r, 0, line);
    }
    snprintf(line, sizeof line, "  else -> %s\n}\n", DRAW(r, does));
    put(r, 0, line);
}

static void draw_rules(struct run *r)
{
    static const char *const endpoints[] = {"any tcp/any",      "any tcp/80",      "any tcp/443-8080",
                                            "10.0.1.5 tcp/any", "10.0.1.5 tcp/80", "any tcp/any vlan 7",
                                            "any tcp/1-1023"};
    static const char *const rules[] = {
        "  drop tcp to port 1234\n", "  drop from 10.0.0.64/26\n", "  accept tcp state established\n",
        "  reject tcp port 8080\n",  "  drop tcp ttl 3\n",         "  accept tcp flags has syn lacks ack\n",
        "  drop state invalid\n",    "  drop tcp over m\n",        "  count tcp\n"};
    r->text[0][0] = r->text[1][0] = 0;
    put(r, 1,
        "edition 1\nlimits { flows 2000; observed 200; observed_bytes 1MiB }\nmeter m = 50/s burst 20 per source\n");
    if (rng_one_in(&r->rng, 2))
        put(r, 1,
            "pool p { balance round_robin; server s 10.0.2.1; server t 10.0.2.2 }\n"
            "service x on 10.0.1.5 tcp/80 { mode passthrough keep source; -> p }\n");
    put(r, 1,
        rng_one_in(&r->rng, 4) ? "firewall f default drop {\n  accept tcp to 10.0.1.0/25\n"
                               : "firewall f default accept {\n");
    for (unsigned n = rng_below(&r->rng, 5); n; n--) put(r, 1, DRAW(r, rules));
    put(r, 1, "}\n");
    for (unsigned at = rng_below(&r->rng, 3), n = 0; at < sizeof endpoints / sizeof *endpoints;
         at += 1 + rng_below(&r->rng, 4))
        draw_observer(r, n++, endpoints[at]);
}

static void begin_talk(struct run *r, struct conversation *c)
{
    static const uint16_t ports[] = {80, 443, 53, 8080, 1234};
    *c = (struct conversation){.seq = {(uint32_t)rng_next(&r->rng), (uint32_t)rng_next(&r->rng)}};
    c->talk = (struct talk){.proto = rng_one_in(&r->rng, 8) ? IPPROTO_NR_UDP : IPPROTO_NR_TCP,
                            .ttl = 64,
                            .window = 65535,
                            .v6 = rng_one_in(&r->rng, 6),
                            .src = 0x0a000000 + rng_below(&r->rng, 128),
                            .dst = 0x0a000100 + (rng_one_in(&r->rng, 3) ? 5 : rng_below(&r->rng, 8)),
                            .src_port = (uint16_t)(1024 + rng_below(&r->rng, 60000)),
                            .dst_port = ports[rng_below(&r->rng, sizeof ports / sizeof *ports)]};
}

/* Draw the next packet of some conversation: in order, repeated, late, or a reset. */
static void draw_packet(struct run *r, unsigned i)
{
    struct conversation *c = &r->talks[rng_below(&r->rng, TALKS)];
    if (c->step == 0 || rng_one_in(&r->rng, 40)) begin_talk(r, c);
    const unsigned dir = c->step < 3 ? c->step & 1 : rng_below(&r->rng, 2);
    struct talk t = c->talk;
    if (dir) {
        t.src = c->talk.dst;
        t.dst = c->talk.src;
        t.src_port = c->talk.dst_port;
        t.dst_port = c->talk.src_port;
    }
    t.seq = c->seq[dir];
    t.ack = c->seq[!dir];
    t.flags = c->step == 0 ? TCP_SYN : c->step == 1 ? TCP_SYN | TCP_ACK : TCP_ACK;
    t.payload = c->step > 2 ? (uint8_t)(8 * rng_below(&r->rng, 8)) : 0;
    if (c->step > 2 && rng_one_in(&r->rng, 8)) t.seq -= t.payload;         /* repeated */
    if (c->step > 2 && rng_one_in(&r->rng, 8)) t.seq += 8, t.payload += 8; /* ahead of its turn */
    if (c->step > 4 && rng_one_in(&r->rng, 20)) t.flags |= rng_one_in(&r->rng, 3) ? TCP_RST : TCP_FIN;
    if (rng_one_in(&r->rng, 12)) t.ttl = 3;
    if (t.seq == c->seq[dir]) c->seq[dir] += t.payload + (t.flags & (TCP_SYN | TCP_FIN) ? 1u : 0u);
    c->step++;
    r->lengths[i] = talk_build(&t, r->bytes[i]);
}

/* ---- events ---- */

static void wrong(struct run *r, const struct observe_event *e, const char *what)
{
    if (!*r->wrong)
        snprintf(r->wrong, sizeof r->wrong, "connection %" PRIu64 ", event %u: %s", e->number, e->kind, what);
}

static void hear(void *arg, const struct observe_event *e)
{
    struct run *r = arg;
    if (!e->number || e->number >= CONNS) {
        wrong(r, e, "its number");
        return;
    }
    struct told *t = &r->told[e->number];
    const struct pbc_observe *o = &r->program[0]->observes[e->observe];
    if (t->begun == (e->kind == OBSERVE_BEGIN) || t->ended) wrong(r, e, "it begins and ends once");
    if (e->kind != OBSERVE_BEGIN && t->observe != e->observe) wrong(r, e, "its service changes");
    switch ((enum observe_kind)e->kind) {
    case OBSERVE_BEGIN:
        *t = (struct told){.begun = true, .observe = e->observe};
        r->begun++;
        break;
    case OBSERVE_CHOSEN:
        if (t->chosen) wrong(r, e, "its branch is chosen twice");
        if (e->choice < o->choices || e->choice >= o->choices + o->choice_count)
            wrong(r, e, "the branch of another service");
        if (r->program[0]->choices[e->choice].does != e->does) wrong(r, e, "it does something else");
        t->chosen = true;
        t->choice = e->choice;
        t->does = e->does;
        r->chosen[e->does]++;
        break;
    case OBSERVE_BYTES:
        if (!t->chosen || t->does != PBC_STREAM) wrong(r, e, "bytes of no stream");
        for (uint64_t i = 0; i < e->len; i++)
            if (e->bytes[i] != 0) wrong(r, e, "bytes that nobody sent"); /* talk_build's payload is zero */
        r->bytes_told += e->len;
        /* fall through */
    case OBSERVE_HOLE:
        if (t->does == PBC_STREAM && t->chosen && e->offset != t->end[e->half]) wrong(r, e, "out of order");
        t->end[e->half] = e->offset + e->len;
        break;
    case OBSERVE_DIFFERS: wrong(r, e, "equal bytes that differ"); break;
    case OBSERVE_END:
        if (!t->chosen) wrong(r, e, "it ends without a branch");
        t->ended = true;
        break;
    default: wrong(r, e, "no such kind");
    }
}

/* ---- judging ---- */

static void judge(struct run *r, unsigned which, unsigned n)
{
    struct way *w = &r->ways[which];
    struct pkt *pkts[BATCH];
    w->tx = (struct vm_tx){.entries = w->entries, .cap = ENTRIES};
    for (unsigned i = 0; i < n; i++) {
        struct pkt view;
        pkt_view(&view, r->bytes[i], r->lengths[i], r->lengths[i], LINK_ETHER, IFACE_NONE);
        pkts[i] = pool_copy(w->pool, &view);
    }
    vm_run(w->vm, &r->in, pkts, n, w->verdicts, &w->tx);
    for (unsigned i = 0; i < n; i++) {
        bool gone = false;
        for (unsigned k = 0; k < w->tx.count; k++) gone |= w->entries[k].pkt == pkts[i];
        if (!gone) pool_put(pkts[i]);
    }
}

static bool same_entries(const struct way *a, const struct way *b)
{
    if (a->tx.count != b->tx.count) return false;
    for (unsigned i = 0; i < a->tx.count; i++) {
        const struct tx_entry *x = &a->entries[i], *y = &b->entries[i];
        if (x->kind != y->kind || x->cause != y->cause || x->input != y->input || !x->pkt != !y->pkt) return false;
        if (x->pkt && (x->pkt->cap_len != y->pkt->cap_len || memcmp(x->pkt->data, y->pkt->data, x->pkt->head_len) != 0))
            return false;
    }
    return true;
}

static void give_back(struct way *w)
{
    for (unsigned i = 0; i < w->tx.count; i++)
        if (w->entries[i].pkt) pool_put(w->entries[i].pkt);
}

static bool chunk(struct run *r, struct totals *totals)
{
    const unsigned n = 1 + rng_below(&r->rng, BATCH);
    for (unsigned i = 0; i < n; i++) draw_packet(r, i);
    for (unsigned k = 0; k < 2; k++) judge(r, k, n);
    bool good = !*r->wrong && same_entries(&r->ways[0], &r->ways[1]);
    if (!good) printf("# %s\n", *r->wrong ? r->wrong : "what leaves differs");
    for (unsigned i = 0; i < n && good; i++) {
        const struct verdict *v = &r->ways[0].verdicts[i];
        good = memcmp(v, &r->ways[1].verdicts[i], sizeof *v) == 0;
        if (!good)
            printf("# packet %u: %s, without what observes %s\n", i, action_name(v->action),
                   action_name(r->ways[1].verdicts[i].action));
        totals->forwarded += v->action == ACTION_FORWARD;
        totals->dropped += v->action == ACTION_DROP || v->action == ACTION_REJECT;
    }
    for (unsigned k = 0; k < 2; k++) give_back(&r->ways[k]);
    totals->packets += n;
    r->in.mono_ns += 1 + rng_below(&r->rng, 30000000);
    for (unsigned k = 0; k < 2; k++) {
        r->ways[k].tx = (struct vm_tx){.entries = r->ways[k].entries, .cap = ENTRIES};
        vm_tick(r->ways[k].vm, &r->in, &r->ways[k].tx);
        give_back(&r->ways[k]);
    }
    return good;
}

static bool start(struct run *r, uint64_t seed)
{
    const struct observe_out out = {hear, r};
    r->rng.state = seed;
    r->facts = (struct facts){.generation = 1};
    r->in = (struct vm_in){.mono_ns = 1000 * S, .facts = &r->facts};
    draw_rules(r);
    for (unsigned k = 0; k < 2; k++) {
        const struct vm_cfg cfg = {
            .pool = r->ways[k].pool = pool_new(SLOTS, SLOT), .seed = seed, .live = true, .observed = k ? NULL : &out};
        r->program[k] = compiled_text(r->text[k]);
        r->ways[k].vm = r->program[k] ? vm_new(r->program[k], &cfg) : NULL;
        if (!r->ways[k].vm) return false;
    }
    return true;
}

/* True if the service's counters equal the sums over the events. */
static bool counts_hold(struct run *r)
{
    const struct vm_counters *c = vm_counters(r->ways[0].vm);
    if (!c->observed) return true;
    struct observe_counters sum = {0};
    const uint64_t *all = (const void *)c->observed;
    uint64_t *to = (void *)&sum;
    for (uint32_t i = 0; i < r->program[0]->observes_count; i++)
        for (size_t k = 0; k < sizeof sum / sizeof *to; k++)
            to[k] += ((const uint64_t *)(const void *)&c->observes[i])[k];
    sum.most = c->observed->most; /* limit of all services together */
    sum.stack_full = c->observed->stack_full;
    if (memcmp(all, &sum, sizeof sum) == 0 && sum.sessions == r->begun && !sum.live) return true;
    printf("# counters of the services aren't those of all, or of what was told\n");
    return false;
}

static bool check_file(uint64_t seed, unsigned packets, struct totals *totals)
{
    static struct run r;
    memset(&r, 0, sizeof r);
    bool good = start(&r, seed);
    const uint64_t until = totals->packets + packets;
    while (good && totals->packets < until) good = chunk(&r, totals);
    if (good) {
        vm_observed_end(r.ways[0].vm, &r.in);
        good = !*r.wrong && counts_hold(&r);
        if (*r.wrong) printf("# %s\n", r.wrong);
    }
    totals->files++;
    totals->connections += r.begun;
    totals->streams += r.chosen[PBC_STREAM];
    totals->ignored += r.chosen[PBC_IGNORE];
    totals->bytes += r.bytes_told;
    if (!good) printf("# rules:\n%s\n", r.text[0]);
    for (unsigned k = 0; k < 2; k++) {
        vm_free(r.ways[k].vm);
        if (good && r.ways[k].pool->free_count != SLOTS) {
            printf("# slots are missing\n");
            good = false;
        }
        free(r.ways[k].pool);
        program_put(r.program[k]);
    }
    return good;
}

int main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned long_run = getenv("LONG") && *getenv("LONG") ? 20 : 1;
    const unsigned files = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 300 * long_run;
    const unsigned packets = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 2000;
    struct totals t = {0};
    for (unsigned i = 0; i < files; i++)
        if (!check_file(first + i, packets, &t)) {
            printf("not ok - observing changes nothing\n# again with: observed %" PRIu64 " 1 %u\n", first + i, packets);
            return 1;
        }
    printf("ok - observing changes nothing, and what it tells holds together: %" PRIu64 " rule files, %" PRIu64
           " packets, %" PRIu64 " forwarded, %" PRIu64 " dropped, %" PRIu64 " connections, %" PRIu64
           " streams, %" PRIu64 " bytes\n",
           t.files, t.packets, t.forwarded, t.dropped, t.connections, t.streams, t.bytes);
    const bool fair = t.connections > 20 * t.files && t.streams * 6 > t.connections && t.ignored * 10 > t.connections &&
                      t.bytes > t.packets && t.forwarded * 100 > t.packets && t.dropped * 20 > t.packets;
    printf("%s - a fair share of each is there\n", fair ? "ok" : "not ok");
    return fair ? 0 : 1;
}
