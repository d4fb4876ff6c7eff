/* Meters: the arithmetic against an ideal bucket in whole numbers, and the table of keys against one bucket per key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/rng.h"
#include "vm/judge/meters/bucket.h"

typedef __int128 i128;

static const uint64_t second = 1000000000;

static struct pbc_meter packets(uint64_t count, uint64_t per_s, uint64_t burst)
{
    return (struct pbc_meter){.count = count, .per_ns = per_s * second, .burst = burst};
}

static struct pbc_meter bits(uint64_t per_s, uint64_t burst)
{
    return (struct pbc_meter){.unit = PBC_METER_BYTES, .count = per_s / 8, .per_ns = second, .burst = burst};
}

static struct key packet_of(uint32_t src, uint16_t length)
{
    return (struct key){.kind = KIND_IP4, .src = {src}, .length = length};
}

/* ---- arithmetic ---- */

/* Amount missing from a full bucket, in tokens times per_ns: exact. */
struct ideal {
    const struct pbc_meter *m;
    uint64_t now;
    i128 lacks;
};

static void ideal_at(struct ideal *i, uint64_t now)
{
    i->lacks -= (i128)(now - i->now) * (i128)i->m->count;
    if (i->lacks < 0) i->lacks = 0;
    i->now = now;
}

/* Return the tokens missing for the packet, in the same unit; at most 0: it conforms. */
static i128 ideal_short(const struct ideal *i, uint64_t tokens)
{
    return i->lacks + ((i128)tokens - (i128)i->m->burst) * (i128)i->m->per_ns;
}

/* Draw the next time: now, soon, near a token's return, exactly when the next packet conforms, or long after. */
static uint64_t next_time(struct rng *r, const struct ideal *i, uint64_t tokens)
{
    uint64_t interval = i->m->per_ns / i->m->count;
    i128 missing = ideal_short(i, tokens);
    switch (rng_below(r, 6)) {
    case 0: return i->now;
    case 1: return i->now + rng_below(r, 3);
    case 2: return i->now + interval + rng_below(r, 3) - (interval > 0);
    case 3: return i->now + (interval ? rng_next(r) % interval : 0);
    case 4:
        if (missing <= 0) return i->now;
        return i->now + (uint64_t)((missing + (i128)i->m->count - 1) / (i128)i->m->count) - rng_below(r, 2);
    default: return i->now + rng_next(r) % (16 * interval + 16) * (rng_one_in(r, 50) ? i->m->burst : 1);
    }
}

/* Run the meter and the ideal bucket on the same packets; the ideal one follows the meter's results. They may differ
 * by the amount that returns in a nanosecond, never by more, however long it takes; with exact units, not at all. */
static void check_against_ideal(const struct pbc_meter *m, uint64_t seed, unsigned steps)
{
    const struct program p = {.meters = m, .meters_count = 1};
    struct meters *all = meters_new(&p, seed);
    struct ideal ideal = {.m = m, .now = second * seed};
    struct meter_rate rate;
    struct rng r = {seed};
    assert_non_null(all);
    meter_rate_init(&rate, m);
    const i128 slack = rate.den == 1 ? 0 : (i128)m->count;
    meters_at(all, ideal.now);
    for (unsigned n = 0; n < steps; n++) {
        uint64_t tokens = m->unit == PBC_METER_BYTES ? 20 + rng_below(&r, rng_one_in(&r, 3) ? 65516 : 1481) : 1;
        struct key key = packet_of(1, (uint16_t)tokens);
        ideal_at(&ideal, next_time(&r, &ideal, tokens));
        meters_at(all, ideal.now);
        uint64_t left;
        enum meter_says peeked = meter_peek(all, &p, 0, &key, &left), says = meter_ask(all, 0, &key, n);
        i128 missing = ideal_short(&ideal, tokens);
        if (says != peeked) fail_msg("step %u: looked %d, asked %d", n, peeked, says);
        if (says == METER_WITHIN && missing > slack) fail_msg("step %u: within, but a token is missing", n);
        if (says == METER_OVER && missing <= -slack) fail_msg("step %u: over, but there is a token", n);
        if (says == METER_WITHIN) ideal.lacks += (i128)tokens * (i128)m->per_ns;
    }
    meters_free(all);
}

