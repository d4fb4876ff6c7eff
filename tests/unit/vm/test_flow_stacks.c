/* VLAN stacks: which are equal, which differ, and how long an id lasts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/rng.h"
#include "vm/flow/stacks.h"
#include "vm/packet/key.h"

enum { FRAME_MOST = 128, STACKS = STACK_MOST - 4097 };

struct frame {
    uint8_t bytes[FRAME_MOST];
    struct pkt pkt;
};

static void put16(uint8_t *at, unsigned v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

/* Make a frame of a protocol that nothing parses, behind these tags; the kernel has removed the first `off` of them. */
static struct pkt *frame_of(struct frame *f, enum pkt_link link, const struct stack_tag tags[], unsigned count,
                            unsigned off, unsigned pcp)
{
    unsigned type = link == LINK_ETHER ? 12 : link == LINK_SLL ? 14 : 0;
    unsigned at = link == LINK_ETHER ? 14 : link == LINK_SLL ? 16 : 20;
    *f = (struct frame){.bytes = {0}};
    for (unsigned i = off; i < count; i++, type = at + 2, at += 4) {
        put16(f->bytes + type, tags[i].tpid);
        put16(f->bytes + at, pcp << 12 | tags[i].vid);
    }
    put16(f->bytes + type, 0x88b5);
    pkt_view(&f->pkt, f->bytes, at, at, link, IFACE_NONE);
    f->pkt.tag_count = (uint8_t)off;
    for (unsigned i = 0; i < off; i++) {
        f->pkt.tags[i].tpid = tags[i].tpid;
        f->pkt.tags[i].tci = (uint16_t)(pcp << 12 | tags[i].vid);
    }
    struct key key;
    assert_int_equal(pkt_parse(&f->pkt, NULL, &key), REASON_NONE);
    return &f->pkt;
}

static struct pkt *ether_of(struct frame *f, const struct stack_tag tags[], unsigned count)
{
    return frame_of(f, LINK_ETHER, tags, count, 0, 0);
}

static void simple_stacks_have_fixed_ids(void **state)
{
    (void)state;
    struct stacks *s = stacks_new(1);
    struct frame f;
    struct stack_tag back[STACK_TAGS];
    assert_int_equal(stack_of(s, ether_of(&f, NULL, 0)), 0);
    assert_int_equal(stack_take(s, ether_of(&f, NULL, 0)), 0);
    assert_int_equal(stack_tags(s, 0, back), 0);
    for (uint16_t vid = 0; vid < 4096; vid++) {
        const struct stack_tag tag = {0x8100, vid};
        assert_int_equal(stack_of(s, ether_of(&f, &tag, 1)), 1 + vid);
        assert_int_equal(stack_take(s, &f.pkt), 1 + vid);
        assert_int_equal(stack_tags(s, (uint16_t)(1 + vid), back), 1);
        assert_true(back[0].tpid == 0x8100 && back[0].vid == vid);
        stack_put(s, (uint16_t)(1 + vid));
    }
    stacks_free(s);
}

static void other_stacks_are_known_while_taken(void **state)
{
    (void)state;
    static const struct stack_tag q[] = {{0x88a8, 5}, {0x8100, 7}}, old[] = {{0x9100, 5}, {0x8100, 7}},
                                  swapped[] = {{0x8100, 7}, {0x88a8, 5}}, outer[] = {{0x88a8, 5}};
    struct stacks *s = stacks_new(1);
    struct frame f;
    struct stack_tag back[STACK_TAGS];
    assert_int_equal(stack_of(s, ether_of(&f, q, 2)), STACK_UNKNOWN);
    const uint16_t id = stack_take(s, &f.pkt);
    assert_in_range(id, 4097, STACK_MOST - 1);
    assert_int_equal(stack_of(s, &f.pkt), id);
    assert_int_equal(stack_take(s, &f.pkt), id);
    assert_int_equal(stack_of(s, ether_of(&f, old, 2)), STACK_UNKNOWN);
    assert_int_equal(stack_of(s, ether_of(&f, swapped, 2)), STACK_UNKNOWN);
    assert_int_equal(stack_of(s, ether_of(&f, outer, 1)), STACK_UNKNOWN);
    assert_int_not_equal(stack_take(s, &f.pkt), id);
    assert_int_equal(stack_tags(s, id, back), 2);
    assert_memory_equal(back, q, sizeof q);
    assert_int_equal(stack_again(s, id), id);
    assert_int_equal(stack_again(s, 8), 8);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(stack_of(s, ether_of(&f, q, 2)), id);
        stack_put(s, id);
    }
    assert_int_equal(stack_of(s, &f.pkt), STACK_UNKNOWN);
    assert_int_equal(stack_tags(s, id, back), 0);
    stacks_free(s);
}

