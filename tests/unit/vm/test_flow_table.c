/* The flow table: each promise of its header; tests/diff/flow_table.c compares it with a plain one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tests/lib/rng.h"
#include "vm/flow/table/table_priv.h"

static const uint64_t second = 1000000000;

static bool long_run(void)
{
    const char *more = getenv("LONG");
    return more && *more;
}

static struct flow_table *table_of(uint64_t flows, uint64_t half_open)
{
    struct flow_table_cfg cfg = {.flows = flows, .half_open = half_open, .seed = 7, .begins = true};
    for (unsigned i = 0; i < FLOW_STATES; i++) cfg.timeout_ns[i] = (100 + i) * second;
    struct flow_table *t = flow_table_new(&cfg);
    assert_non_null(t);
    return t;
}

static struct flow_id ip4(uint32_t low, uint32_t high, uint16_t low_port, uint16_t high_port)
{
    return (struct flow_id){.low = {low}, .high = {high}, .low_port = low_port, .high_port = high_port, .proto = 6};
}

static int32_t add(struct flow_table *t, struct flow_id id, enum flow_state state, uint64_t now_ns)
{
    return table_begin(t, &(struct flow_tuple){id, flow_hash(t, &id), FLOW_NONE, false}, state, 0, now_ns);
}

static int32_t find(struct flow_table *t, struct flow_id id, uint64_t now_ns)
{
    return flow_find(t, &id, flow_hash(t, &id), now_ns);
}

static uint64_t ended(const struct flow_table *t)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < FLOW_ENDS; i++) sum += flow_table_counters(t)->ended[i];
    return sum;
}

/* ---- tags, places, hashes ---- */

#ifdef __SSE2__
static void tags_compare_alike(void **state)
{
    (void)state;
    struct rng r = {1};
    uint16_t tags[GROUP];
    for (unsigned n = 0; n < 200000; n++) {
        for (unsigned i = 0; i < GROUP; i++) tags[i] = (uint16_t)(rng_next(&r) & (n % 2 ? 0xffff : 0x8003));
        const uint16_t mask = (uint16_t)(n % 3 == 0 ? TAG_HASH : n % 3 == 1 ? TAG_CLASS : 0xffff);
        const uint16_t bits = tags[rng_below(&r, GROUP)] & mask;
        assert_int_equal(tags_equal_sse2(tags, mask, bits), tags_equal_plain(tags, mask, bits));
        assert_int_equal(tags_equal_words(tags, mask, bits), tags_equal_plain(tags, mask, bits));
    }
}
#endif

/* The slot found has the tag, in any class; without the tag there is none. */
static void a_tag_is_found(void **state)
{
    (void)state;
    struct rng r = {3};
    uint16_t tags[GROUP];
    for (unsigned n = 0; n < 200000; n++) {
        const uint16_t hash = (uint16_t)(1 + rng_below(&r, n % 2 ? TAG_HASH : 8));
        for (unsigned i = 0; i < GROUP; i++) tags[i] = (uint16_t)(rng_next(&r) & (n % 3 ? 0xc007 : 0xffff));
        if (n % 2) tags[rng_below(&r, GROUP)] = (uint16_t)(hash | rng_below(&r, 4) << TAG_CLASS_AT);
        const unsigned native = tags_find(tags, hash), words = tags_find_words(tags, hash);
        assert_int_equal(native == GROUP, !tags_like(tags, hash));
        assert_int_equal(words == GROUP, native == GROUP);
        if (native == GROUP) continue;
        assert_int_equal(tags[native] & TAG_HASH, hash);
        assert_int_equal(tags[words] & TAG_HASH, hash);
    }
    for (unsigned i = 0; i < GROUP; i++) {
        memset(tags, 0, sizeof tags);
        tags[i] = 0xc001;
        assert_int_equal(tags_find_words(tags, 1), i);
    }
}

static void masks_are_counted(void **state)
{
    (void)state;
    for (uint32_t m = 0; m < 1u << GROUP; m++) assert_int_equal(tags_count(m), __builtin_popcount(m));
}