static void test_rates_against_ideal(void **state)
{
    (void)state;
    const struct pbc_meter meters[] = {
        packets(7, 3600, 1),
        packets(1, 3600, 100),
        packets(1000000, 1, 1000000),
        packets(999999937, 1, 999999937),
        packets(3, 1, 1),
        packets(1000, 60, 16),
        packets(200, 1, 400),
        packets(997, 60, 997),
        packets(1000000000, 1, 64),
        packets(123457, 3600, 34),
        bits(10000000000, 1250000000),
        bits(1000, 65536),
        bits(123000, 65536),
        bits(1000000000000, 1 << 20),
        bits(7000000, 1500),
        bits(999937000, 100000),
    };
    for (unsigned i = 0; i < sizeof meters / sizeof *meters; i++)
        for (uint64_t seed = 1; seed <= 4; seed++) check_against_ideal(&meters[i], seed, 20000);
}

static void test_random_rates_against_ideal(void **state)
{
    (void)state;
    struct rng r = {11};
    for (unsigned i = 0; i < 300; i++) {
        static const uint64_t per[] = {1, 60, 3600};
        struct pbc_meter m = packets(1 + rng_next(&r) % (1ull << rng_below(&r, 29)), per[rng_below(&r, 3)], 0);
        if (rng_one_in(&r, 3)) m = bits(1000 * (1 + rng_next(&r) % (1ull << rng_below(&r, 30))), 0);
        m.burst = 1 + rng_next(&r) % (1ull << (m.unit ? 24 : rng_below(&r, 12)));
        if ((unsigned __int128)m.burst * m.per_ns > (unsigned __int128)PBC_METER_REFILL_MAX * m.count) m.burst = 1;
        check_against_ideal(&m, i, 3000);
    }
}

/* Units of any time, for rates with and without a remainder, equal a 128-bit division; and 63 bits last long enough. */
static void test_units_as_divided(void **state)
{
    (void)state;
    typedef unsigned __int128 u128;
    struct rng r = {5};
    for (unsigned i = 0; i < 20000; i++) {
        static const uint64_t per[] = {1, 60, 3600};
        const struct pbc_meter m = packets(1 + rng_next(&r) % (1ull << rng_below(&r, 37)), per[rng_below(&r, 3)], 1);
        struct meter_rate rate;
        meter_rate_init(&rate, &m);
        const u128 lasts = (u128)rate.lasts_ns * rate.num / rate.den, next = ((u128)rate.lasts_ns + 1) * rate.num;
        assert_true(lasts >> 63 == 0 && (rate.lasts_ns == UINT64_MAX || next / rate.den >> 63));
        for (unsigned n = 0; n < 20; n++) {
            const uint64_t since = n == 0 ? rate.lasts_ns : rng_next(&r) >> rng_below(&r, 64);
            const uint64_t near = since / rate.den * rate.den - (n & 1);
            assert_int_equal(rate_units(&rate, since), (uint64_t)((u128)since * rate.num / rate.den));
            assert_int_equal(rate_units(&rate, near), (uint64_t)((u128)near * rate.num / rate.den));
        }
    }
}

static void test_exact_where_said(void **state)
{
    (void)state;
    const struct pbc_meter exact[] = {packets(7, 3600, 1), packets(1000000, 1, 1), packets(200, 1, 1),
                                      bits(10000000000, 9000)};
    const struct pbc_meter rounded[] = {packets(997, 1, 1), packets(999999937, 1, 1)};
    struct meter_rate rate;
    for (unsigned i = 0; i < sizeof exact / sizeof *exact; i++) {
        meter_rate_init(&rate, &exact[i]);
        assert_int_equal(rate.den, 1);
    }
    for (unsigned i = 0; i < sizeof rounded / sizeof *rounded; i++) {
        meter_rate_init(&rate, &rounded[i]);
        assert_true(rate.num >= rate.den && rate.num < 2 * rate.den); /* a unit is at most a nanosecond */
    }
}

/* 63 bits of units last for years; then everything starts again without errors. */
static void test_after_centuries(void **state)
{
    (void)state;
    const struct pbc_meter m = packets(127, 1, 2);
    const struct program p = {.meters = &m, .meters_count = 1};
    struct meters *all = meters_new(&p, 1);
    struct key key = packet_of(1, 40);
    uint64_t now = 0, packet = 0;
    for (unsigned year = 0; year < 300; year++, now += 365 * 86400 * second) {
        meters_at(all, now);
        assert_int_equal(meter_ask(all, 0, &key, packet++), METER_WITHIN);
        assert_int_equal(meter_ask(all, 0, &key, packet++), METER_WITHIN);
        assert_int_equal(meter_ask(all, 0, &key, packet++), METER_OVER);
    }
    meters_free(all);
}

