/* Differential test: fragments at random, against a plain reassembler that keeps a map of every byte.
 *
 *   fragments [SEED [ROUNDS]]
 *
 * Datagrams of both families are cut, shuffled, repeated, overlapped and thinned out, or get a second end or a false
 * first fragment. Several are open at once, ids are reused and time passes. The vm's verdict on each fragment, at
 * once or when it leaves, must equal the reassembler's. The same numbers give the same run. LONG=1: twenty times as
 * many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "tests/lib/reassemble.h"
#include "tests/lib/one_kernel.h"
#include "tests/lib/rng.h"
#include "vm/packet/pool_priv.h"
#include "vm/vm.h"

#ifdef __SANITIZE_ADDRESS__
enum { ROUNDS = 50 };
#else
enum { ROUNDS = 120 };
#endif
enum { STEPS = 400, SLOTS = 512, SLOT_BYTES = 2048, FRAME_MOST = 4096, AT_ONCE = 16 };
enum { PARTS_MOST = 128, BATCH_MOST = 32, RELEASED_MOST = 256 };
#define MS UINT64_C(1000000)

/* ---- datagrams, well and badly cut ---- */

struct cut {
    struct part parts[PARTS_MOST];
    unsigned count, next;
};

static void add_part(struct cut *c, struct part f)
{
    if (c->count < PARTS_MOST) c->parts[c->count++] = f;
}

static void spoil(struct rng *r, struct cut *c)
{
    struct part f = c->parts[rng_below(r, c->count)];
    switch (rng_below(r, 9)) {
    case 0:
    case 1: break; /* a duplicate */
    case 2: f.offset += 8 * (1 + rng_below(r, 4)); break;
    case 3: f.offset -= f.offset >= 8 ? 8 : 0; break;
    case 4: f.len += 8; break;
    case 5: f.more = !f.more; break;
    case 6: f.len = rng_below(r, 3) * 4; break;
    case 7: f.offset += 8 * rng_below(r, 8000); break;
    case 8:
        c->count--;
        c->parts[rng_below(r, c->count + 1)] = c->parts[c->count];
        return; /* drop one */
    }
    f.offset &= 0xfff8;
    if (f.offset || f.more) add_part(c, f);
}

/* Keep every other part of many: as many ranges as parts. */
static void thin_out(struct cut *c)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < c->count; i += 2) c->parts[kept++] = c->parts[i];
    c->count = kept;
}

static void shuffle(struct rng *r, struct cut *c)
{
    for (unsigned i = c->count; i > 1; i--) {
        const unsigned k = rng_below(r, i);
        const struct part f = c->parts[i - 1];
        c->parts[i - 1] = c->parts[k];
        c->parts[k] = f;
    }
}

static void cut_datagram(struct rng *r, struct cut *c)
{
    static const uint16_t ports[] = {53, 54, 55, 80};
    const uint32_t most = rng_one_in(r, 10) ? 2400 : rng_one_in(r, 3) ? 64 : 400;
    const uint32_t drawn = 16 + rng_below(r, most * (rng_one_in(r, 12) ? 120 : 12));
    const uint32_t total = drawn < 65000 ? drawn : 65000, even = 8 + 8 * rng_below(r, most / 8);
    const bool evenly = !rng_one_in(r, 3);
    struct part f = {.v6 = rng_one_in(r, 2),
                     .proto = rng_one_in(r, 4) ? PART_TCP : PART_UDP,
                     .vlan = (uint8_t)(rng_one_in(r, 3) ? rng_below(r, 3) : 0),
                     .host = (uint8_t)rng_below(r, 2),
                     .id = rng_below(r, rng_one_in(r, 4) ? 6 : 500),
                     .port = ports[rng_below(r, 4)]};
    *c = (struct cut){.count = 0};
    while (f.offset < total && c->count < PARTS_MOST - 8) {
        f.len = evenly ? even : 8 + 8 * rng_below(r, most / 8);
        f.more = f.offset + f.len < total;
        if (!f.more) f.len = total - f.offset;
        if (f.offset || f.more) add_part(c, f);
        f.offset += f.len;
    }
    for (unsigned n = rng_one_in(r, 2) ? rng_below(r, 4) : 0; n && c->count; n--) spoil(r, c);
    if (rng_one_in(r, 12)) thin_out(c);
    if (rng_one_in(r, 2)) shuffle(r, c);
}

/* ---- the vm ---- */

