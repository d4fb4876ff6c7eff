/* Source ports: unique, exhausted exactly, and slices that share nothing and omit nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/rng.h"
#include "vm/forward/bind/ports.h"
#include "vm/forward/bind/ports_priv.h"

enum { PORTS = 65536 };
static const struct vm_cfg alone;

static uint32_t ports_in_slice(const struct ports *p)
{
    uint32_t n = 0;
    for (uint32_t port = p->lo; port <= p->hi; port++) n += port_slice((uint16_t)port, p->workers) == p->worker;
    return n;
}

static void all_are_given_once(void **state)
{
    (void)state;
    const struct {
        uint16_t lo, hi;
    } ranges[] = {{61000, 65535}, {1024, 65535}, {1, 1}, {65535, 65535}, {1000, 1063}, {1, 65535}};
    for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        struct ports *p = ports_new(3, ranges[i].lo, ranges[i].hi, &alone, false, i);
        static bool seen[PORTS];
        memset(seen, 0, sizeof seen);
        const uint32_t most = (uint32_t)ranges[i].hi - ranges[i].lo + 1;
        assert_int_equal(ports_in_slice(p), most);
        for (uint32_t n = 0; n < most; n++) {
            const uint16_t port = port_take(p, 1, 0);
            assert_in_range(port, ranges[i].lo, ranges[i].hi);
            assert_false(seen[port]);
            seen[port] = true;
        }
        assert_int_equal(port_take(p, 1, 0), 0);
        assert_int_equal(p->maps[1].count, most);
        assert_int_equal(p->maps[2].count, 0); /* spaces are independent */
        port_give(p, 1, ranges[i].lo);
        assert_int_equal(port_take(p, 1, ranges[i].hi), ranges[i].lo);
        ports_free(p);
    }
}

static void a_wish_is_granted(void **state)
{
    (void)state;
    struct ports *p = ports_new(1, 2000, 2999, &alone, false, 7);
    assert_int_equal(port_take(p, 0, 2345), 2345);
    assert_int_not_equal(port_take(p, 0, 2345), 2345); /* taken */
    assert_in_range(port_take(p, 0, 80), 2000, 2999);  /* not in the range */
    port_give(p, 0, 2345);
    assert_int_equal(port_take(p, 0, 2345), 2345);
    assert_int_equal(p->maps[0].count, 3);
    ports_free(p);
}

static void slices_are_disjoint_and_whole(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 7; workers++) {
        static uint8_t owner[PORTS];
        uint32_t sum = 0;
        memset(owner, 0xff, sizeof owner);
        for (unsigned w = 0; w < workers; w++) {
            struct ports *p = ports_new(1, 1024, 65535, &(struct vm_cfg){.worker = w, .workers = workers}, false, 3);
            uint32_t given = 0;
            for (uint16_t port; (port = port_take(p, 0, 0)); given++) {
                assert_int_equal(owner[port], 0xff);
                owner[port] = (uint8_t)w;
            }
            assert_int_equal(given, ports_in_slice(p));
            sum += given;
            ports_free(p);
        }
        assert_int_equal(sum, 65535 - 1024 + 1);
    }
}

/* Workers' replies about each other's ports, as in a recording. */
struct told {
    uint64_t all[1 << 18];
    unsigned count, at;
};
static uint64_t note(void *arg, uint64_t value)
{
    struct told *t = arg;
    return t->all[t->count++] = value;
}
static uint64_t repeat(void *arg, uint64_t value)
{
    struct told *t = arg;
    (void)value;
    return t->all[t->at++];
}

enum { WORKERS = 8, LO = 61000, HI = 61999, RANGE = HI - LO + 1, SPACES = 2 };
static struct port_owners table;
static struct shared all = {.ports = &table};

static struct ports *worker_of(unsigned w, struct told *t)
{
    const struct vm_cfg cfg = {.worker = w, .workers = WORKERS, .share = {.all = &all, .hear = note, .arg = t}};
    return ports_new(SPACES, LO, HI, &cfg, true, w);
}

static void owners_are_none(void)
{
    for (uint32_t i = 0; i < PORTS; i++) assert_int_equal(table.of[i], 0);
}

