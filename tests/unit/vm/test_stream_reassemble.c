/* Bytes put in order, against a list of each byte's first value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/rng.h"
#include "vm/stream/reassemble.h"

enum { ROOM = 256, SPAN = 400 };

struct model {
    uint8_t byte[SPAN + ROOM];
    bool there[SPAN + ROOM], ends;
    uint32_t taken, end;
};

static void *memory_of(uint32_t room)
{
    void *memory = malloc(reassemble_bytes(room));
    assert_non_null(memory);
    return memory;
}

static void in_any_order(void **state)
{
    (void)state;
    struct reassembly r;
    void *memory = memory_of(64), *more = memory_of(128);
    reassemble_init(&r, memory, 64, 0xfffffff0); /* wraps around */
    assert_true(reassemble_add(&r, 4, (const uint8_t *)"last", 4, true));
    assert_int_equal(r.have, 0);
    assert_false(reassemble_whole(&r));
    assert_true(reassemble_add(&r, 0xfffffff0, (const uint8_t *)"first ", 6, false));
    assert_int_equal(r.have, 6);
    assert_true(reassemble_add(&r, 0xfffffff4, (const uint8_t *)"XX in the middle", 16, false));
    assert_int_equal(r.have, 24);
    assert_memory_equal(r.bytes, "first  in the middlelast", 24); /* the first bytes stay */
    assert_true(reassemble_whole(&r));
    assert_true(reassemble_add(&r, 8, (const uint8_t *)"behind the end", 14, false));
    assert_int_equal(r.highest, 24);
    reassemble_grow(&r, more, 128);
    reassemble_take(&r, 20);
    assert_memory_equal(r.bytes, "last", 4);
    assert_true(reassemble_whole(&r));
    free(memory);
    free(more);
}

/* Add some bytes: each value depends on its place, with another value when it is repeated. */
static void add_some(struct rng *g, struct reassembly *r, struct model *m, uint32_t seq)
{
    uint8_t bytes[ROOM];
    const uint32_t from = rng_below(g, m->taken + ROOM), n = rng_below(g, rng_one_in(g, 3) ? ROOM : 9);
    const bool fin = !m->ends && from >= SPAN && rng_one_in(g, 4);
    if (from + n > SPAN + ROOM) return;
    bool higher = false;
    for (uint32_t i = from + n; i < SPAN + ROOM; i++) higher |= m->there[i];
    for (uint32_t i = 0; i < n; i++) bytes[i] = (uint8_t)rng_next(g);
    if (fin && !higher && from + n >= m->taken) m->ends = true, m->end = from + n;
    const uint32_t room_ends = m->taken + ROOM, end = m->ends && m->end < from + n ? m->end : from + n;
    assert_int_equal(reassemble_add(r, seq + from, bytes, n, fin), end <= room_ends || end <= from);
    for (uint32_t i = from; i < end && i < room_ends; i++) {
        if (i < m->taken || m->there[i]) continue;
        m->there[i] = true;
        m->byte[i] = bytes[i - from];
    }
}

static void compare(const struct reassembly *r, const struct model *m)
{
    uint32_t have = 0;
    while (m->taken + have < SPAN + ROOM && m->there[m->taken + have]) have++;
    assert_int_equal(r->have, have);
    assert_memory_equal(r->bytes, m->byte + m->taken, have);
    assert_int_equal(reassemble_whole(r), m->ends && m->taken + have >= m->end);
}

static void as_a_list_says(void **state)
{
    (void)state;
    struct rng g = {.state = 5};
    for (unsigned run = 0; run < 2000; run++) {
        struct model m = {0};
        struct reassembly r;
        void *memory = memory_of(ROOM), *old = NULL;
        const uint32_t seq = (uint32_t)rng_next(&g);
        reassemble_init(&r, memory, ROOM, seq);
        for (unsigned i = 0; i < 60; i++) {
            add_some(&g, &r, &m, seq);
            compare(&r, &m);
            if (m.taken < SPAN && rng_one_in(&g, 6)) {
                uint32_t n = rng_below(&g, r.have + 1);
                if (m.taken + n > SPAN) n = SPAN - m.taken;
                reassemble_take(&r, n);
                m.taken += n;
                compare(&r, &m);
            }
            if (rng_one_in(&g, 30)) {
                void *other = memory_of(ROOM);
                reassemble_grow(&r, other, ROOM);
                free(old);
                old = memory, memory = other;
            }
        }
        free(memory);
        free(old);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_any_order), cmocka_unit_test(as_a_list_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
