/* Counts that several workers share: `max flows` and `least_conn` over all of them, one after the other and at once;
 * a repetition from the results that each got; and from one program to the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "compiler/compiler.h"
#include "tests/lib/note.h"
#include "tests/lib/rng.h"
#include "vm/judge/meters/meter.h"
#include "vm/shared/shared.h"
#include "vm/vm.h"

enum { WORKERS = 3, SLOTS = 16, SLOT_BYTES = 2048, TOLD_MOST = 4096 };

/* A worker, and all results that it got from the shared counts. */
struct one {
    struct vm *vm;
    struct pool *pool;
    void *memory;
    struct facts facts;
    struct tx_entry entries[SLOTS];
    struct vm_tx tx;
    uint64_t now_ns;
    uint64_t told[TOLD_MOST];
    unsigned told_count, told_at;
    const struct one *again; /* gets the results of that one */
    unsigned within, over;
    struct meters *meters;
};

static uint64_t hear(void *arg, uint64_t value)
{
    struct one *o = arg;
    if (o->again) return o->told_at < o->again->told_count ? o->again->told[o->told_at++] : 0;
    if (o->told_count < TOLD_MOST) o->told[o->told_count++] = value;
    return value;
}

static struct program *compiled(const char *rules)
{
    struct compile c;
    char why[256] = "";
    compile_init(&c);
    assert_int_equal(compile_text(&c, "rules", rules, strlen(rules)), 0);
    struct program *p = program_load(c.pbc, c.pbc_len, why, sizeof why);
    compile_fini(&c);
    assert_non_null(p);
    return p;
}

static struct vm_cfg cfg_of(struct one *o, unsigned at, const struct shared *shared)
{
    return (struct vm_cfg){.pool = o->pool,
                           .seed = 5,
                           .worker = at,
                           .workers = WORKERS,
                           .live = true,
                           .share = {.all = shared, .hear = hear, .arg = o}};
}

static void one_init(struct one *o, struct program *p, unsigned at, const struct shared *shared,
                     const struct one *again)
{
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) & ~(size_t)63;
    *o = (struct one){.now_ns = 1000, .again = again};
    o->memory = aligned_alloc(64, bytes);
    o->pool = pool_init(o->memory, bytes, SLOTS, SLOT_BYTES);
    o->facts = (struct facts){.generation = 1};
    o->tx = (struct vm_tx){.entries = o->entries, .cap = SLOTS};
    const struct vm_cfg cfg = cfg_of(o, at, shared);
    o->vm = vm_new(p, &cfg);
    assert_non_null(o->vm);
}

static void one_fini(struct one *o)
{
    vm_free(o->vm);
    free(o->memory);
}

/* Judge a packet of that client; the outcome is counted. */
static struct verdict come(struct one *o, unsigned client, const char *rest)
{
    char text[160], err[200];
    struct note note;
    struct pkt pkt, *pkts[1] = {&pkt};
    struct verdict v;
    snprintf(text, sizeof text, "eth / ip4 198.18.%u.%u > 203.0.113.10 / %s", client / 250, client % 250 + 1, rest);
    assert_int_equal(note_parse(text, &note, err, sizeof err), 0);
    note_view(&note, IFACE_NONE, &pkt);
    const struct vm_in in = {.mono_ns = o->now_ns, .facts = &o->facts};
    vm_run(o->vm, &in, pkts, 1, &v, &o->tx);
    for (unsigned i = 0; i < o->tx.count; i++) pool_put(o->entries[i].pkt);
    o->tx.count = 0;
    o->within += v.action == ACTION_FORWARD || v.action == ACTION_ACCEPT;
    o->over += v.action == ACTION_DROP;
    return v;
}

static const char farm[] = "pool web { balance least_conn\n"
                           "  server a 10.0.0.11; server b 10.0.0.12; server c 10.0.0.13 }\n"
                           "service www on 203.0.113.10 tcp/80 { mode dsr rewrite; max flows 50; -> web }\n";