/* A single worker gets the whole range, first its slice; then others get none until it returns some. */
static void one_range_for_all(void **state)
{
    (void)state;
    static struct told t;
    struct ports *a = worker_of(3, &t), *b = worker_of(4, &t);
    const uint32_t slice = ports_in_slice(a);
    for (uint32_t i = 0; i < RANGE; i++) {
        const uint16_t port = port_take(a, 0, 0);
        assert_in_range(port, LO, HI);
        assert_int_equal(port_slice(port, WORKERS) == 3, i < slice);
        assert_int_equal(port_owner(table.of[port], port, WORKERS), 3);
        if (i < RANGE / 2) assert_false(ports_are_short(a, 0));
    }
    assert_int_equal(port_take(a, 0, 0), 0);
    assert_true(ports_are_short(a, 0));
    assert_int_equal(port_take(b, 0, 0), 0);
    assert_int_equal(port_take(b, 1, 0), 0); /* a port has the same owner in all spaces */
    assert_int_not_equal(port_take(a, 1, 0), 0);
    port_give(a, 0, LO + 5);
    port_give(a, 0, LO + 6);
    assert_in_range(port_take(b, 1, 0) + port_take(b, 0, LO + 6), LO + 5, HI + LO + 6);
    ports_free(a);
    ports_free(b);
    owners_are_none();
}

/* Workers take and return ports at random: no port has two owners at once. */
static void no_port_has_two_owners(void **state)
{
    (void)state;
    static struct told t[WORKERS];
    static uint8_t has[WORKERS][SPACES][PORTS];
    struct ports *p[WORKERS];
    struct rng r = {23};
    unsigned held = 0, borrowed = 0;
    for (unsigned w = 0; w < WORKERS; w++) p[w] = worker_of(w, &t[w]);
    for (unsigned step = 0; step < 60000; step++) {
        const unsigned w = rng_below(&r, rng_one_in(&r, 2) ? WORKERS : 2), s = rng_below(&r, SPACES);
        const uint16_t at = (uint16_t)(LO + rng_below(&r, RANGE));
        if (has[w][s][at]) {
            port_give(p[w], s, at);
            has[w][s][at] = 0;
            held--;
            continue;
        }
        const uint16_t got = port_take(p[w], s, rng_one_in(&r, 4) ? at : 0);
        if (!got) continue;
        assert_false(has[w][s][got]);
        for (unsigned o = 0; o < WORKERS; o++)
            for (unsigned i = 0; i < SPACES && o != w; i++) assert_false(has[o][i][got]);
        assert_int_equal(port_owner(table.of[got], got, WORKERS), w);
        borrowed += port_slice(got, WORKERS) != w;
        has[w][s][got] = 1;
        held++;
    }
    assert_in_range(borrowed, 100, 60000);
    for (unsigned w = 0; w < WORKERS; w++) ports_free(p[w]);
    owners_are_none();
}

/* A replay of a single worker draws the same ports from its recorded replies, which may also be nonsense. */
static void a_replay_draws_the_same(void **state)
{
    (void)state;
    static struct told t, other;
    static uint16_t got[RANGE];
    struct ports *a = worker_of(0, &t), *b = worker_of(1, &other);
    for (unsigned i = 0; i < RANGE; i++) {
        got[i] = port_take(a, 0, i % 7 ? 0 : (uint16_t)(LO + i));
        if (i % 3 == 0) port_take(b, 0, 0);
        if (i % 5 == 0 && got[i]) port_give(a, 0, got[i]);
    }
    ports_free(a);
    ports_free(b);
    owners_are_none();
    for (unsigned hostile = 0; hostile < 2; hostile++) {
        const struct vm_cfg cfg = {.worker = 0, .workers = WORKERS, .share = {.hear = repeat, .arg = &t}};
        struct ports *again = ports_new(SPACES, LO, HI, &cfg, true, 0);
        struct rng r = {5};
        t.at = 0;
        for (unsigned i = 0; hostile && i < t.count; i++)
            t.all[i] = rng_one_in(&r, 2) ? rng_next(&r) : rng_below(&r, 1 << 19);
        for (unsigned i = 0; i < RANGE; i++) {
            const uint16_t port = port_take(again, 0, i % 7 ? 0 : (uint16_t)(LO + i));
            if (!hostile) assert_int_equal(port, got[i]);
            if (port) assert_in_range(port, LO, HI);
            if (i % 5 == 0 && port) port_give(again, 0, port);
        }
        ports_free(again);
    }
}

