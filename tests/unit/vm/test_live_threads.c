/* A live set that sixteen threads change while others read it. Each key's halves determine each other, so that a
 * torn key is noticed. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/rng.h"
#include "vm/judge/lives.h"

enum {
    WRITERS = 16,
    LOOKERS = 2,
    STEPS = 8000,
    OWN = 1 << 20 /* keys from here on belong to one writer */
};
/* A large set, and one of two groups whose slots change all the time. */
static const struct shape {
    uint32_t size, keys;
    uint32_t kept; /* permanent members, from before the threads start: the first keys */
    uint32_t tick; /* steps of all writers per millisecond */
} shapes[] = {{1000, 3000, 50, 200}, {20, 60, 3, 30}};

static const struct shape *shape;
static struct live_set *set;
static uint64_t now_ms;
static unsigned running, faults, looks;

static uint64_t now(void) { return __atomic_load_n(&now_ms, __ATOMIC_RELAXED); }

/* Assertions only end a test's own thread. */
static void must(bool holds, const char *what)
{
    if (!holds && __atomic_fetch_add(&faults, 1, __ATOMIC_RELAXED) < 10) print_error("%s\n", what);
}

static void mix(uint32_t i, uint32_t addr[4])
{
    addr[0] = i;
    addr[1] = ~i;
    addr[2] = i * 2654435761u;
    addr[3] = addr[2] ^ 0x5a5a5a5a;
}

static struct live_net key_net(uint32_t i)
{
    struct live_net net = {.len = 128, .v6 = true};
    mix(i, net.addr);
    return net;
}

/* Draw an end; those of odd keys are odd, so that one with another's end is noticed. */
static uint64_t draw_end(struct rng *r, uint32_t i) { return ((now() + 2 + rng_below(r, 40)) & ~UINT64_C(1)) + i % 2; }

/* Add a writer's own network with one of nine lengths permanently: it is there at once, and to its end, even while
 * others remove lengths. */
static void own_network(struct rng *r, unsigned writer)
{
    const struct live_net net = {.addr = {writer << 28}, .len = (uint8_t)(4 + rng_below(r, 9))};
    const uint32_t within[4] = {net.addr[0] + 1};
    const enum live_said said = live_add(set, now(), &net, LIVE_FOREVER, LIVE_SET);
    if (said != LIVE_ADDED) {
        must(said == LIVE_LENGTHS || said == LIVE_FULL, "a network is neither added nor refused");
        return;
    }
    must(live_has(set, now(), within, false), "an added network is not there");
    must(live_remove(set, now(), &net) == LIVE_REMOVED, "an added network was not there to its end");
    must(!live_has(set, now(), within, false), "a removed network is there");
}

static void own_key(uint32_t i)
{
    const struct live_net net = key_net(i);
    uint64_t end;
    if (live_add(set, now(), &net, LIVE_FOREVER, LIVE_SET) != LIVE_ADDED) return;
    must(live_find(set, now(), &net, &end) && end == LIVE_FOREVER, "an added key is not there");
    must(live_remove(set, now(), &net) == LIVE_REMOVED, "an added key was not there to its end");
    must(!live_has(set, now(), net.addr, true), "a removed key is there");
}

static void *write_some(void *arg)
{
    const unsigned writer = *(const unsigned *)arg;
    struct rng r = {writer};
    for (unsigned step = 0; step < STEPS; step++) {
        const struct live_net net = key_net(shape->kept + rng_below(&r, shape->keys));
        const unsigned drawn = rng_below(&r, 100);
        if (drawn < 60)
            live_add(set, now(), &net, draw_end(&r, net.addr[0]), (enum live_how)rng_below(&r, 3));
        else if (drawn < 80)
            live_remove(set, now(), &net);
        else if (drawn < 90)
            own_key(OWN + writer);
        else if (drawn < 98)
            own_network(&r, writer);
        else
            live_sweep(set, now(), 4);
        if (rng_one_in(&r, shape->tick)) __atomic_fetch_add(&now_ms, 1, __ATOMIC_RELAXED);
    }
    __atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
    return NULL;
}

static bool end_fits(uint32_t i, uint64_t end)
{
    return i < shape->kept || i >= OWN ? end == LIVE_FOREVER : end % 2 == i % 2;
}