static void places_are_two_groups(void **state)
{
    (void)state;
    struct rng r = {2};
    const uint64_t ends[] = {0, UINT64_MAX, UINT32_MAX, (uint64_t)UINT32_MAX << 32};
    for (unsigned n = 0; n < 100000; n++) {
        const uint32_t groups = n % 2 ? 2 + rng_below(&r, 5) : 2 + rng_below(&r, 1u << 27);
        const struct place at = place_of(n < 100 ? ends[n % 4] : rng_next(&r), groups);
        assert_true(at.group[0] < groups && at.group[1] < groups && at.group[0] != at.group[1]);
        assert_true(at.tag != 0 && at.tag <= TAG_HASH);
    }
}

/* Ids in even steps spread like drawn ones: with four per group on average, 1 group in e^4 is empty. */
static void neighbours_spread(void **state)
{
    (void)state;
    enum { GROUPS = 4096, IDS = 4 * GROUPS };
    static unsigned load[2][GROUPS];
    static unsigned tags[TAG_HASH + 1];
    for (unsigned way = 0; way < 4; way++) {
        struct flow_table *t = table_of(16, 16);
        memset(load, 0, sizeof load);
        memset(tags, 0, sizeof tags);
        for (unsigned i = 0; i < IDS; i++) {
            struct flow_id id = ip4(way == 0 ? i : 1, way == 1 ? i << 8 : 2, way == 2 ? (uint16_t)i : 80, 443);
            if (way == 3) {
                id.kind = FLOW_ID_IP6;
                id.high[1] = i << 16;
            }
            const struct place at = place_of(flow_hash(t, &id), GROUPS);
            load[0][at.group[0]]++;
            load[1][at.group[1]]++;
            tags[at.tag]++;
        }
        for (unsigned side = 0; side < 2; side++) {
            unsigned empty = 0, most = 0;
            for (unsigned g = 0; g < GROUPS; g++) {
                empty += load[side][g] == 0;
                if (load[side][g] > most) most = load[side][g];
            }
            assert_in_range(empty, GROUPS / 55 / 2, GROUPS / 55 * 2);
            assert_in_range(most, 9, 25);
        }
        for (unsigned i = 0; i <= TAG_HASH; i++) assert_in_range(tags[i], 0, 20);
        flow_table_free(t);
    }
}

static void seeds_differ(void **state)
{
    (void)state;
    const struct flow_id id = ip4(1, 2, 3, 4);
    struct flow_table_cfg cfg = {.flows = 16, .seed = 1};
    struct flow_table *a = flow_table_new(&cfg), *b = flow_table_new(&cfg);
    cfg.seed = 2;
    struct flow_table *c = flow_table_new(&cfg);
    assert_int_equal(flow_hash(a, &id), flow_hash(b, &id));
    assert_int_not_equal(flow_hash(a, &id), flow_hash(c, &id));
    flow_table_free(a);
    flow_table_free(b);
    flow_table_free(c);
}

/* ---- flows ---- */

static void every_part_of_the_id_counts(void **state)
{
    (void)state;
    struct flow_table *t = table_of(1000, 100);
    struct flow_id id = {.low = {1, 2, 3, 4},
                         .high = {5, 6, 7, 8},
                         .low_port = 9,
                         .high_port = 10,
                         .stack = 11,
                         .proto = 12,
                         .kind = FLOW_ID_IP6};
    const int32_t slot = add(t, id, FLOW_STATE_OPEN, 1);
    assert_int_equal(find(t, id, 1), slot);
    for (unsigned byte = 0; byte < sizeof id; byte++) {
        struct flow_id other = id;
        ((uint8_t *)&other)[byte] ^= byte == offsetof(struct flow_id, kind) ? FLOW_ID_ASKS_HIGH : 1;
        assert_int_equal(find(t, other, 1), FLOW_NONE);
        /* also if the hash leads to the same groups */
        assert_int_equal(flow_find(t, &other, flow_hash(t, &id), 1), FLOW_NONE);
    }
    struct flow_id back;
    flow_id_of(t, slot, &back);
    assert_memory_equal(&back, &id, sizeof id);
    flow_table_free(t);
}