static const char farm_later[] = "pool web { balance least_conn\n"
                                 "  server c 10.0.0.13; server d 10.0.0.14 }\n"
                                 "service www on 203.0.113.10 tcp/80 { mode dsr rewrite; max flows 50; -> web }\n"
                                 "service other on 203.0.113.10 tcp/81 { mode dsr rewrite; -> web }\n";
static const char syn[] = "tcp 1000 > 80 syn";

/* ---- flows ---- */

static void flows_are_counted_together(void **state)
{
    (void)state;
    struct program *p = compiled(farm);
    struct shared *shared = shared_new(p, NULL, NULL, 1000);
    struct one *o = calloc(2 * WORKERS, sizeof *o);
    unsigned at[3] = {0};
    for (unsigned i = 0; i < WORKERS; i++) one_init(&o[i], p, i, shared, NULL);
    for (unsigned i = 0; i < 60; i++) {
        const struct verdict v = come(&o[i * i % WORKERS], i, syn);
        assert_int_equal(v.reason, i < 50 ? REASON_NONE : REASON_MAX_FLOWS);
        if (i >= 50) continue;
        at[v.server]++;
        for (unsigned k = 0; k < 3; k++)
            assert_in_range(at[k], i / 3, i / 3 + 1); /* the least of all, not only of its own */
    }
    assert_int_equal(shared_read(shared->services[0]), 50);
    /* The results that each got are enough to repeat its run alone. */
    for (unsigned i = 0; i < WORKERS; i++) one_init(&o[WORKERS + i], p, i, NULL, &o[i]);
    for (unsigned i = 0; i < 60; i++) come(&o[WORKERS + i * i % WORKERS], i, syn);
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_int_equal(o[WORKERS + i].within, o[i].within);
        assert_int_equal(o[WORKERS + i].told_at, o[i].told_count);
        assert_memory_equal(vm_counters(o[WORKERS + i].vm)->server_flows, vm_counters(o[i].vm)->server_flows, 12);
    }
    for (unsigned i = 0; i < 2 * WORKERS; i++) one_fini(&o[i]);
    shared_free(shared);
    program_put(p);
    free(o);
}

/* A flow that can't begin returns its place, and so does one that ends. */
static void places_go_back(void **state)
{
    (void)state;
    struct program *p = compiled(farm);
    struct shared *shared = shared_new(p, NULL, NULL, 1000);
    struct one o;
    one_init(&o, p, 0, shared, NULL);
    char text[160], err[200];
    struct note note;
    struct pkt pkt, *pkts[1] = {&pkt};
    struct verdict v;
    snprintf(text, sizeof text, "eth / ip4 203.0.113.10 > 203.0.113.10 / %s", syn);
    assert_int_equal(note_parse(text, &note, err, sizeof err), 0);
    note_view(&note, IFACE_NONE, &pkt);
    const struct vm_in in = {.mono_ns = o.now_ns, .facts = &o.facts};
    vm_run(o.vm, &in, pkts, 1, &v, &o.tx);
    assert_int_equal(v.reason, REASON_SAME_ENDS);
    assert_int_equal(shared_read(shared->services[0]), 0);
    assert_int_equal(come(&o, 1, syn).action, ACTION_FORWARD);
    assert_int_equal(shared_read(shared->services[0]), 1);
    o.now_ns += UINT64_C(400000000000000);
    for (unsigned part = 0, more = 1; more;) {
        const struct vm_in later = {.mono_ns = o.now_ns, .facts = &o.facts};
        more = vm_expire(o.vm, &later, &o.tx, &part);
    }
    assert_int_equal(shared_read(shared->services[0]), 0);
    for (unsigned i = 0; i < 3; i++) assert_int_equal(shared_read(shared->servers[i]), 0);
    one_fini(&o);
    shared_free(shared);
    program_put(p);
}

static void *rush(void *arg)
{
    struct one *o = arg;
    for (unsigned i = 0; i < 200; i++) come(o, (unsigned)o->now_ns + i, syn);
    return NULL;
}