/* Taking and returning at random, against a plain list of bits. */
static void like_a_plain_list(void **state)
{
    (void)state;
    enum { FIRST = 5000, LAST = 5200, MANY = 5 };
    static bool taken[MANY][PORTS];
    struct rng r = {11};
    struct ports *p = ports_new(MANY, FIRST, LAST, &alone, false, 5);
    unsigned used[MANY] = {0};
    for (unsigned step = 0; step < 200000; step++) {
        const unsigned s = rng_below(&r, MANY);
        const uint16_t port = (uint16_t)(FIRST + rng_below(&r, LAST - FIRST + 1));
        if (taken[s][port]) {
            port_give(p, s, port);
            taken[s][port] = false;
            used[s]--;
        } else if (!rng_one_in(&r, 3)) {
            const uint16_t got = port_take(p, s, rng_one_in(&r, 2) ? port : 0);
            assert_in_range(got, FIRST, LAST);
            assert_false(taken[s][got]);
            taken[s][got] = true;
            used[s]++;
        }
        assert_int_equal(p->maps[s].count, used[s]);
    }
    ports_free(p);
}

/* Further ranges are drawn once the first is taken, and then completely. */
static void further_ranges(void **state)
{
    (void)state;
    static const struct facts_range more[] = {{1024, 1024}, {1100, 1199}, {40000, 40099}};
    static bool seen[PORTS];
    struct ports *p = ports_new(1, 65500, 65535, &alone, false, 4);
    ports_more(p, more, 3);
    for (unsigned i = 0; i < 36 + 201; i++) {
        const uint16_t port = port_take(p, 0, 0);
        assert_int_equal(port >= 65500, i < 36);
        assert_true(port >= 65500 || port == 1024 || (port >= 1100 && port < 1200) || (port >= 40000 && port < 40100));
        assert_false(seen[port]);
        seen[port] = true;
        assert_int_equal(ports_are_short(p, 0), i + 1 > 237 - 237 / 8);
    }
    assert_int_equal(port_take(p, 0, 0), 0);
    port_give(p, 0, 1024);
    assert_int_equal(port_take(p, 0, 0), 1024);
    ports_more(p, NULL, 0); /* its flow keeps the port, and nobody gets it after that */
    port_give(p, 0, 1024);
    assert_int_equal(port_take(p, 0, 0), 0);
    for (unsigned i = 0; i < 100; i++) assert_in_range(ports_any(p), 65500, 65535);
    ports_free(p);
}

/* A peer that sees some ports can't predict the next: two seeds give different orders, and none is by number. */
static void the_order_is_the_seeds(void **state)
{
    (void)state;
    struct ports *a = ports_new(1, 1024, 65535, &alone, false, 1), *b = ports_new(1, 1024, 65535, &alone, false, 2);
    unsigned same = 0, next = 0;
    uint16_t last = 0;
    for (unsigned i = 0; i < 1000; i++) {
        const uint16_t x = port_take(a, 0, 0), y = port_take(b, 0, 0);
        same += x == y;
        next += x == last + 1;
        last = x;
    }
    assert_in_range(same, 0, 5);
    assert_in_range(next, 0, 20);
    ports_free(a);
    ports_free(b);
    ports_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_are_given_once),
                                       cmocka_unit_test(a_wish_is_granted),
                                       cmocka_unit_test(slices_are_disjoint_and_whole),
                                       cmocka_unit_test(one_range_for_all),
                                       cmocka_unit_test(no_port_has_two_owners),
                                       cmocka_unit_test(a_replay_draws_the_same),
                                       cmocka_unit_test(like_a_plain_list),
                                       cmocka_unit_test(further_ranges),
                                       cmocka_unit_test(the_order_is_the_seeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