static void a_new_flow_is_zero_but_for_what_it_is(void **state)
{
    (void)state;
    struct flow_table *t = table_of(16, 16);
    const struct flow_id id = ip4(1, 2, 3, 4);
    const uint64_t hash = flow_hash(t, &id);
    int32_t slot = table_begin(t, &(struct flow_tuple){id, hash, FLOW_NONE, true}, FLOW_STATE_UDP_ONE_WAY, 0, 5);
    memset(&flow_at(t, slot)->tcp, 0xff, sizeof(struct tcp_track));
    memset(flow_at(t, slot)->memo, 0xff, sizeof flow_at(t, slot)->memo);
    memset(&flow_cold_at(t, slot)->joint, 0xff, sizeof flow_cold_at(t, slot)->joint);
    flow_end(t, slot, FLOW_END_REOPENED, 6);
    slot = table_begin(t, &(struct flow_tuple){id, hash, FLOW_NONE, false}, FLOW_STATE_SYN_SENT, 0, 7);
    const struct flow want = {.hash = (uint32_t)(hash >> 32),
                              .state = FLOW_STATE_SYN_SENT,
                              .low = 1,
                              .high = 2,
                              .low_port = 3,
                              .high_port = 4,
                              .proto = 6,
                              .seen_ns = 7};
    const struct flow_cold cold = {.began_ns = 7};
    assert_memory_equal(flow_at(t, slot), &want, sizeof want);
    assert_memory_equal(flow_cold_at(t, slot), &cold, sizeof cold);
    flow_table_free(t);
}

/* If nobody tests when flows began, those of IPv4 touch one line. */
static void ip4_flows_have_one_line(void **state)
{
    (void)state;
    struct flow_table *t = flow_table_new(&(struct flow_table_cfg){.flows = 16, .half_open = 16, .seed = 7});
    const struct flow_cold none = {0};
    const int32_t slot = add(t, ip4(1, 2, 3, 4), FLOW_STATE_UDP_ONE_WAY, 5);
    assert_memory_equal(flow_cold_at(t, slot), &none, sizeof none);
    struct flow_id id = ip4(1, 2, 3, 4);
    id.kind = FLOW_ID_IP6;
    id.low[3] = 9;
    assert_int_equal(flow_cold_at(t, add(t, id, FLOW_STATE_UDP_ONE_WAY, 5))->low[3], 9);
    flow_table_free(t);
}

/* A slot whose word another thread has taken is skipped. */
static void a_taken_slot_is_passed(void **state)
{
    (void)state;
    struct flow_table *t = table_of(16, 16);
    const struct flow_id id = ip4(1, 2, 3, 4);
    const struct place at = place_of(flow_hash(t, &id), t->groups);
    table_take_row(t, at.group[0] * GROUP);
    table_slot(t, at.group[0] * GROUP)->taken = 1;
    assert_int_equal(add(t, id, FLOW_STATE_OPEN, 1), at.group[0] * GROUP + 1);
    flow_table_free(t);
}

/* In a large table few flows are in its few near groups; if these are full, flows are elsewhere, too, and are found. */
static void few_flows_lie_near(void **state)
{
    (void)state;
    enum { FEW = 1000, MANY = 30000 };
    struct flow_table *t = table_of(100000, 100000);
    const uint32_t far = (t->groups - t->near) * GROUP;
    assert_true(t->near >= 512 && t->near * 8 <= t->groups);
    for (uint32_t i = 0; i < MANY; i++) {
        const int32_t slot = add(t, ip4(i, 9, 1, 2), FLOW_STATE_OPEN, 1);
        if (i < FEW) assert_true((uint32_t)slot >= far);
    }
    unsigned near = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        const int32_t slot = find(t, ip4(i, 9, 1, 2), 1);
        assert_int_not_equal(slot, FLOW_NONE);
        near += (uint32_t)slot >= far;
    }
    assert_in_range(near, t->near * GROUP * 9 / 10, t->near * GROUP);
    flow_table_free(t);
}