static void never_more_at_once(void **state)
{
    (void)state;
    struct program *p = compiled(farm);
    struct shared *shared = shared_new(p, NULL, NULL, 1000);
    struct one *o = calloc(WORKERS, sizeof *o);
    pthread_t thread[WORKERS];
    unsigned within = 0;
    for (unsigned i = 0; i < WORKERS; i++) one_init(&o[i], p, i, shared, NULL);
    for (unsigned i = 0; i < WORKERS; i++) {
        o[i].now_ns = 1000 * (i + 1);
        assert_int_equal(pthread_create(&thread[i], NULL, rush, &o[i]), 0);
    }
    for (unsigned i = 0; i < WORKERS; i++) pthread_join(thread[i], NULL);
    for (unsigned i = 0; i < WORKERS; i++) within += o[i].within;
    assert_int_equal(within, 50);
    for (unsigned i = 0; i < WORKERS; i++) one_fini(&o[i]);
    shared_free(shared);
    program_put(p);
    free(o);
}

/* While only some workers have the next program, nothing is counted twice or forgotten. */
static void goes_on_in_the_next_program(void **state)
{
    (void)state;
    struct program *p = compiled(farm), *q = compiled(farm_later);
    struct shared *shared = shared_new(p, NULL, NULL, 1000);
    struct one *o = calloc(WORKERS, sizeof *o);
    struct vm *fresh[WORKERS];
    for (unsigned i = 0; i < WORKERS; i++) one_init(&o[i], p, i, shared, NULL);
    for (unsigned i = 0; i < 45; i++) come(&o[i % WORKERS], i, syn);
    struct remap *r = remap_new(p, q, NULL, 0, NULL, o->now_ns);
    struct shared *next = shared_new(r->program, shared, r, 1000);
    assert_int_equal(shared_read(next->services[0]), 45);
    assert_int_equal(shared_read(next->servers[0]), 15); /* c */
    assert_int_equal(shared_read(next->servers[1]), 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        const struct vm_cfg cfg = cfg_of(&o[i], i, next);
        const struct vm_in in = {.mono_ns = o[i].now_ns, .facts = &o[i].facts};
        fresh[i] = vm_prepare(&cfg, r, &in);
        assert_int_equal(vm_swap(o[i].vm, fresh[i], r), 0);
        assert_int_equal(come(&o[i], 100 + i, syn).action, ACTION_FORWARD); /* 46, 47, 48 */
    }
    assert_int_equal(shared_read(next->services[0]), 48);
    assert_int_equal(shared_read(next->servers[1]), 3); /* d has the least */
    shared_free(shared);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(come(&o[i % WORKERS], 200 + i, syn).reason, i < 2 ? REASON_NONE : REASON_MAX_FLOWS);
    for (unsigned i = 0; i < WORKERS; i++) {
        const struct vm_in in = {.mono_ns = o[i].now_ns, .facts = &o[i].facts};
        while (vm_swapping(o[i].vm)) vm_tick(o[i].vm, &in, &o[i].tx);
        one_fini(&o[i]);
        vm_free(fresh[i]);
    }
    shared_free(next);
    remap_free(r);
    program_put(q);
    program_put(p);
    free(o);
}

/* ---- meters ---- */

static const struct key any = {.kind = KIND_IP4, .length = 100};

/* Meters of several workers, with one definition. */
struct crowd {
    struct pbc_meter def;
    struct program p;
    struct shared *shared;
    struct meters *m[WORKERS];
    struct one *one; /* their results */
    uint64_t packet;
};

static void crowd_init(struct crowd *c, struct pbc_meter def)
{
    *c = (struct crowd){.def = def, .one = calloc(WORKERS, sizeof *c->one)};
    c->p = (struct program){.meters = &c->def, .meters_count = 1};
    c->shared = shared_new(&c->p, NULL, NULL, 1000);
    for (unsigned i = 0; i < WORKERS; i++) {
        c->m[i] = meters_new(&c->p, 1);
        meters_share(c->m[i], &(struct share){.all = c->shared, .hear = hear, .arg = &c->one[i]}, WORKERS);
    }
}

