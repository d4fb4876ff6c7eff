/* Inline and observed connections as bytes: the places of numbers and tuples, and what is rejected: an invalid list
 * of free numbers, or a tuple that is nobody's or another's. */
#include "tests/lib/compiled.h"
#include "tests/unit/vm/watch.h"
#include "vm/flow/stacks.h"
#include "vm/forward/inline/conns_priv.h"
#include "vm/observe/observers_priv.h"

enum { BYTES = 1 << 20, IFACES = 2, MOST = 64, CONNS = 3, SEED = 5, FAR = 1 << 30 };

/* Each kind with three connections, of which the second has ended, so that its number is free. */
static struct kind {
    bool (*archive)(struct archive *a, bool fresh); /* archives those, or new ones */
    struct keyed *index;
    struct stacks *stacks;
    size_t before; /* bytes between tables and numbers */
} kind;
static uint8_t bytes[BYTES];

static size_t written(void)
{
    struct archive a = {.at = bytes, .left = BYTES};
    assert_true(kind.archive(&a, false));
    return BYTES - a.left;
}

static bool is_read(size_t len)
{
    struct archive a = {.at = bytes, .left = len, .reads = true};
    return kind.archive(&a, true) && a.left == 0;
}

/* Return the place of the numbers: high, spare, live, hand, of four bytes each. */
static size_t numbers_at(void)
{
    static uint8_t tables[BYTES];
    struct archive a = {.at = tables, .left = BYTES};
    assert_true(keyed_archive(kind.index, &a) && stacks_archive(kind.stacks, &a));
    return BYTES - a.left + kind.before;
}

static void refuses_in_bytes(size_t at, uint32_t value)
{
    const size_t len = written();
    memcpy(bytes + at, &value, sizeof value);
    assert_false(is_read(len));
}

/* Check that a connection with this value is rejected after it was written. */
static void refuses(uint32_t *at, uint32_t value)
{
    const uint32_t right = *at;
    *at = value;
    const size_t len = written();
    *at = right;
    assert_false(is_read(len));
}

static void numbers_are_checked(void)
{
    const size_t at = numbers_at();
    const uint32_t right[] = {CONNS, 1, CONNS - 1, 0};
    assert_true(is_read(written()));
    assert_memory_equal(bytes + at, right, sizeof right);
    refuses_in_bytes(at, MOST + 1);       /* more numbers than there can be */
    refuses_in_bytes(at, CONNS - 1);      /* one connection less */
    refuses_in_bytes(at + 4, UINT32_MAX); /* the free number is lost */
    refuses_in_bytes(at + 4, 0);          /* a connection has that one */
    refuses_in_bytes(at + 4, CONNS - 1);
    refuses_in_bytes(at + 4, CONNS); /* never used */
    refuses_in_bytes(at + 4, FAR);
    refuses_in_bytes(at + 8, CONNS);
    refuses_in_bytes(at + 8, 1);
    refuses_in_bytes(at + 12, CONNS + 1);
}

static uint32_t free_slot(void)
{
    uint32_t slot = 0;
    while (kind.index->tags[slot]) slot++;
    return slot;
}

/* Check tuple slots that are none, free, outside, or another's. */
static void slots_are_checked(uint32_t *slot, uint32_t of_another)
{
    refuses(slot, KEYED_NONE);
    refuses(slot, free_slot());
    refuses(slot, kind.index->groups * GROUP);
    refuses(slot, FAR);
    refuses(slot, of_another);
}

/* Return the bytes of one tuple: word, tuple and what follows, at its group after the hash. */
static const uint8_t *first_entry(void)
{
    return bytes + sizeof(uint32_t) + sizeof(struct hash_key) + sizeof(uint32_t) + 2 * sizeof(uint32_t) +
           GROUP * sizeof(uint16_t);
}

static struct program *program;
static struct inlines *inlines;

static bool inlines_as_bytes(struct archive *a, bool fresh)
{
    struct inlines *all = fresh ? inlines_new(program, SEED, 0) : inlines;
    assert_non_null(all);
    const bool good = inlines_archive(all, a, 1, IFACES);
    if (fresh) inlines_free(all);
    return good;
}

static void begin_inlines(void)
{
    static const struct pkt bare = {.link = LINK_ETHER};
    program = compiled_text("limits { proxy_sessions 64 }\nfirewall f default accept {}\n"
                            "service s on any tcp/any { mode proxy inline }\n");
    assert_non_null(program);
    inlines = inlines_new(program, SEED, 0);
    assert_non_null(inlines);
    for (uint32_t i = 0; i < CONNS; i++) {
        const struct key key = {
            .kind = KIND_IP4 | KIND_TCP, .src = {9}, .dst = {7}, .src_port = (uint16_t)(40000 + i), .dst_port = 80};
        uint32_t number;
        struct inline_conn *c = inlines_begin(inlines, &key, &bare, 1000, &number);
        assert_non_null(c);
        assert_int_equal(number, i);
        c->original_iface = c->side[AT_CLIENT].iface = c->side[AT_SERVER].iface = IFACE_NONE;
    }
    inlines_end(inlines, 1);
    kind = (struct kind){.archive = inlines_as_bytes, .index = &inlines->numbers.index, .stacks = inlines->stacks};
}

