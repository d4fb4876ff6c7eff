/* Members whose flows must end (vm/judge/lives.h): rounds against a plain list, lists without room, threads; and a
 * live worker's walk, in parts. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/compiler.h"
#include "tests/lib/note.h"
#include "tests/lib/rng.h"
#include "vm/judge/lives.h"
#include "vm/vm.h"

static void draw_address(struct rng *r, bool v6, uint32_t a[4])
{
    memset(a, 0, 4 * sizeof *a);
    for (unsigned i = 0; i < 3; i++) {
        const unsigned bit = rng_below(r, v6 ? 128 : 32);
        a[bit / 32] |= UINT32_C(1) << (31 - bit % 32);
    }
}

static struct live_net draw_net(struct rng *r)
{
    static const uint8_t lens[2][6] = {{32, 32, 24, 8, 0, 31}, {128, 128, 64, 63, 65, 0}};
    struct live_net net = {.v6 = rng_one_in(r, 2)};
    uint32_t unused[4];
    net.len = lens[net.v6][rng_below(r, 6)];
    draw_address(r, net.v6, net.addr);
    live_net_ends(&net, net.addr, unused);
    return net;
}

static bool net_has(const struct live_net *net, const uint32_t addr[4], bool v6)
{
    uint32_t lo[4], hi[4];
    if (net->v6 != v6) return false;
    live_net_ends(net, lo, hi);
    for (unsigned i = 0; i < (v6 ? 4 : 1); i++) {
        if (addr[i] < lo[i]) return false;
        if (addr[i] > hi[i]) return false;
        if (lo[i] != hi[i]) return true;
    }
    return true;
}

enum { ASKS = 40, SLACK = 5 };
struct asked {
    struct live_net net;
    uint32_t set;
    uint64_t until;
    uint64_t round;
};

static uint64_t told[FLOW_CUTS_SETS];
static void tell(void *arg, uint32_t set, uint64_t flows)
{
    *(uint64_t *)arg += flows;
    told[set] += flows;
}

static bool any_has(const struct asked *a, unsigned count, uint64_t round, const struct flow_cuts_flow *f)
{
    for (unsigned i = 0; i < count; i++)
        for (unsigned e = 0; e < f->count; e++)
            if (a[i].round == round && f->began_ns <= a[i].until && net_has(&a[i].net, f->of[e].addr, f->of[e].v6))
                return true;
    return false;
}

static void rounds_cover_what_was_asked_before(void **state)
{
    struct rng r = {.state = 7};
    unsigned covered = 0, spared = 0;
    (void)state;
    for (unsigned run = 0; run < 60; run++) {
        struct asked asked[ASKS];
        uint64_t now = 1000, sum = 0, ends = 0;
        struct flow_cuts *c =
            flow_cuts_new(&(struct flow_cuts_cfg){.most = ASKS, .slack_ns = SLACK, .seed = rng_next(&r)});
        assert_non_null(c);
        assert_false(flow_cuts_begin(c, now));
        unsigned count = 0;
        while (count < ASKS) {
            const unsigned more = 1 + rng_below(&r, 4);
            for (unsigned i = 0; i < more && count < ASKS; i++, count++) {
                asked[count] =
                    (struct asked){.net = draw_net(&r), .set = rng_below(&r, 3), .round = flow_cuts_number(c) + 1};
                asked[count].until = now + SLACK;
                flow_cuts_ask(c, asked[count].set, &asked[count].net, now);
                now += rng_below(&r, 3);
            }
            assert_true(flow_cuts_wait(c));
            assert_true(flow_cuts_begin(c, now));
            assert_false(flow_cuts_wait(c));
            assert_true(flow_cuts_due(c, 0) && flow_cuts_due(c, FLOW_CUTS_LOOPS));
            const uint64_t round = flow_cuts_number(c);
            const struct live_net late = draw_net(&r); /* requested meanwhile, so it belongs to the next round */
            if (count < ASKS) {
                asked[count] = (struct asked){.net = late, .set = 1, .until = now + SLACK, .round = round + 1};
                flow_cuts_ask(c, 1, &late, now);
                count++;
                assert_false(flow_cuts_begin(c, now));
            }
            for (unsigned i = 0; i < 200; i++) {
                uint32_t one[4], two[4];
                const bool v6 = rng_one_in(&r, 2), other = rng_one_in(&r, 4) ? !v6 : v6;
                draw_address(&r, v6, one);
                draw_address(&r, other, two);
                const struct flow_cuts_flow f = {
                    .of = {{one, v6}, {two, other}}, .count = 2, .began_ns = now - 4 + rng_below(&r, 12)};
                uint64_t *const ended = flow_cuts_cover(c, NULL, &f);
                assert_int_equal(ended != NULL, any_has(asked, count, round, &f));
                if (!ended) spared++;
                if (!ended) continue;
                covered++;
                ends++;
                ++*ended;
            }
            assert_false(flow_cuts_done(c, 0));
            flow_cuts_walked(c, 0);
            assert_true(flow_cuts_done(c, 0) && !flow_cuts_done(c, 1));
            assert_false(flow_cuts_due(c, 0));
            flow_cuts_walked(c, 1);
            flow_cuts_end(c, tell, &sum);
            assert_int_equal(sum, ends);
            assert_false(flow_cuts_due(c, 2));
        }
        flow_cuts_free(c);
    }
    assert_true(covered > 1000 && spared > 1000);
}