static void crowd_fini(struct crowd *c)
{
    for (unsigned i = 0; i < WORKERS; i++) meters_free(c->m[i]);
    shared_free(c->shared);
    free(c->one);
}

static bool crowd_ask(struct crowd *c, unsigned worker, uint64_t now)
{
    meters_at(c->m[worker], now);
    return meter_ask(c->m[worker], 0, &any, c->packet++) == METER_WITHIN;
}

/* Slow rates are exact, because nothing is leased in advance. */
static void slow_meters_are_exact(void **state)
{
    (void)state;
    struct crowd c;
    struct rng r = {1};
    uint64_t now = 1000;
    crowd_init(&c, (struct pbc_meter){.count = 7, .per_ns = 3600 * UINT64_C(1000000000), .burst = 7});
    struct meters *alone = meters_new(&c.p, 1);
    for (unsigned i = 0; i < 5000; i++) {
        now += rng_next(&r) % (600 * UINT64_C(1000000000));
        meters_at(alone, now);
        assert_int_equal(crowd_ask(&c, rng_below(&r, WORKERS), now), meter_ask(alone, 0, &any, i) == METER_WITHIN);
    }
    meters_free(alone);
    crowd_fini(&c);
}

/* Accepted packets conform to a bucket that is larger by the leases, and none is rejected while a bucket of the
 * nominal size, after the same packets, has more tokens than the leases. Some workers get more packets than others,
 * and pause. */
static void check_leases(struct pbc_meter def, uint64_t seed)
{
    struct crowd c;
    struct rng r = {seed};
    const int64_t token = 1000000000, second = def.per_ns == 1000000000 ? (int64_t)def.count : 0,
                  least = second < (int64_t)def.burst ? second : (int64_t)def.burst,
                  error = WORKERS * (least / 16 / WORKERS + 1) * token, full = (int64_t)def.burst * token;
    int64_t strict = full, wide = full + error;
    uint64_t now = 1000;
    crowd_init(&c, def);
    for (unsigned i = 0; i < 40000; i++) {
        const uint64_t some = 2 * 1000000000 / def.count, pause = rng_one_in(&r, 500) ? 700000000 : 0;
        const int64_t gone = (int64_t)(rng_next(&r) % some + rng_next(&r) % (pause + 1));
        const unsigned worker = rng_one_in(&r, 4) ? rng_below(&r, WORKERS) : i / 5000 % WORKERS;
        now += (uint64_t)gone;
        strict = strict + gone * second < full ? strict + gone * second : full;
        wide = wide + gone * second < full + error ? wide + gone * second : full + error;
        const bool within = crowd_ask(&c, worker, now);
        if (within && wide < token) fail_msg("step %u: within, but none may be left", i);
        if (!within && strict > error) fail_msg("step %u: over, but %lld are left", i, (long long)(strict / token));
        if (within) strict -= token, wide -= token;
        for (unsigned k = 0; k < WORKERS && rng_one_in(&r, 10); k++) {
            meters_at(c.m[k], now);
            meters_sweep(c.m[k]);
        }
    }
    crowd_fini(&c);
}

static void leases_are_bounded(void **state)
{
    (void)state;
    const uint64_t second = 1000000000;
    check_leases((struct pbc_meter){.count = 1600, .per_ns = second, .burst = 1600}, 1);
    check_leases((struct pbc_meter){.count = 1600, .per_ns = second, .burst = 100}, 2);
    check_leases((struct pbc_meter){.count = 100, .per_ns = second, .burst = 1}, 3);
    check_leases((struct pbc_meter){.count = 999999, .per_ns = second, .burst = 5000}, 4);
}

