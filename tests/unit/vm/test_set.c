/* Membership by search against a test of every range, at every edge and at random, for both families. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

#include "tests/lib/imgbuild.h"
#include "vm/judge/effects.h"
#include "vm/program/set_walk.h"

typedef unsigned __int128 u128;

static uint64_t rng(uint64_t *state) /* xorshift64, Marsaglia 2003 */
{
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return *state;
}

static bool linear4(const struct program *p, const struct pbc_set *s, uint32_t a)
{
    for (uint32_t i = 0; i < s->count4; i++)
        if (p->set4[s->first4 + i].lo <= a && a <= p->set4[s->first4 + i].hi) return true;
    return false;
}

static u128 wide(uint64_t hi, uint64_t lo) { return (u128)hi << 64 | lo; }

static bool linear6(const struct program *p, const struct pbc_set *s, u128 a)
{
    for (uint32_t i = 0; i < s->count6; i++) {
        const struct pbc_range6 *r = &p->set6[s->first6 + i];
        if (wide(r->lo_hi, r->lo_lo) <= a && a <= wide(r->hi_hi, r->hi_lo)) return true;
    }
    return false;
}

static void check4(const struct program *p, uint32_t set, uint32_t a)
{
    struct key key = {.kind = KIND_IP4, .src = {a}}, other = {.kind = KIND_IP4, .dst = {a}};
    bool expected = linear4(p, &p->sets[set], a);
    assert_int_equal(set_has(p, set, &key, false), expected);
    assert_int_equal(set_has(p, set, &other, true), expected);
    key.kind = KIND_ARP;
    assert_false(set_has(p, set, &key, false));
}

static void check6(const struct program *p, uint32_t set, u128 a)
{
    struct key key = {.kind = KIND_IP6};
    for (unsigned i = 0; i < 4; i++) key.dst[i] = (uint32_t)(a >> (96 - 32 * i));
    assert_int_equal(set_has(p, set, &key, true), linear6(p, &p->sets[set], a));
}

/* Sets of 0 to 40 ranges that share one table. */
static struct program *many_sizes(uint64_t *seed)
{
    struct imgbuild b;
    char err[256] = "";
    img_init(&b);
    uint64_t at = rng(seed) % 1000;
    u128 at6 = rng(seed) % 2 ? 0 : (u128)rng(seed) << 40;
    for (unsigned i = 0; i < 40; i++) {
        uint64_t to = at + rng(seed) % 3 * (rng(seed) % 100000000);
        u128 to6 = at6 + (u128)(rng(seed) % 3) * rng(seed) * (rng(seed) % 1000);
        if (to > UINT32_MAX) to = UINT32_MAX;
        img_add_set4(&b, (struct pbc_range){(uint32_t)at, (uint32_t)to});
        img_add_set6(&b,
                     (struct pbc_range6){(uint64_t)(at6 >> 64), (uint64_t)at6, (uint64_t)(to6 >> 64), (uint64_t)to6});
        img_add_macs(&b, at & 0xffffffffffff);
        at = to + 2 + rng(seed) % 3;
        at6 = to6 + 2 + rng(seed) % 3 * rng(seed);
        if (at > UINT32_MAX) break;
    }
    for (uint32_t n = 0; n <= b.set4_count; n++) {
        img_add_sets(
            &b, (struct pbc_set){.first4 = b.set4_count - n, .count4 = n, .first6 = b.set6_count - n, .count6 = n});
        img_add_macsets(&b, (struct pbc_set){.count4 = n});
    }
    img_function(&b, "main", &(const struct insn){.op = OP_ACCEPT}, 1);
    struct program *p = img_load(&b, err, sizeof err);
    assert_string_equal(err, "");
    img_fini(&b);
    return p;
}

static void edges_and_random(void **state)
{
    (void)state;
    uint64_t seed = 42;
    for (unsigned round = 0; round < 50; round++) {
        struct program *p = many_sizes(&seed);
        for (uint32_t set = 0; set < p->sets_count; set++) {
            for (uint32_t i = 0; i < p->set4_count; i++)
                for (uint32_t off = 0; off < 3; off++) {
                    check4(p, set, p->set4[i].lo + off - 1);
                    check4(p, set, p->set4[i].hi + off - 1);
                    check6(p, set, wide(p->set6[i].lo_hi, p->set6[i].lo_lo) + off - 1);
                    check6(p, set, wide(p->set6[i].hi_hi, p->set6[i].hi_lo) + off - 1);
                }
            check4(p, set, 0);
            check4(p, set, UINT32_MAX);
            check4(p, set, (uint32_t)rng(&seed));
            check6(p, set, 0);
            check6(p, set, ~(u128)0);
            check6(p, set, wide(rng(&seed), rng(&seed)));
        }
        program_put(p);
    }
}

static void macs(void **state)
{
    (void)state;
    uint64_t seed = 7;
    struct program *p = many_sizes(&seed);
    for (uint32_t set = 0; set < p->macsets_count; set++)
        for (uint32_t i = 0; i < p->macs_count; i++) {
            assert_int_equal(mac_set_has(p, set, p->macs[i]), i < p->macsets[set].count4);
            assert_false(mac_set_has(p, set, p->macs[i] + 1));
        }
    program_put(p);
}

static void mac_kinds(void **state)
{
    (void)state;
    const uint64_t group = 0x333300000001, all = 0xffffffffffff, one = 0x020000000001;
    assert_true(mac_is(group, MAC_MULTICAST));
    assert_false(mac_is(group, MAC_BROADCAST));
    assert_true(mac_is(all, MAC_BROADCAST));
    assert_true(mac_is(all, MAC_MULTICAST)); /* the group bit */
    assert_false(mac_is(one, MAC_MULTICAST | MAC_BROADCAST));
    assert_false(mac_is(group, 0));
}

/* Numbers of two words are compared and shifted like 128-bit numbers. */
static void wide_numbers(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (unsigned i = 0; i < 200000; i++) {
        const uint64_t hi = rng(&seed) >> rng(&seed) % 64, lo = rng(&seed);
        const struct wide b = {i % 3 ? hi + i % 3 - 1 : rng(&seed), i % 5 ? lo + i % 5 - 2 : rng(&seed)};
        const bool up_to = wide(hi, lo) <= wide(b.hi, b.lo);
        assert_int_equal(wide_up_to(hi, lo, &b), up_to);
        assert_int_equal(wide_up_to_by_words(hi, lo, &b), up_to);

        const uint32_t shift = (uint32_t)(rng(&seed) % 128), last = (uint32_t)(rng(&seed) >> 32 >> rng(&seed) % 32);
        const uint32_t node[SET_NODE6] = {(uint32_t)(hi >> 32), (uint32_t)hi, (uint32_t)(lo >> 32),
                                          (uint32_t)lo,         shift,        last};
        const u128 off = wide(rng(&seed), rng(&seed)) >> rng(&seed) % 128, addr = wide(hi, lo) + off, at = off >> shift;
        const struct wide a = {(uint64_t)(addr >> 64), (uint64_t)addr};
        const uint32_t *want = at <= last ? (const uint32_t *)((uintptr_t)node + 4 * (SET_NODE6 + (size_t)at)) : NULL;
        assert_ptr_equal(bucket6(node, &a), want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wide_numbers),
        cmocka_unit_test(edges_and_random),
        cmocka_unit_test(macs),
        cmocka_unit_test(mac_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