static struct live_net host(uint32_t addr) { return (struct live_net){.addr = {addr}, .len = 32}; }
static const struct flow_cuts_flow *between(uint32_t a, uint32_t b)
{
    static uint32_t one[4], two[4];
    static struct flow_cuts_flow f;
    one[0] = a, two[0] = b;
    f = (struct flow_cuts_flow){.of = {{one, false}, {two, false}}, .count = 2, .began_ns = 5};
    return &f;
}

/* A list without room covers all members of its set, which its walkers find in their own sets; no cut is lost. */
static void without_room_all_members_are_meant(void **state)
{
    uint64_t sum = 0;
    (void)state;
    struct flow_cuts *c = flow_cuts_new(&(struct flow_cuts_cfg){.most = 4, .seed = 1});
    struct live_set *sets[] = {live_new(&(struct live_cfg){.size = 100, .seed = 1}),
                               live_new(&(struct live_cfg){.size = 100, .seed = 2})};
    const struct lives l = {.now_ms = 1, .count = 2, .sets = {sets[0], sets[1]}, .named = {9, 200}};
    for (uint32_t i = 1; i <= 6; i++) {
        const struct live_net net = host(i);
        live_add(sets[1], 1, &net, LIVE_FOREVER, LIVE_SET);
        flow_cuts_ask(c, 200, &net, 10);
    }
    const struct live_net spared = host(77);
    live_add(sets[0], 1, &spared, LIVE_FOREVER, LIVE_SET);
    assert_true(flow_cuts_begin(c, 10));
    memset(told, 0, sizeof told);
    for (uint32_t i = 1; i <= 6; i++) {
        uint64_t *const ended = flow_cuts_cover(c, &l, between(1000, i));
        assert_non_null(ended);
        ++*ended;
    }
    assert_null(flow_cuts_cover(c, NULL, between(1000, 6))); /* a program without live sets doesn't have the member */
    assert_null(flow_cuts_cover(c, &l, between(1000, 77)));
    assert_null(flow_cuts_cover(c, &l, between(1000, 7)));
    const struct live_net first = host(1), last = host(6);
    assert_int_equal(flow_cuts_ended(c, 200, &first), 1);
    assert_int_equal(flow_cuts_ended(c, 200, &last), 2);
    flow_cuts_walked(c, 0);
    flow_cuts_end(c, tell, &sum);
    assert_int_equal(told[200], 6);
    flow_cuts_ask(c, 200, &first, 10);
    assert_true(flow_cuts_begin(c, 10));
    assert_null(flow_cuts_cover(c, &l, between(1000, 6))); /* the next round has room again */
    assert_non_null(flow_cuts_cover(c, &l, between(1, 1000)));
    flow_cuts_free(c);
    live_free(sets[0]);
    live_free(sets[1]);
}