static void each_state_ends_its_way(void **state)
{
    (void)state;
    for (unsigned s = 0; s < FLOW_STATES; s++) {
        struct flow_table *t = table_of(16, 16);
        const struct flow_id id = ip4(1, 2, 3, 4);
        const uint64_t over = 10 + (100 + s) * second, hash = flow_hash(t, &id);
        const int32_t slot = add(t, id, (enum flow_state)s, 10);
        enum flow_end how = FLOW_END_UNANSWERED;
        if (flow_class_is_open(flow_state_class((enum flow_state)s))) how = FLOW_END_IDLE;
        if (flow_state_class((enum flow_state)s) == FLOW_CLOSING) how = FLOW_END_CLOSED;
        if (strcmp(flow_state_name((enum flow_state)s), "reset") == 0) how = FLOW_END_RESET;
        assert_int_equal(flow_deadline(t, flow_at(t, slot)), over);
        assert_int_equal(find(t, id, over - 1), slot);
        assert_int_equal(find(t, id, 0), slot); /* a clock that goes back */
        assert_int_equal(flow_peek(t, &id, hash, over), FLOW_NONE);
        assert_int_equal(ended(t), 0);
        assert_int_equal(find(t, id, over), FLOW_NONE);
        assert_int_equal(flow_table_counters(t)->ended[how], 1);
        assert_int_equal(ended(t), 1);
        flow_table_free(t);
    }
}

static void deadlines_saturate(void **state)
{
    (void)state;
    struct flow_table_cfg cfg = {.flows = 16, .half_open = 16};
    for (unsigned i = 0; i < FLOW_STATES; i++) cfg.timeout_ns[i] = UINT64_MAX;
    struct flow_table *t = flow_table_new(&cfg);
    const int32_t slot = add(t, ip4(1, 2, 3, 4), FLOW_STATE_OPEN, 5);
    assert_true(flow_deadline(t, flow_at(t, slot)) == UINT64_MAX);
    assert_true(flow_sweep(t, 100, UINT64_MAX - 1));
    assert_int_equal(find(t, ip4(1, 2, 3, 4), UINT64_MAX - 1), slot);
    flow_table_free(t);
}

static void the_sweep_ends_what_is_over(void **state)
{
    (void)state;
    struct flow_table *t = table_of(1000, 1000);
    for (uint32_t i = 0; i < 1000; i++)
        add(t, ip4(i, i + 1, 1, 2), i % 2 ? FLOW_STATE_SYN_SENT : FLOW_STATE_OPEN, i % 4 < 2 ? 0 : 50 * second);
    const uint64_t now = (100 + FLOW_STATE_OPEN) * second;
    for (uint32_t g = 0; g < flow_groups(t); g++) assert_true(flow_sweep(t, 1, now));
    const struct flow_counters *c = flow_table_counters(t);
    assert_int_equal(c->live[FLOW_HALF_OPEN] + c->live[FLOW_ESTABLISHED], 500);
    assert_int_equal(c->ended[FLOW_END_UNANSWERED], 250);
    assert_int_equal(c->ended[FLOW_END_IDLE], 250);
    assert_false(flow_sweep(t, UINT32_MAX, 1000 * second));
    assert_int_equal(ended(t), 1000);
    assert_int_equal(c->most, 1000);
    flow_table_free(t);
}

/* ---- evictions ---- */

struct last_end {
    struct flow_table *t;
    struct flow_id id;
    enum flow_end how;
};
static void keep_last(void *arg, int32_t slot, const struct flow *f, const struct flow_cold *cold, enum flow_end how,
                      uint64_t now_ns)
{
    struct last_end *last = arg;
    (void)now_ns, (void)slot;
    flow_id_in(f, cold, &last->id);
    last->how = how;
}