struct run {
    struct rng r;
    struct program *p;
    struct executor *worker;
    struct pool *pool;
    void *memory;
    struct facts facts;
    uint64_t now, packets;
    struct plain *plain;
    struct say *said, *expected; /* indexed by packet */
    struct part *parts;
};

static struct program *compile(const char *text)
{
    struct compile c;
    char why[256] = "";
    compile_init(&c);
    const int rc = compile_text(&c, "fragments.prey", text, strlen(text));
    struct program *p = rc == 0 ? program_load(c.pbc, c.pbc_len, why, sizeof why) : NULL;
    if (!p) diags_print_text(c.diags, stdout, false);
    compile_fini(&c);
    return p;
}

static void run_init(struct run *w, uint64_t seed)
{
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) & ~(size_t)63;
    *w = (struct run){.r = {seed}, .now = 1000 * MS, .p = compile(PARTS_RULES), .memory = aligned_alloc(64, bytes)};
    if (!w->p || !w->memory) abort();
    w->pool = pool_init(w->memory, bytes, SLOTS, SLOT_BYTES);
    w->worker = one_kernel_worker(w->p, &(struct vm_cfg){.pool = w->pool, .seed = seed, .naive = rng_one_in(&w->r, 4)});
    const size_t most = (size_t)STEPS * BATCH_MOST + 1;
    w->said = calloc(most, sizeof *w->said);
    w->expected = calloc(most, sizeof *w->said);
    w->parts = calloc(most, sizeof *w->parts);
    w->plain = plain_new(w->expected);
    if (!w->worker || !w->said || !w->expected || !w->parts) abort();
}

static bool run_fini(struct run *w)
{
    one_kernel_free(w->worker);
    const bool all_back = w->pool->free_count == SLOTS;
    program_put(w->p);
    plain_free(w->plain);
    free(w->memory);
    free(w->said);
    free(w->expected);
    free(w->parts);
    if (!all_back) printf("# slots of the pool are missing\n");
    return all_back;
}

static struct say say_of(const struct verdict *v) { return (struct say){v->action, v->reason, v->rule}; }

static void take_released(struct run *w, struct vm_tx *tx)
{
    for (unsigned i = 0; i < tx->count; i++) {
        const struct tx_entry *e = &tx->entries[i];
        if (e->cause == TX_CAUSE_HELD) w->said[e->cookie] = say_of(&e->verdict);
        pool_put(e->pkt);
    }
    tx->count = 0;
}

static void vm_takes(struct run *w, unsigned n, uint8_t (*bytes)[FRAME_MOST], const uint32_t *len, uint64_t first)
{
    struct pkt pkts[BATCH_MOST], *at[BATCH_MOST] = {NULL};
    struct tx_entry entries[RELEASED_MOST];
    struct verdict verdicts[BATCH_MOST];
    struct vm_tx tx = {.entries = entries, .cap = n * VM_TX_PER_PACKET};
    const struct vm_in in = {.mono_ns = w->now, .facts = &w->facts};
    for (unsigned i = 0; i < n; i++) {
        pkt_view(&pkts[i], bytes[i], len[i], len[i], LINK_ETHER, IFACE_NONE);
        pkts[i].cookie = first + i;
        at[i] = &pkts[i];
    }
    executor_run(w->worker, &in, at, n, verdicts, &tx);
    for (unsigned i = 0; i < n; i++) w->said[first + i] = say_of(&verdicts[i]);
    take_released(w, &tx);
    tx.cap = VM_TX_PER_PACKET;
    while (executor_tick(w->worker, &in, &tx) <= w->now) take_released(w, &tx);
    take_released(w, &tx);
}

static void print_part(const struct part *f, struct say got, struct say want)
{
    printf("#   v%d proto %u vlan %u host %u id %u: %u+%u%s port %u: %s %s %d, expected %s %s %d\n", f->v6 ? 6 : 4,
           f->proto, f->vlan, f->host, f->id, f->offset, f->len, f->more ? " more" : "", f->port,
           action_name(got.action), reason_name(got.reason), (int)got.rule, action_name(want.action),
           reason_name(want.reason), (int)want.rule);
}

static bool same_say(struct say a, struct say b)
{
    return a.action == b.action && a.reason == b.reason && a.rule == b.rule;
}

static bool compare(const struct run *w, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        if (same_say(w->said[i], w->expected[i])) continue;
        printf("# packet %" PRIu64 "\n", i);
        for (uint64_t k = 0; k <= i; k++)
            if (part_same_datagram(&w->parts[k], &w->parts[i])) print_part(&w->parts[k], w->said[k], w->expected[k]);
        return false;
    }
    return true;
}

