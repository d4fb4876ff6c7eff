/* Floods of fragments, which may only cost bounded memory and bounded work per packet, while real datagrams still
 * pass.
 *
 *   fragment_floods [PACKETS]
 *
 * A million first fragments of random datagrams, and a million later ones that no first belongs to; after every
 * thousand a real datagram in order, which must pass, and every packet is in one counter. The time per packet is
 * only printed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/bench.h"
#include "tests/lib/compiled.h"
#include "tests/lib/reassemble.h"
#include "tests/lib/one_kernel.h"
#include "tests/lib/rng.h"
#include "vm/packet/pool_priv.h"
#include "vm/vm.h"

enum { PACKETS = 1000000, BATCH = 64, SLOTS = 512, SLOT_BYTES = 2048, FRAME_MOST = 2048, PARTS = 3 };
enum { MOST_REMEMBERED = 2 * 4096 };

struct flood {
    struct rng r;
    struct executor *worker;
    struct pool *pool;
    uint64_t now_ns, packets, took_ns;
    uint8_t bytes[BATCH][FRAME_MOST];
    uint32_t len[BATCH];
    struct verdict verdicts[BATCH];
};

static void run(struct flood *f, unsigned n)
{
    static struct tx_entry entries[BATCH * VM_TX_PER_PACKET];
    struct pkt pkts[BATCH], *at[BATCH] = {NULL};
    struct vm_tx tx = {.entries = entries, .cap = n * VM_TX_PER_PACKET};
    const struct facts facts = {.generation = 1};
    const struct vm_in in = {.mono_ns = f->now_ns, .facts = &facts};
    for (unsigned i = 0; i < n; i++) {
        pkt_view(&pkts[i], f->bytes[i], f->len[i], f->len[i], LINK_ETHER, IFACE_NONE);
        at[i] = &pkts[i];
    }
    const uint64_t began = bench_cpu_ns();
    executor_run(f->worker, &in, at, n, f->verdicts, &tx);
    f->took_ns += bench_cpu_ns() - began;
    f->packets += n;
    for (unsigned i = 0; i < tx.count; i++) pool_put(entries[i].pkt);
}

/* True if a complete datagram of three fragments, in order, passes. */
static bool real_passes(struct flood *f, uint32_t id, bool v6)
{
    struct part part = {.v6 = v6, .proto = PART_UDP, .host = 255, .id = v6 ? id : id & 0xffff, .port = 53};
    for (unsigned i = 0; i < PARTS; i++) {
        part.offset = 1480 * i;
        part.more = i + 1 < PARTS;
        part.len = part.more ? 1480 : 100;
        f->len[i] = part_frame(&part, f->bytes[i]);
    }
    run(f, PARTS);
    bool good = true;
    for (unsigned i = 0; i < PARTS; i++) good = good && f->verdicts[i].action == ACTION_ACCEPT;
    return good;
}

static bool adds_up(const struct flood *f)
{
    const struct vm_counters *c = executor_counters(f->worker);
    uint64_t sum = 0, reasons = 0;
    for (unsigned i = 0; i < ACTION_COUNT; i++) sum += c->verdicts[i].packets;
    for (unsigned i = 0; i < REASON_COUNT; i++) reasons += c->reasons[i].packets;
    const struct frag_counters *g = c->frags;
    const uint64_t held = c->verdicts[ACTION_HELD].packets;
    return sum == f->packets && reasons == c->verdicts[ACTION_DROP].packets && held <= FRAG_HELD &&
           g->held == g->released + g->orphans + held &&
           g->datagrams - g->complete - g->expired - g->evicted <= MOST_REMEMBERED;
}

static void draw(struct flood *f, bool later)
{
    for (unsigned i = 0; i < BATCH; i++) {
        const struct part part = {.v6 = rng_one_in(&f->r, 2),
                                  .proto = PART_UDP,
                                  .id = (uint32_t)rng_next(&f->r),
                                  .host = (uint8_t)rng_below(&f->r, 250),
                                  .offset = later ? 8 + 8 * rng_below(&f->r, 8000) : 0,
                                  .len = 16,
                                  .more = true,
                                  .port = 53};
        f->len[i] = part_frame(&part, f->bytes[i]);
    }
}

/* Send the flood. step_ns: time between batches. */
static bool flood(struct program *p, unsigned packets, bool later, uint64_t step_ns)
{
    static struct flood f;
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) & ~(size_t)63;
    void *memory = aligned_alloc(64, bytes);
    f = (struct flood){.r = {1}, .now_ns = 1, .pool = memory ? pool_init(memory, bytes, SLOTS, SLOT_BYTES) : NULL};
    f.worker = f.pool ? one_kernel_worker(p, &(struct vm_cfg){.pool = f.pool, .seed = 42}) : NULL;
    bool good = f.worker;
    for (unsigned i = 0; good && i < packets; i += BATCH) {
        draw(&f, later);
        f.now_ns += step_ns;
        run(&f, BATCH);
        if (i % 1024 == 0) good = real_passes(&f, i / 1024, i % 2048 == 0);
        good = good && adds_up(&f);
    }
    if (good) printf("# %.0f ns a packet\n", (double)f.took_ns / (double)f.packets);
    good = good && executor_counters(f.worker)->frags->evicted > 0;
    one_kernel_free(f.worker);
    good = good && f.pool->free_count == SLOTS;
    free(memory);
    return good;
}

static bool report(bool good, const char *what)
{
    printf("%sok - %s\n", good ? "" : "not ", what);
    return good;
}

int main(int argc, char **argv)
{
    const unsigned packets = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : PACKETS;
    struct program *p = compiled_text(PARTS_RULES);
    if (!p) return 1;
    bool good = report(flood(p, packets, false, 10000), "real datagrams pass a flood of first fragments");
    good &= report(flood(p, packets, true, 10000), "real datagrams pass a flood of later fragments without a first");
    good &= report(flood(p, packets, true, 30000000), "the same where the time of those held is over in between");
    program_put(p);
    return !good;
}