static void a_round_rests_before_it_begins(void **state)
{
    (void)state;
    struct flow_cuts *c = flow_cuts_new(&(struct flow_cuts_cfg){.most = 4, .rest_ns = 100, .seed = 1});
    const struct live_net net = host(1), other = host(2);
    assert_int_equal(flow_cuts_due_ns(c), UINT64_MAX);
    flow_cuts_ask(c, 0, &net, 10);
    assert_int_equal(flow_cuts_due_ns(c), 0);
    assert_false(flow_cuts_begin(c, 50));
    assert_true(flow_cuts_under_way(c));
    assert_false(flow_cuts_due(c, 0));
    assert_false(flow_cuts_done(c, 0));
    assert_int_equal(flow_cuts_due_ns(c), 150);
    flow_cuts_ask(c, 0, &other, 60);
    assert_false(flow_cuts_begin(c, 149));
    assert_true(flow_cuts_begin(c, 150));
    assert_true(flow_cuts_due(c, 0));
    assert_non_null(flow_cuts_cover(c, NULL, between(1, 3)));
    assert_null(flow_cuts_cover(c, NULL, between(2, 3)));
    flow_cuts_free(c);
}

/* ---- threads ---- */

enum { THREADS = 4, EACH = 20000 };
static struct flow_cuts *shared;
static unsigned at_work;
static uint8_t found[THREADS * EACH];

static void *asks(void *arg)
{
    const uint32_t from = (uint32_t)(uintptr_t)arg * EACH;
    for (uint32_t i = 0; i < EACH; i++) {
        const struct live_net net = host(from + i);
        flow_cuts_ask(shared, 0, &net, 10);
    }
    __atomic_fetch_sub(&at_work, 1, __ATOMIC_RELEASE);
    return NULL;
}

static int walks_over;
static void *walks(void *arg)
{
    const unsigned walker = (unsigned)(uintptr_t)arg;
    while (!__atomic_load_n(&walks_over, __ATOMIC_ACQUIRE)) {
        if (!flow_cuts_due(shared, walker)) continue;
        for (uint32_t i = walker; i < THREADS * EACH; i += 2) {
            uint32_t addr[4] = {i};
            const struct flow_cuts_flow f = {.of = {{addr, false}}, .count = 1};
            uint64_t *const ended = flow_cuts_cover(shared, NULL, &f);
            if (ended) __atomic_fetch_add(ended, 1, __ATOMIC_RELAXED), found[i] = 1;
        }
        flow_cuts_walked(shared, walker);
    }
    return NULL;
}