static void end_inlines(void)
{
    inlines_free(inlines);
    program_put(program);
}

static void inline_numbers(void **state)
{
    begin_inlines();
    numbers_are_checked();
    refuses(&inlines->at[1].next, 1); /* the list has no end */
    refuses(&inlines->at[1].next, 0);
    refuses(&inlines->at[1].next, CONNS);
    refuses(&inlines->at[1].next, FAR);
    end_inlines();
    (void)state;
}

static void inline_tuples(void **state)
{
    begin_inlines();
    struct inline_conn *first = &inlines->at[0];
    slots_are_checked(&first->index[0], inlines->at[2].index[0]);
    refuses(&first->index[1], first->index[0]);
    refuses(&first->index[1], inlines->at[2].index[0]);
    refuses(&first->index[1], free_slot());
    /* The first is also free, and everything agrees except that its tuple still exists */
    const uint32_t numbers[] = {CONNS, 0, 1, 0};
    first->state = INLINE_FREE;
    first->next = 1;
    inlines->at[2].before = NUMBER_NONE;
    const size_t len = written();
    memcpy(bytes + numbers_at(), numbers, sizeof numbers);
    assert_false(is_read(len));
    end_inlines();
    (void)state;
}

/* The number of an inline connection follows its tuple, and its word is 0. */
static void inline_layout(void **state)
{
    begin_inlines();
    const uint64_t none = 0;
    uint64_t number;
    written();
    assert_memory_equal(first_entry(), &none, sizeof none);
    memcpy(&number, first_entry() + sizeof none + sizeof(struct ends), sizeof number);
    assert_true(number == 0 || number == 2);
    assert_memory_equal(first_entry() + sizeof none, keyed_at(&inlines->numbers.index, inlines->at[number].index[0]),
                        sizeof(struct ends));
    end_inlines();
    (void)state;
}

static struct watch w;

static bool observers_as_bytes(struct archive *a, bool fresh)
{
    struct observers *o = fresh ? observers_new(w.p, NULL, SEED) : w.o;
    assert_non_null(o);
    const bool good = observers_archive(o, NULL, a, IFACES);
    if (fresh) observers_free(o);
    return good;
}

static void begin_observed(void)
{
    struct imgbuild b;
    watch_image(&b, PBC_PASS, PBC_OVERLAPS_LINUX);
    img_add_settings(
        &b,
        (struct pbc_settings){
            .flows = 16, .half_open = 16, .fragments = 16, .maglev = 251, .observed = MOST, .observed_bytes = 1 << 20});
    watch_begin(&w, &b);
    w.iface = IFACE_NONE;
    for (uint32_t i = 0; i < CONNS; i++, w.side[C].port++) watch_seg(&w, C, CSEQ - 1, 0, TCP_SYN, NULL, 0);
    conn_remove(w.o, 1, OBSERVE_WHY_OPEN);
    kind = (struct kind){.archive = observers_as_bytes,
                         .index = &w.o->conns.numbers.index,
                         .stacks = w.o->conns.stacks,
                         .before = sizeof w.o->now_ns + sizeof w.o->ids + sizeof w.o->relief};
}

static void observed_numbers(void **state)
{
    begin_observed();
    numbers_are_checked();
    refuses(&w.o->conns.at[1].observe, 1);
    refuses(&w.o->conns.at[1].observe, 0);
    refuses(&w.o->conns.at[1].observe, CONNS);
    refuses(&w.o->conns.at[1].observe, FAR);
    watch_fini(&w);
    (void)state;
}

static void observed_tuples(void **state)
{
    begin_observed();
    slots_are_checked(&w.o->conns.at[0].slot, w.o->conns.at[2].slot);
    struct conn *first = &w.o->conns.at[0];
    const uint32_t numbers[] = {CONNS, 0, 1, 0}, slot = first->slot;
    first->slot = KEYED_NONE;
    first->observe = 1;
    const size_t len = written();
    memcpy(bytes + numbers_at(), numbers, sizeof numbers);
    assert_false(is_read(len));
    first->slot = slot;
    first->observe = 0;
    assert_true(is_read(written()));
    watch_fini(&w);
    (void)state;
}

/* The number of an observed connection is the word of its tuple, and nothing follows. */
static void observed_layout(void **state)
{
    begin_observed();
    uint64_t number;
    written();
    memcpy(&number, first_entry(), sizeof number);
    assert_true(number == 0 || number == 2);
    assert_memory_equal(first_entry() + sizeof number, conn_ends(&w.o->conns, &w.o->conns.at[number]),
                        sizeof(struct ends));
    assert_int_equal(kind.index->entry_bytes, sizeof(struct ends));
    watch_fini(&w);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inline_numbers),   cmocka_unit_test(inline_tuples),   cmocka_unit_test(inline_layout),
        cmocka_unit_test(observed_numbers), cmocka_unit_test(observed_tuples), cmocka_unit_test(observed_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