static void test_asked_once_a_packet(void **state)
{
    (void)state;
    const struct pbc_meter m = packets(1, 3600, 1);
    const struct program p = {.meters = &m, .meters_count = 1};
    struct meters *all = meters_new(&p, 1);
    struct key key = packet_of(1, 40);
    meters_at(all, 5);
    for (unsigned i = 0; i < 3; i++) assert_int_equal(meter_ask(all, 0, &key, 0), METER_WITHIN);
    for (unsigned i = 0; i < 3; i++) assert_int_equal(meter_ask(all, 0, &key, 1), METER_OVER);
    assert_int_equal(meters_counters(all)->within, 1);
    assert_int_equal(meters_counters(all)->over, 1);
    meters_at(all, 5 + 3600 * second - 1);
    assert_int_equal(meter_ask(all, 0, &key, 2), METER_OVER);
    meters_at(all, 5 + 3600 * second);
    assert_int_equal(meter_ask(all, 0, &key, 3), METER_WITHIN);
    meters_free(all);
}

/* ---- keys ---- */

static struct pbc_meter keyed(enum pbc_per per, uint32_t entries)
{
    struct pbc_meter m = packets(1, 3600, 1);
    m.per = (uint8_t)per;
    m.entries = entries;
    if (per != PBC_PER_FLOW) m.len4 = 32, m.len6 = 128;
    return m;
}

static void test_keys_apart(void **state)
{
    (void)state;
    struct pbc_meter m[] = {keyed(PBC_PER_SOURCE, 100), keyed(PBC_PER_DESTINATION, 100), keyed(PBC_PER_FLOW, 100),
                            keyed(PBC_PER_SOURCE, 100)};
    m[3].len4 = 24, m[3].len6 = 64;
    const struct program p = {.meters = m, .meters_count = 4};
    const uint32_t tcp = KIND_IP4 | KIND_PROTO | KIND_PORTS | KIND_TCP;
    static const struct {
        struct key key;
        uint8_t within;
    } packets_of[] = {
        /* bit i: meter i still has its token */
        {{.kind = KIND_IP4, .src = {0x0a000001}, .dst = {0x0b000001}}, 15},
        {{.kind = KIND_IP4, .src = {0x0a000001}, .dst = {0x0b000001}}, 0},
        {{.kind = KIND_IP4, .src = {0x0a000001}, .dst = {0x0b000002}}, 6},
        {{.kind = KIND_IP4, .src = {0x0a0000ff}, .dst = {0x0b000002}}, 5},
        {{.kind = KIND_IP4, .src = {0x0a000100}, .dst = {0x0b000002}}, 13},
        {{.kind = KIND_IP6, .src = {0, 0, 0xffff, 0x0a000001}, .dst = {0, 0, 0, 1}}, 15},
        {{.kind = KIND_IP6, .src = {0, 0, 0xffff, 0x0a000002}, .dst = {0, 0, 0, 1}}, 5},
        {{.kind = KIND_IP6, .src = {0, 1, 0xffff, 0x0a000002}, .dst = {0, 0, 0, 1}}, 13},
        {{.kind = KIND_ARP}, 0},
    };
    struct meters *all = meters_new(&p, 7);
    uint64_t packet = 0;
    meters_at(all, 1);
    for (unsigned i = 0; i < sizeof packets_of / sizeof *packets_of; i++, packet++)
        for (uint32_t id = 0; id < 4; id++) {
            enum meter_says want = packets_of[i].within >> id & 1 ? METER_WITHIN : METER_OVER;
            if (packets_of[i].key.kind & KIND_ARP) want = METER_LACKS;
            enum meter_says says = meter_ask(all, id, &packets_of[i].key, packet);
            if (says != want) fail_msg("packet %u, meter %u: %d, not %d", i, id, says, want);
        }
    /* for a flow everything counts: ports, protocol, tags */
    const struct key flows[] = {
        {.kind = tcp, .src = {1}, .dst = {2}, .src_port = 1, .dst_port = 2, .proto = 6},
        {.kind = tcp, .src = {1}, .dst = {2}, .src_port = 1, .dst_port = 3, .proto = 6},
        {.kind = tcp, .src = {1}, .dst = {2}, .src_port = 2, .dst_port = 2, .proto = 6},
        {.kind = (tcp & ~(uint32_t)KIND_TCP) | KIND_UDP,
         .src = {1},
         .dst = {2},
         .src_port = 1,
         .dst_port = 2,
         .proto = 17},
        {.kind = tcp | KIND_VLAN, .src = {1}, .dst = {2}, .src_port = 1, .dst_port = 2, .proto = 6},
        {.kind = tcp | KIND_VLAN, .src = {1}, .dst = {2}, .src_port = 1, .dst_port = 2, .proto = 6, .vlan_outer = 5},
        {.kind = tcp | KIND_VLAN | KIND_VLAN2,
         .src = {1},
         .dst = {2},
         .src_port = 1,
         .dst_port = 2,
         .proto = 6,
         .vlan_outer = 5},
    };
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < sizeof flows / sizeof *flows; i++)
            assert_int_equal(meter_ask(all, 2, &flows[i], packet++), round ? METER_OVER : METER_WITHIN);
    meters_free(all);
}