/* With few half-open flows in a large table the hand sees all: the oldest goes, wherever it is. */
static void the_oldest_half_open_goes(void **state)
{
    (void)state;
    enum { MOST = HALF_OPEN_FEW, ADDS = 20000 };
    struct last_end last = {0};
    struct flow_table_cfg cfg = {.flows = 200000, .half_open = MOST, .seed = 3, .ended = keep_last, .arg = &last};
    for (unsigned i = 0; i < FLOW_STATES; i++) cfg.timeout_ns[i] = 1000 * second;
    struct flow_table *t = last.t = flow_table_new(&cfg);
    assert_true(t->groups > 2 * 64 * 64); /* so that the bits for 64 groups take several words */
    for (uint32_t i = 0; i < ADDS; i++) {
        add(t, ip4(i, 9, 1, 2), FLOW_STATE_SYN_SENT, i);
        if (i < MOST) continue;
        assert_int_equal(last.id.low[0], i - MOST);
        assert_int_equal(last.how, FLOW_END_HALF_OPEN_LIMIT);
    }
    assert_int_equal(flow_table_counters(t)->live[FLOW_HALF_OPEN], MOST);
    flow_table_free(t);
}

static void a_flow_that_becomes_half_open_stays(void **state)
{
    (void)state;
    struct flow_table *t = table_of(100, 2);
    const int32_t slot = add(t, ip4(0, 1, 1, 1), FLOW_STATE_RESET, 1);
    for (uint32_t i = 1; i < 5; i++) add(t, ip4(i, 9, 1, 2), FLOW_STATE_SYN_SENT, 100 + i);
    flow_set_state(t, slot, FLOW_STATE_SYN_SENT, 200);
    assert_int_equal(find(t, ip4(0, 1, 1, 1), 200), slot);
    assert_int_equal(flow_table_counters(t)->live[FLOW_HALF_OPEN], 2);
    assert_int_equal(flow_table_counters(t)->ended[FLOW_END_HALF_OPEN_LIMIT], 3);
    flow_table_free(t);
}

/* With a limit of 0 each half-open flow stays until the next one comes. */
static void no_half_open_flows(void **state)
{
    (void)state;
    struct flow_table *t = table_of(16, 0);
    for (uint32_t i = 0; i < 10; i++) {
        assert_true(add(t, ip4(i, 9, 1, 2), FLOW_STATE_SYN_SENT, i) >= 0);
        assert_int_equal(flow_table_counters(t)->live[FLOW_HALF_OPEN], 1);
    }
    flow_table_free(t);
}

/* Both groups full: the least class yields, even if it was seen last. */
static void the_least_class_yields(void **state)
{
    (void)state;
    static const enum flow_state states[FLOW_CLASSES] = {FLOW_STATE_SYN_SENT, FLOW_STATE_UDP_ONE_WAY, FLOW_STATE_UDP,
                                                         FLOW_STATE_CLOSING,  FLOW_STATE_UDP_LASTING, FLOW_STATE_OPEN};
    for (unsigned least = 0; least < FLOW_CLASSES; least++) {
        struct flow_table *t = table_of(16, 100);
        for (uint32_t i = 0; i < 32; i++)
            add(t, ip4(i, 100, 1, 2), states[i == 17 ? least : FLOW_ESTABLISHED], i == 17 ? 99 : i == 5 ? 1 : 50);
        assert_int_equal(ended(t), 0);
        add(t, ip4(200, 300, 1, 2), FLOW_STATE_SYN_SENT, 100);
        assert_int_equal(flow_table_counters(t)->ended[FLOW_END_EVICTED_HALF_OPEN + least], 1);
        assert_int_equal(find(t, ip4(least == FLOW_ESTABLISHED ? 5 : 17, 100, 1, 2), 100), FLOW_NONE);
        assert_int_equal(flow_table_counters(t)->live[FLOW_ESTABLISHED], 31);
        flow_table_free(t);
    }
}

/* ---- size ---- */