static void look_at_list(void)
{
    struct live_entry out[64];
    uint32_t addr[4];
    uint64_t at = 0;
    unsigned kept = 0;
    for (unsigned n; (n = live_list(set, now(), &at, out, 64));)
        for (unsigned i = 0; i < n; i++) {
            if (!out[i].net.v6) continue;
            mix(out[i].net.addr[0], addr);
            must(memcmp(addr, out[i].net.addr, sizeof addr) == 0 && out[i].net.len == 128, "a torn key is listed");
            kept += addr[0] < shape->kept;
            must(end_fits(addr[0], out[i].end_ms), "a key is listed with another's end");
        }
    must(kept == shape->kept, "a key that was never removed is not listed, or twice");
}

static void *look(void *arg)
{
    struct rng r = {*(const unsigned *)arg};
    struct live_why why;
    uint64_t end;
    while (__atomic_load_n(&running, __ATOMIC_ACQUIRE)) {
        for (unsigned i = 0; i < 200; i++) {
            const struct live_net kept = key_net(rng_below(&r, shape->kept));
            must(live_has(set, now(), kept.addr, true), "a key that was never removed is not found");
            must(live_find(set, now(), &kept, &end) && end == LIVE_FOREVER, "a key has another's end");
            must(live_why(set, now(), kept.addr, true, &why) && why.end_ms == LIVE_FOREVER, "a key has another's end");
            struct live_net torn = key_net(shape->kept + rng_below(&r, shape->keys));
            must(!live_find(set, now(), &torn, &end) || end_fits(torn.addr[0], end), "a key has another's end");
            const struct live_net other = key_net(torn.addr[0] + 1);
            torn.addr[2] = other.addr[2], torn.addr[3] = other.addr[3];
            must(!live_has(set, now(), torn.addr, true), "a key is found that was never added");
        }
        look_at_list();
        must(live_counts(set).members <= shape->size, "more members than the size");
        __atomic_fetch_add(&looks, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

/* At the end, the counts agree with the contents, and a sweep leaves nothing: no member, no length. */
static void check_rest(void)
{
    struct live_counts c = live_counts(set);
    struct live_entry out[64];
    uint64_t at = 0, listed = 0;
    assert_int_equal(c.added - c.removed - c.expired - c.evicted, c.members);
    for (unsigned n; (n = live_list(set, 0, &at, out, 64));) listed += n;
    assert_int_equal(listed, c.members);
    assert_true(c.evicted + c.expired > 100 && c.removed > 100 && c.renewed > 100);
    live_sweep(set, LIVE_FOREVER - 1, 1000);
    assert_int_equal(live_counts(set).members, shape->kept);
    for (uint32_t i = 0; i < shape->kept; i++) {
        const struct live_net net = key_net(i);
        assert_int_equal(live_remove(set, 0, &net), LIVE_REMOVED);
    }
    for (uint8_t len = 1; len <= LIVE_LENGTHS_MOST; len++)
        for (unsigned v6 = 0; v6 < 2; v6++)
            assert_int_equal(live_add(set, 0, &(struct live_net){{0}, len, v6}, 1, LIVE_SET), LIVE_ADDED);
}

static void many_writers(const struct shape *of)
{
    pthread_t thread[WRITERS + LOOKERS];
    unsigned number[WRITERS + LOOKERS];
    shape = of;
    set = live_new(&(struct live_cfg){.size = shape->size, .seed = 1});
    assert_non_null(set);
    now_ms = 1;
    looks = 0;
    running = WRITERS;
    for (uint32_t i = 0; i < shape->kept; i++) {
        const struct live_net net = key_net(i);
        assert_int_equal(live_add(set, now(), &net, LIVE_FOREVER, LIVE_SET), LIVE_ADDED);
    }
    for (unsigned i = 0; i < WRITERS + LOOKERS; i++) {
        number[i] = i;
        assert_int_equal(pthread_create(&thread[i], NULL, i < WRITERS ? write_some : look, &number[i]), 0);
    }
    /* This thread replaces the base meanwhile, and frees none, because a look-up may take as long as the machine
     * lets it. */
    struct pbc_range even = {4, 5}, odd = {6, 7};
    for (uint64_t i = 0; i < 1000 && __atomic_load_n(&running, __ATOMIC_ACQUIRE); i++)
        assert_true(live_replace(set, &(struct live_base){i % 2 ? &odd : &even, NULL, 1, 0}));
    for (unsigned i = 0; i < WRITERS + LOOKERS; i++) pthread_join(thread[i], NULL);
    assert_int_equal(faults, 0);
    assert_true(looks > 0);
    check_rest();
    live_free(set);
}

static void in_a_large_set(void **state)
{
    (void)state;
    many_writers(&shapes[0]);
}

static void in_two_groups(void **state)
{
    (void)state;
    many_writers(&shapes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_a_large_set), cmocka_unit_test(in_two_groups)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