/* Unused leases return a second later. */
static void leases_go_back(void **state)
{
    (void)state;
    struct crowd c;
    crowd_init(&c, (struct pbc_meter){.count = 4800, .per_ns = UINT64_C(1000000000), .burst = 48000});
    uint64_t left, now = 1000;
    assert_true(crowd_ask(&c, 0, now));
    meters_at(c.m[1], now);
    assert_int_equal(meter_peek(c.m[1], &c.p, 0, &any, &left), METER_WITHIN);
    assert_int_equal(left, 47900); /* a lease is 4800 / 16 / 3 */
    meter_peek(c.m[0], &c.p, 0, &any, &left);
    assert_int_equal(left, 47999);
    for (unsigned i = 0; i < 47900; i++) assert_true(crowd_ask(&c, 1, now));
    assert_false(crowd_ask(&c, 1, now));
    assert_true(meters_sweep(c.m[0]));
    now += UINT64_C(1000000000);
    meters_at(c.m[0], now);
    assert_false(meters_sweep(c.m[0]));
    meters_at(c.m[1], now);
    meter_peek(c.m[1], &c.p, 0, &any, &left);
    assert_int_equal(left, 4800 + 99);
    crowd_fini(&c);
}

static void *drink(void *arg)
{
    struct one *o = arg;
    meters_at(o->meters, 1000);
    for (unsigned i = 0; i < 20000; i++) o->within += meter_ask(o->meters, 0, &any, i) == METER_WITHIN;
    return NULL;
}

static void meters_at_once(void **state)
{
    (void)state;
    struct crowd c;
    pthread_t thread[WORKERS];
    unsigned within = 0;
    crowd_init(&c, (struct pbc_meter){.count = 4800, .per_ns = UINT64_C(1000000000), .burst = 4800});
    for (unsigned i = 0; i < WORKERS; i++) {
        c.one[i].meters = c.m[i];
        assert_int_equal(pthread_create(&thread[i], NULL, drink, &c.one[i]), 0);
    }
    for (unsigned i = 0; i < WORKERS; i++) pthread_join(thread[i], NULL);
    for (unsigned i = 0; i < WORKERS; i++) within += c.one[i].within;
    assert_int_equal(within, 4800); /* all requested until nothing was left */
    crowd_fini(&c);
}

/* The same results come again from what each got; and the bucket continues in the next program. */
static void told_once_more(void **state)
{
    (void)state;
    struct crowd c;
    struct rng r = {7};
    uint64_t now = 1000;
    bool said[3000];
    unsigned who[3000];
    crowd_init(&c, (struct pbc_meter){.count = 960, .per_ns = UINT64_C(1000000000), .burst = 960});
    for (unsigned i = 0; i < 3000; i++)
        said[i] = crowd_ask(&c, who[i] = rng_below(&r, WORKERS), now += rng_below(&r, 500000));
    for (unsigned k = 0; k < WORKERS; k++) {
        struct one again = {.again = &c.one[k]};
        struct meters *m = meters_new(&c.p, 1);
        struct rng same = {7};
        meters_share(m, &(struct share){.hear = hear, .arg = &again}, WORKERS);
        now = 1000;
        for (unsigned i = 0; i < 3000; i++) {
            rng_below(&same, WORKERS);
            now += rng_below(&same, 500000);
            if (who[i] != k) continue;
            meters_at(m, now);
            assert_int_equal(meter_ask(m, 0, &any, i) == METER_WITHIN, said[i]);
        }
        assert_int_equal(again.told_at, c.one[k].told_count);
        meters_free(m);
    }
    uint32_t was[] = {0};
    const struct remap next = {.meter = was};
    struct shared *later = shared_new(&c.p, c.shared, &next, now);
    assert_ptr_equal(later->meters[0], c.shared->meters[0]);
    shared_free(c.shared);
    c.shared = later;
    crowd_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_are_counted_together),
        cmocka_unit_test(places_go_back),
        cmocka_unit_test(never_more_at_once),
        cmocka_unit_test(goes_on_in_the_next_program),
        cmocka_unit_test(slow_meters_are_exact),
        cmocka_unit_test(leases_are_bounded),
        cmocka_unit_test(leases_go_back),
        cmocka_unit_test(meters_at_once),
        cmocka_unit_test(told_once_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