/* As many flows as the table is made for, drawn or consecutive: each finds a free slot. */
static void a_million_flows_fit(void **state)
{
    (void)state;
    const uint32_t flows = 1000000;
    for (unsigned run = 0; run < (long_run() ? 20 : 2); run++) {
        struct rng r = {run};
        struct flow_table_cfg cfg = {.flows = flows, .half_open = 10, .seed = run};
        for (unsigned i = 0; i < FLOW_STATES; i++) cfg.timeout_ns[i] = second;
        struct flow_table *t = flow_table_new(&cfg);
        assert_non_null(t);
        for (uint32_t i = 0; i < flows; i++) {
            struct flow_id id = ip4(0x0a000000 + i / 50000, 0xc0a80001, (uint16_t)(10000 + i % 50000), 443);
            if (run % 2) id = ip4(i, (uint32_t)rng_next(&r), (uint16_t)rng_next(&r), 443);
            add(t, id, FLOW_STATE_OPEN, i);
        }
        assert_int_equal(ended(t), 0);
        assert_int_equal(flow_table_counters(t)->live[FLOW_ESTABLISHED], flows);
        flow_table_free(t);
    }
}

/* Ten half-open flows from anywhere per established flow: no established flow goes. LONG: a million, at full size. */
static void a_flood_takes_no_established_flow(void **state)
{
    (void)state;
    const uint32_t flows = long_run() ? 1000000 : 100000;
    struct flow_table *t = table_of(flows, flows / 10);
    struct rng r = {5};
    for (uint32_t i = 0; i < flows; i++) add(t, ip4(i, 0xc0a80001, 1000, 443), FLOW_STATE_OPEN, 1);
    for (uint32_t i = 0; i < 10 * flows; i++)
        add(t, ip4((uint32_t)rng_next(&r), 0xffffffff, (uint16_t)i, (uint16_t)(i >> 16)), FLOW_STATE_SYN_SENT, 2 + i);
    const struct flow_counters *c = flow_table_counters(t);
    assert_int_equal(c->live[FLOW_ESTABLISHED], flows);
    assert_int_equal(c->ended[FLOW_END_EVICTED_ESTABLISHED], 0);
    assert_int_equal(c->live[FLOW_HALF_OPEN], flows / 10);
    assert_int_equal(c->added, 11 * flows);
    assert_int_equal(ended(t), 10 * flows - flows / 10);
    for (uint32_t i = 0; i < flows; i++) assert_true(find(t, ip4(i, 0xc0a80001, 1000, 443), 2) >= 0);
    flow_table_free(t);
}

/* Under the same flood a handshake isn't cut off if it takes a tenth of the time in which the limit is used up. */
static void real_clients_get_in_under_a_flood(void **state)
{
    (void)state;
    enum { HALF = 10000, CLIENTS = 2000 };
    struct flow_table *t = table_of(100000, HALF);
    struct rng r = {6};
    unsigned lost = 0;
    uint64_t now = 0;
    for (uint32_t i = 0; i < CLIENTS; i++) {
        const struct flow_id id = ip4(i, 1, 1000, 443);
        add(t, id, FLOW_STATE_SYN_SENT, now);
        for (unsigned n = 0; n < HALF / 10; n++)
            add(t, ip4((uint32_t)rng_next(&r), 0xffffffff, 1, 2), FLOW_STATE_SYN_SENT, ++now);
        const int32_t slot = find(t, id, now);
        lost += slot == FLOW_NONE;
        if (slot != FLOW_NONE) flow_end(t, slot, FLOW_END_CLOSED, now);
    }
    assert_in_range(lost, 0, CLIENTS / 100);
    flow_table_free(t);
}