/* As many keys as there are entries have separate buckets; the rest share one, and are counted. */
static void check_fill(uint32_t entries, enum pbc_per per, uint64_t seed)
{
    const struct pbc_meter m = keyed(per, entries);
    const struct program p = {.meters = &m, .meters_count = 1};
    struct meters *all = meters_new(&p, seed);
    const struct meter_counter *c = meters_counters(all);
    uint64_t packet = 0;
    assert_non_null(all);
    meters_at(all, 1);
    for (uint32_t i = 0; i < entries; i++) {
        struct key key = packet_of(i * 2654435761u, 40);
        if (meter_ask(all, 0, &key, packet++) != METER_WITHIN) fail_msg("%u entries: key %u has no bucket", entries, i);
    }
    assert_int_equal(c->overflowed, 0);
    for (uint32_t i = 0; i < 5; i++) { /* the shared bucket has one token */
        struct key key = packet_of((entries + i) * 2654435761u, 40);
        assert_int_equal(meter_peek(all, &p, 0, &key, NULL), i ? METER_OVER : METER_WITHIN);
        assert_int_equal(meter_ask(all, 0, &key, packet++), i ? METER_OVER : METER_WITHIN);
    }
    assert_int_equal(c->overflowed, 5);
    meters_at(all, 1 + 3600 * second); /* all are full again, so there is room */
    for (uint32_t i = 0; i < 5 && i < entries; i++) {
        struct key key = packet_of((entries + i) * 2654435761u, 40);
        assert_int_equal(meter_ask(all, 0, &key, packet++), METER_WITHIN);
    }
    assert_int_equal(c->overflowed, 5);
    meters_free(all);
}

static void test_full_table(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 2, 7, 8, 10, 16, 50, 100, 1000, 4096, 65536};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (uint64_t seed = 0; seed < 4; seed++) {
            check_fill(sizes[i], PBC_PER_SOURCE, seed);
            check_fill(sizes[i], PBC_PER_FLOW, seed * 0x9e3779b97f4a7c15u);
        }
}

static void test_sweep_frees_idle_keys(void **state)
{
    (void)state;
    const struct pbc_meter m[] = {keyed(PBC_PER_SOURCE, 5000), packets(1, 1, 1), keyed(PBC_PER_FLOW, 5000)};
    const struct program p = {.meters = m, .meters_count = 3};
    struct meters *all = meters_new(&p, 3);
    uint64_t packet = 0;
    assert_false(meters_sweep(all));
    meters_at(all, 1);
    for (uint32_t i = 0; i < 5000; i++) {
        struct key key = packet_of(i, 40);
        for (uint32_t id = 0; id < 3; id++) meter_ask(all, id, &key, packet);
        packet++;
    }
    meters_at(all, 2);
    for (unsigned n = 0; n < 10000; n++) assert_true(meters_sweep(all)); /* none is idle yet */
    meters_at(all, 1 + 3600 * second);
    unsigned calls = 0;
    while (meters_sweep(all)) calls++;
    assert_in_range(calls, 50, 2000); /* each call's work is limited, and everything is found */
    meters_free(all);
}