/* The tags' place, and their other bits, make no other stack. */
static void one_stack_however_it_comes(void **state)
{
    (void)state;
    static const struct stack_tag tags[] = {{0x88a8, 100}, {0x9100, 4095}, {0x8100, 0}};
    static const enum pkt_link links[] = {LINK_ETHER, LINK_SLL, LINK_SLL2};
    struct stacks *s = stacks_new(2);
    struct frame f;
    const uint16_t id = stack_take(s, ether_of(&f, tags, 3));
    for (unsigned link = 0; link < 3; link++)
        for (unsigned off = 0; off <= 2; off++)
            for (unsigned pcp = 0; pcp < 16; pcp++)
                assert_int_equal(stack_of(s, frame_of(&f, links[link], tags, 3, off, pcp)), id);
    stacks_free(s);
}

static void sixteen_tags(void **state)
{
    (void)state;
    struct stack_tag tags[STACK_TAGS], back[STACK_TAGS];
    struct stacks *s = stacks_new(3);
    struct frame f;
    uint16_t ids[STACK_TAGS + 1];
    for (unsigned i = 0; i < STACK_TAGS; i++) tags[i] = (struct stack_tag){0x88a8, (uint16_t)(4095 - i)};
    for (unsigned n = 2; n <= STACK_TAGS; n++) ids[n] = stack_take(s, ether_of(&f, tags, n));
    for (unsigned n = 2; n <= STACK_TAGS; n++) {
        assert_int_equal(stack_of(s, ether_of(&f, tags, n)), ids[n]);
        assert_int_equal(stack_tags(s, ids[n], back), n);
        assert_memory_equal(back, tags, n * sizeof tags[0]);
    }
    stacks_free(s);
}

static struct pkt *number(struct frame *f, unsigned n)
{
    const struct stack_tag tags[] = {{0x88a8, (uint16_t)(n / 4096)}, {0x8100, (uint16_t)(n % 4096)}};
    return ether_of(f, tags, 2);
}

static void full_and_free_again(void **state)
{
    (void)state;
    struct stacks *s = stacks_new(4);
    struct frame f;
    static uint16_t ids[STACKS];
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < STACKS; i++) {
            ids[i] = stack_take(s, number(&f, i));
            assert_in_range(ids[i], 4097, STACK_MOST - 1);
        }
        assert_int_equal(stack_take(s, number(&f, STACKS)), STACK_UNKNOWN);
        assert_int_equal(stack_take(s, number(&f, 77)), ids[77]); /* an existing one is still found */
        stack_put(s, ids[77]);
        stack_put(s, ids[99]);
        assert_int_equal(stack_take(s, number(&f, STACKS)), ids[99]);
        assert_int_equal(stack_of(s, number(&f, 99)), STACK_UNKNOWN);
        for (unsigned i = 0; i < STACKS; i++) stack_put(s, ids[i]);
        for (unsigned i = 0; i < STACKS; i++) assert_int_equal(stack_of(s, number(&f, i)), STACK_UNKNOWN);
    }
    stacks_free(s);
}

/* Random takes and puts, against plain counts. */
static void counts_as_a_plain_list(void **state)
{
    (void)state;
    enum { KINDS = 300 };
    struct stacks *s = stacks_new(5);
    struct rng r = {5};
    struct frame f;
    unsigned refs[KINDS] = {0};
    uint16_t ids[KINDS] = {0};
    for (unsigned step = 0; step < 100000; step++) {
        const unsigned k = rng_below(&r, KINDS);
        struct pkt *pkt = number(&f, k * 31);
        assert_int_equal(stack_of(s, pkt), refs[k] ? ids[k] : STACK_UNKNOWN);
        if (rng_one_in(&r, 2)) {
            const uint16_t id = stack_take(s, pkt);
            if (refs[k]) assert_int_equal(id, ids[k]);
            for (unsigned other = 0; other < KINDS; other++)
                if (other != k && refs[other]) assert_int_not_equal(id, ids[other]);
            ids[k] = id;
            refs[k]++;
        } else if (refs[k]) {
            stack_put(s, ids[k]);
            refs[k]--;
        }
    }
    stacks_free(s);
}

static void ids_of_nothing(void **state)
{
    (void)state;
    struct stacks *s = stacks_new(6);
    struct stack_tag back[STACK_TAGS];
    stack_put(s, STACK_UNKNOWN);
    stack_put(s, 0);
    stack_put(s, 4097);
    stack_put(s, STACK_MOST);
    assert_int_equal(stack_tags(s, STACK_UNKNOWN, back), 0);
    assert_int_equal(stack_tags(s, STACK_MOST - 1, back), 0);
    stacks_free(s);
    stacks_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_stacks_have_fixed_ids),
        cmocka_unit_test(other_stacks_are_known_while_taken),
        cmocka_unit_test(one_stack_however_it_comes),
        cmocka_unit_test(sixteen_tags),
        cmocka_unit_test(full_and_free_again),
        cmocka_unit_test(counts_as_a_plain_list),
        cmocka_unit_test(ids_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