/* True if every packet is in one verdict counter, and every datagram in one counter of outcomes. */
static bool counters_hold(const struct run *w)
{
    const struct vm_counters *c = executor_counters(w->worker);
    uint64_t sum = 0, reasons = 0;
    for (unsigned i = 0; i < ACTION_COUNT; i++) sum += c->verdicts[i].packets;
    for (unsigned i = 0; i < REASON_COUNT; i++) reasons += c->reasons[i].packets;
    const uint64_t held = c->verdicts[ACTION_HELD].packets, drops = c->verdicts[ACTION_DROP].packets;
    const bool good = sum == w->packets && reasons == drops && held == plain_waiting(w->plain) &&
                      c->frags->held == c->frags->released + c->frags->orphans + held;
    if (!good) printf("# counters: %" PRIu64 " of %" PRIu64 " packets, %" PRIu64 " held\n", sum, w->packets, held);
    return good;
}

/* Counts per verdict, because a test that only sees one of them proves nothing. */
static uint64_t fates[ACTION_COUNT][REASON_COUNT];

static bool one_round(uint64_t seed)
{
    static uint8_t bytes[BATCH_MOST][FRAME_MOST];
    static struct cut cuts[AT_ONCE];
    uint32_t len[BATCH_MOST];
    struct run w;
    bool good = true;
    run_init(&w, seed);
    const unsigned at_once = 1 + rng_below(&w.r, AT_ONCE);
    for (unsigned i = 0; i < AT_ONCE; i++) cuts[i] = (struct cut){.count = 0};
    for (unsigned step = 0; good && step < STEPS; step++) {
        const unsigned n = 1 + rng_below(&w.r, rng_one_in(&w.r, 2) ? 2 : BATCH_MOST);
        const uint64_t first = w.packets;
        w.now += rng_one_in(&w.r, 300) ? 29000 * MS : rng_one_in(&w.r, 10) ? rng_below(&w.r, 120) * MS : 0;
        for (unsigned i = 0; i < n; i++) {
            struct cut *c = &cuts[rng_below(&w.r, at_once)];
            while (c->next >= c->count) cut_datagram(&w.r, c);
            const struct part f = w.parts[w.packets] = c->parts[c->next++];
            len[i] = part_frame(&f, bytes[i]);
            const bool fits = len[i] <= SLOT_BYTES - POOL_HEADROOM;
            w.expected[w.packets] = plain_take(w.plain, &f, w.packets, w.now, fits);
            w.packets++;
        }
        vm_takes(&w, n, bytes, len, first);
        good = compare(&w, 0, w.packets) && counters_hold(&w);
    }
    for (uint64_t i = 0; i < w.packets; i++) fates[w.said[i].action][w.said[i].reason]++;
    good = run_fini(&w) && good;
    if (!good) printf("# seed %" PRIu64 "\n", seed);
    return good;
}

static bool all_was_said(void)
{
    static const enum pkt_reason reasons[] = {
        REASON_NONE,         REASON_BAD_FRAGMENT,       REASON_TINY_FRAGMENT,
        REASON_SHORT_TCP,    REASON_DUPLICATE_FRAGMENT, REASON_OVERLAPPING_FRAGMENT,
        REASON_FRAGMENT_END, REASON_FRAGMENT_RANGES,    REASON_FRAGMENT_ORPHAN};
    bool good = fates[ACTION_ACCEPT][REASON_NONE] > 0;
    printf("# %" PRIu64 " accepted, %" PRIu64 " held to the end\n", fates[ACTION_ACCEPT][REASON_NONE],
           fates[ACTION_HELD][REASON_NONE]);
    for (unsigned i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        const uint64_t n = fates[ACTION_DROP][reasons[i]];
        printf("# %" PRIu64 " dropped, %s\n", n, reason_name(reasons[i]));
        good = good && n > 0;
    }
    return good;
}

static bool report(bool good, const char *what)
{
    printf("%sok - %s\n", good ? "" : "not ", what);
    return good;
}

int main(int argc, char **argv)
{
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const char *longer = getenv("LONG");
    const unsigned times = longer && *longer ? 20 : 1;
    const unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : ROUNDS * times;
    bool good = true;
    for (unsigned i = 0; good && i < rounds; i++) good = one_round(seed + i);
    char what[100];
    snprintf(what, sizeof what, "%u rounds from seed %" PRIu64 ": the reassembler says the same", rounds, seed);
    good = report(good, what);
    good &= report(all_was_said(), "every fate of a fragment was met");
    return !good;
}