static void no_cut_is_lost_among_threads(void **state)
{
    pthread_t t[THREADS], w[2];
    uint64_t sum = 0;
    (void)state;
    shared = flow_cuts_new(&(struct flow_cuts_cfg){.most = THREADS * EACH, .seed = 3});
    at_work = THREADS;
    for (uintptr_t i = 0; i < THREADS; i++) pthread_create(&t[i], NULL, asks, (void *)i);
    for (uintptr_t i = 0; i < 2; i++) pthread_create(&w[i], NULL, walks, (void *)i);
    while (__atomic_load_n(&at_work, __ATOMIC_ACQUIRE) || flow_cuts_under_way(shared) || flow_cuts_wait(shared)) {
        if (flow_cuts_under_way(shared) && flow_cuts_done(shared, 0) && flow_cuts_done(shared, 1))
            flow_cuts_end(shared, tell, &sum);
        flow_cuts_begin(shared, 0);
    }
    __atomic_store_n(&walks_over, 1, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    for (unsigned i = 0; i < 2; i++) pthread_join(w[i], NULL);
    for (uint32_t i = 0; i < THREADS * EACH; i++) assert_true(found[i]);
    assert_int_equal(sum, THREADS * EACH);
    flow_cuts_free(shared);
}

/* ---- a live worker ---- */

enum { FLOWS = 1000, EVENTS = 64 };
struct world {
    struct program *program;
    struct vm *vm;
    struct flow_cuts *cuts;
    uint64_t now_ns;
    struct tx_entry entries[8];
    struct vm_tx tx;
};

static void world_run(struct world *w, uint32_t from, uint32_t to, uint16_t port)
{
    static struct note note;
    char text[120], why[256];
    snprintf(text, sizeof text, "eth / ip4 %u.%u.%u.%u > %u.%u.%u.%u / udp %u > 53", from >> 24, from >> 16 & 255,
             from >> 8 & 255, from & 255, to >> 24, to >> 16 & 255, to >> 8 & 255, to & 255, port);
    if (note_parse(text, &note, why, sizeof why)) fail_msg("%s: %s", text, why);
    struct pkt pkt;
    struct verdict v;
    const struct vm_in in = {.mono_ns = w->now_ns};
    note_view(&note, IFACE_NONE, &pkt);
    vm_run(w->vm, &in, (struct pkt *const[]){&pkt}, 1, &v, &w->tx);
    assert_int_equal(v.action, ACTION_ACCEPT);
}

static void a_live_worker_walks_in_parts(void **state)
{
    static const char rules[] = "firewall f default drop { accept state established; accept state new udp }\n"
                                "limits { flows 10_000 }\n";
    struct compile c;
    char why[256];
    struct world w = {.now_ns = 1000000000};
    (void)state;
    compile_init(&c);
    assert_int_equal(compile_text(&c, "rules", rules, strlen(rules)), 0);
    w.program = program_load(c.pbc, c.pbc_len, why, sizeof why);
    compile_fini(&c);
    w.cuts = flow_cuts_new(&(struct flow_cuts_cfg){.most = 10, .slack_ns = 1000, .seed = 1});
    w.tx = (struct vm_tx){.entries = w.entries, .cap = 8};
    w.vm = vm_new(w.program, &(struct vm_cfg){.seed = 5, .live = true, .cuts = w.cuts});
    assert_non_null(w.vm);
    for (unsigned i = 0; i < FLOWS; i++)
        world_run(&w, i % 2 ? 0x0a000001 : 0x0a000002, 0xc0000201, (uint16_t)(1000 + i));
    const struct live_net net = host(0x0a000001);
    flow_cuts_ask(w.cuts, 0, &net, w.now_ns);
    w.now_ns += 5000;
    world_run(&w, 0x0a000001, 0xc0000201, 60000); /* it begins later, and continues */
    assert_false(vm_cut_due(w.vm));
    assert_true(flow_cuts_begin(w.cuts, w.now_ns));
    unsigned ticks = 0;
    uint64_t most = 0;
    const struct vm_in in = {.mono_ns = w.now_ns};
    for (uint64_t before = 0; vm_cut_due(w.vm) && ticks < 10000; ticks++) {
        vm_tick(w.vm, &in, &w.tx);
        const uint64_t now = vm_counters(w.vm)->flows->ended[FLOW_END_CUT];
        if (now - before > most) most = now - before;
        before = now;
    }
    assert_int_equal(vm_counters(w.vm)->flows->ended[FLOW_END_CUT], FLOWS / 2);
    assert_int_equal(flow_cuts_ended(w.cuts, 0, &net), FLOWS / 2);
    assert_true(flow_cuts_done(w.cuts, 0));
    assert_true(most <= 64 && ticks >= FLOWS / 128);
    vm_free(w.vm);
    flow_cuts_free(w.cuts);
    program_put(w.program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_cover_what_was_asked_before), cmocka_unit_test(without_room_all_members_are_meant),
        cmocka_unit_test(a_round_rests_before_it_begins),     cmocka_unit_test(no_cut_is_lost_among_threads),
        cmocka_unit_test(a_live_worker_walks_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