static void tables_of_every_size(void **state)
{
    (void)state;
    for (uint64_t flows = 0; flows < 200; flows++) {
        struct flow_table *t = table_of(flows, 1000);
        const uint32_t slots = flow_groups(t) * GROUP;
        assert_true(slots >= flows * 3 / 2 && slots >= 32 && slots < flows * 3 / 2 + 32 + GROUP);
        assert_true((t->rows_bytes + t->tags_bytes) >= slots * 130 && (uintptr_t)flow_at(t, 0) % 64 == 0);
        assert_true((uintptr_t)flow_cold_at(t, 0) % 64 == 0 && (uintptr_t)t->tags % 64 == 0);
        for (uint32_t i = 0; i < 2 * slots; i++) {
            const int32_t slot = add(t, ip4(i, 1, 2, 3), FLOW_STATE_OPEN, i);
            assert_true(slot >= 0 && (uint32_t)slot < slots);
        }
        assert_int_equal(flow_table_counters(t)->live[FLOW_ESTABLISHED] + ended(t), 2 * slots);
        flow_table_free(t);
    }
}

/* A size that memory can't hold is rejected; a possible one succeeds or is rejected, but is never broken. */
static void the_largest_tables(void **state)
{
    (void)state;
    const struct flow_table_cfg none = {.flows = UINT64_MAX}, most = {.flows = INT32_MAX};
    assert_null(flow_table_new(&none));
    assert_null(flow_table_new(&most));
    struct flow_table_cfg cfg = {.flows = 100000000, .half_open = 3};
    for (unsigned i = 0; i < FLOW_STATES; i++) cfg.timeout_ns[i] = second;
    struct flow_table *t = flow_table_new(&cfg);
    for (uint32_t i = 0; t && i < 1000; i++) {
        assert_true(add(t, ip4(i, 1, 2, 3), FLOW_STATE_SYN_SENT, i) >= 0);
        assert_true(find(t, ip4(i, 1, 2, 3), i) >= 0);
    }
    if (t) assert_int_equal(ended(t), 997);
    flow_table_free(t);
}

/* ---- memory ---- */

/* Return the KiB of a table's rows that are resident. */
static size_t resident(const struct flow_table *t)
{
    const size_t pages = t->rows_bytes / 4096;
    unsigned char *there = malloc(pages);
    size_t n = 0;
    assert_non_null(there);
    assert_int_equal(mincore(t->memory, pages * 4096, there), 0);
    for (size_t i = 0; i < pages; i++) n += there[i] & 1;
    free(there);
    return n * 4;
}

static void note(void *arg) { ++*(unsigned *)arg; }

static struct flow_table *large_table(unsigned *asked)
{
    struct flow_table_cfg cfg = {.flows = 1000000,
                                 .half_open = 1000,
                                 .seed = 7,
                                 .bound = true,
                                 .paired = true,
                                 .prefault = true,
                                 .grows = note,
                                 .grows_arg = asked};
    for (unsigned i = 0; i < FLOW_STATES; i++) cfg.timeout_ns[i] = 100 * second;
    struct flow_table *t = flow_table_new(&cfg);
    assert_non_null(t);
    return t;
}

/* Flows anywhere in the table use memory block by block, taken in advance, and reuse it. */
static void memory_follows_from_flows(void **state)
{
    enum { FLOWS = 20000, LARGE = 2048 /* KiB */ };
    (void)state;
    unsigned asked = 0;
    struct flow_table *t = large_table(&asked);
    size_t most = resident(t);
    assert_in_range(most, 1024, 2 * LARGE);
    for (unsigned round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < FLOWS; i++) {
            const unsigned before = asked;
            assert_true(add(t, ip4(i, round, 2, 3), FLOW_STATE_OPEN, i) >= 0);
            const size_t row = (size_t)t->left.fresh * BLOCK * t->stride;
            assert_true(row <= t->ahead); /* its memory was taken before the flow came */
            if (asked != before) flow_table_ahead(t, 0);
        }
        const size_t now = resident(t);
        if (round == 0) most = now;
        assert_in_range(now, FLOWS / 4,
                        FLOWS * 3 / 2 + 2 * LARGE); /* KiB: at most a block each, and half as many again */
        assert_int_equal(now, most);
        assert_int_equal(flow_sweep(t, flow_groups(t), FLOWS + 200 * second), false);
    }
    assert_in_range(asked, FLOWS / 4 / 1024, FLOWS / 1024 + 1);
    flow_table_free(t);
}