/* Random keys and times, each key against a separate ideal bucket. */
static void check_table(uint64_t seed)
{
    enum { KEYS = 300 };
    struct pbc_meter m = packets(5, 60, 3);
    m.per = PBC_PER_SOURCE, m.entries = KEYS, m.len4 = 32, m.len6 = 128;
    const struct program p = {.meters = &m, .meters_count = 1};
    struct meters *all = meters_new(&p, seed);
    static struct ideal ideal[KEYS];
    struct rng r = {seed};
    uint64_t now = 1;
    for (unsigned i = 0; i < KEYS; i++) ideal[i] = (struct ideal){.m = &m, .now = now};
    for (unsigned n = 0; n < 30000; n++) {
        unsigned k = rng_below(&r, rng_one_in(&r, 2) ? 10 : KEYS);
        struct key key = packet_of(k << 8, 40);
        now += rng_next(&r) % (rng_one_in(&r, 200) ? 200 * second : second / 4);
        meters_at(all, now);
        if (rng_one_in(&r, 20)) meters_sweep(all);
        ideal_at(&ideal[k], now);
        bool within = meter_ask(all, 0, &key, n) == METER_WITHIN;
        if (within != (ideal_short(&ideal[k], 1) <= 0)) fail_msg("seed %u, packet %u: key %u", (unsigned)seed, n, k);
        if (within) ideal[k].lacks += m.per_ns;
    }
    assert_int_equal(meters_counters(all)->overflowed, 0);
    meters_free(all);
}

static void test_table_against_ideal(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) check_table(seed);
}

/* A table far too small: accepted packets can't exceed the sum of all its buckets and the shared one. */
static void test_flood_is_bounded(void **state)
{
    (void)state;
    enum { ENTRIES = 64, BURST = 2, SECONDS = 10 };
    struct pbc_meter m = packets(4, 1, BURST);
    m.per = PBC_PER_SOURCE, m.entries = ENTRIES, m.len4 = 32, m.len6 = 128;
    const struct program p = {.meters = &m, .meters_count = 1};
    struct meters *all = meters_new(&p, 9);
    struct rng r = {5};
    for (unsigned n = 0; n < 500000; n++) {
        struct key key = packet_of((uint32_t)rng_next(&r), 40);
        meters_at(all, 1 + n * (SECONDS * second / 500000));
        enum meter_says peeked = meter_peek(all, &p, 0, &key, NULL);
        assert_int_equal(meter_ask(all, 0, &key, n), peeked);
    }
    const struct meter_counter *c = meters_counters(all);
    assert_int_equal(c->within + c->over, 500000);
    assert_true(c->overflowed > 400000);
    /* an evicted key had a full bucket: each slot gives its rate, each new key one of its tokens */
    assert_true(c->within <= (ENTRIES + 1) * (BURST + 4 * SECONDS));
    meters_free(all);
}

static void test_log_takes_each_time(void **state)
{
    (void)state;
    const struct pbc_meter m = packets(2, 1, 2);
    const struct program p = {.meters = &m, .meters_count = 1};
    struct meters *all = meters_new(&p, 1);
    meters_at(all, 100);
    assert_true(meter_take(all, 0, 60));
    assert_true(meter_take(all, 0, 60));
    assert_false(meter_take(all, 0, 60));
    meters_at(all, 100 + second / 2);
    assert_true(meter_take(all, 0, 60));
    assert_false(meter_take(all, 0, 60));
    meters_free(all);
}

static void test_unused_meter(void **state)
{
    (void)state;
    struct pbc_meter m[] = {packets(1, 1, 3), bits(1000000, 100), keyed(PBC_PER_SOURCE, 1)};
    const struct program p = {.meters = m, .meters_count = 3};
    struct key small = packet_of(1, 100), large = packet_of(1, 101), other = {.kind = KIND_ARP};
    uint64_t tokens;
    assert_int_equal(meter_peek(NULL, &p, 0, &small, &tokens), METER_WITHIN);
    assert_int_equal(tokens, 3);
    assert_int_equal(meter_peek(NULL, &p, 1, &small, &tokens), METER_WITHIN);
    assert_int_equal(tokens, 100);
    assert_int_equal(meter_peek(NULL, &p, 1, &large, NULL), METER_OVER);
    assert_int_equal(meter_peek(NULL, &p, 0, &other, NULL), METER_WITHIN);
    assert_int_equal(meter_peek(NULL, &p, 1, &other, NULL), METER_LACKS);
    assert_int_equal(meter_peek(NULL, &p, 2, &other, NULL), METER_LACKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates_against_ideal),
        cmocka_unit_test(test_random_rates_against_ideal),
        cmocka_unit_test(test_units_as_divided),
        cmocka_unit_test(test_exact_where_said),
        cmocka_unit_test(test_after_centuries),
        cmocka_unit_test(test_asked_once_a_packet),
        cmocka_unit_test(test_keys_apart),
        cmocka_unit_test(test_full_table),
        cmocka_unit_test(test_sweep_frees_idle_keys),
        cmocka_unit_test(test_table_against_ideal),
        cmocka_unit_test(test_flood_is_bounded),
        cmocka_unit_test(test_log_takes_each_time),
        cmocka_unit_test(test_unused_meter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