/* In live use, connections older than prey are picked up for as long as an open one may be silent. */
static void how_long_is_picked_up(void **state)
{
    (void)state;
    struct pbc_settings s = {.tcp_established_ns = 7440 * UINT64_C(1000000000)};
    assert_true(flow_pickup_ns(&s, true) == s.tcp_established_ns);
    assert_true(flow_pickup_ns(&s, false) == 0);
    s.written = UINT64_C(1) << PBC_SETTING_pickup_ns;
    assert_true(flow_pickup_ns(&s, true) == 0);
    s.pickup_ns = 99;
    assert_true(flow_pickup_ns(&s, true) == 99);
    assert_true(flow_pickup_ns(&s, false) == 99);
}

/* ---- names ---- */

static void names_and_timeouts(void **state)
{
    (void)state;
    const struct pbc_settings s = {.tcp_established_ns = 1,
                                   .tcp_half_open_ns = 2,
                                   .tcp_closing_ns = 3,
                                   .udp_ns = 4,
                                   .icmp_ns = 5,
                                   .sctp_ns = 6,
                                   .other_ns = 7,
                                   .pickup_ns = 99};
    uint64_t timeout_ns[FLOW_STATES];
    flow_timeouts(&s, timeout_ns);
    assert_int_equal(timeout_ns[FLOW_STATE_SYN_RECEIVED], 2);
    assert_int_equal(timeout_ns[FLOW_STATE_HALF_CLOSED], 1);
    assert_int_equal(timeout_ns[FLOW_STATE_RESET], 3);
    assert_int_equal(timeout_ns[FLOW_STATE_UDP], 4);
    assert_int_equal(timeout_ns[FLOW_STATE_ICMP_ONE_WAY], 5);
    assert_int_equal(timeout_ns[FLOW_STATE_SCTP], 6);
    assert_int_equal(timeout_ns[FLOW_STATE_OTHER], 7);
    assert_string_equal(flow_state_name(FLOW_STATE_OPEN), "established");
    assert_string_equal(flow_state_name(FLOW_STATES), "-");
    assert_string_equal(flow_end_name(FLOW_END_HALF_OPEN_LIMIT), "half-open-limit");
    assert_string_equal(flow_end_name(FLOW_ENDS), "-");
    assert_int_equal(flow_state_class(FLOW_STATE_PICKED_UP), FLOW_ONE_WAY);
    /* evictions are counted by class */
    assert_int_equal(FLOW_END_EVICTED_HALF_OPEN + FLOW_ESTABLISHED, FLOW_END_EVICTED_ESTABLISHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef __SSE2__
        cmocka_unit_test(tags_compare_alike),
#endif
        cmocka_unit_test(masks_are_counted),
        cmocka_unit_test(a_tag_is_found),
        cmocka_unit_test(places_are_two_groups),
        cmocka_unit_test(neighbours_spread),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(every_part_of_the_id_counts),
        cmocka_unit_test(a_new_flow_is_zero_but_for_what_it_is),
        cmocka_unit_test(ip4_flows_have_one_line),
        cmocka_unit_test(a_taken_slot_is_passed),
        cmocka_unit_test(few_flows_lie_near),
        cmocka_unit_test(each_state_ends_its_way),
        cmocka_unit_test(deadlines_saturate),
        cmocka_unit_test(the_sweep_ends_what_is_over),
        cmocka_unit_test(the_oldest_half_open_goes),
        cmocka_unit_test(a_flow_that_becomes_half_open_stays),
        cmocka_unit_test(no_half_open_flows),
        cmocka_unit_test(the_least_class_yields),
        cmocka_unit_test(a_million_flows_fit),
        cmocka_unit_test(a_flood_takes_no_established_flow),
        cmocka_unit_test(real_clients_get_in_under_a_flood),
        cmocka_unit_test(tables_of_every_size),
        cmocka_unit_test(the_largest_tables),
        cmocka_unit_test(memory_follows_from_flows),
        cmocka_unit_test(how_long_is_picked_up),
        cmocka_unit_test(names_and_timeouts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
