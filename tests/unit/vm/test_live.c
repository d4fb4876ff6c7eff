/* Live sets against a plain list of their members, with drawn changes, look-ups and times, in their own memory and
 * an owner's; full sets, lengths, expiry over a day, and a set filled to its last place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/rng.h"
#include "vm/judge/lives.h"

typedef unsigned __int128 u128;

enum { MEMBERS = 1 << 12, RANGES = 4000, HALF_WORDS = 8 * RANGES };

struct model {
    struct live_set *set;
    struct rng r;
    struct live_cfg cfg;
    uint64_t now;
    int families; /* 4, 6; 0: both */
    unsigned count;
    struct live_entry member[MEMBERS];
    struct pbc_range r4[RANGES];
    struct pbc_range6 r6[RANGES];
    struct live_base base;
    struct live_shown *shown; /* NULL: the set has its own memory */
    uint64_t *ranges;         /* with `shown`: as in struct live_memory */
    void *arrays[2][3];       /* as in struct live_memory */
};

static u128 number_of(const uint32_t a[4], bool v6)
{
    if (!v6) return (u128)a[0] << 96;
    return (u128)((uint64_t)a[0] << 32 | a[1]) << 64 | ((uint64_t)a[2] << 32 | a[3]);
}

static void address_of(u128 n, bool v6, uint32_t a[4])
{
    for (unsigned i = 0; i < 4; i++) a[i] = v6 || i == 0 ? (uint32_t)(n >> (96 - 32 * i)) : 0;
}

static u128 mask_of(unsigned len) { return len ? ~(u128)0 << (128 - len) : 0; }

/* Draw an address with few bits set, so that networks are nested. */
static void draw_address(struct rng *r, bool v6, uint32_t a[4])
{
    u128 n = 0;
    for (unsigned i = 0; i < 3; i++) n |= (u128)rng_below(r, 4) << (v6 ? rng_below(r, 127) : 96 + rng_below(r, 31));
    address_of(n, v6, a);
}

static struct live_net draw_net(struct model *m)
{
    static const uint8_t four[] = {32, 24, 16, 31, 25, 8, 1, 0, 12, 30},
                         six[] = {128, 64, 56, 48, 127, 65, 3, 0, 96, 33};
    const bool v6 = m->families ? m->families == 6 : rng_one_in(&m->r, 2);
    const unsigned i = rng_below(&m->r, rng_one_in(&m->r, 2) ? 2 : 10);
    struct live_net net = {.len = v6 ? six[i] : four[i], .v6 = v6};
    draw_address(&m->r, v6, net.addr);
    address_of(number_of(net.addr, v6) & mask_of(net.len), v6, net.addr);
    return net;
}

static bool net_equal(const struct live_net *a, const struct live_net *b)
{
    return a->v6 == b->v6 && a->len == b->len && memcmp(a->addr, b->addr, sizeof a->addr) == 0;
}

static bool covers(const struct live_net *net, const uint32_t a[4], bool v6)
{
    return net->v6 == v6 && (number_of(a, v6) & mask_of(net->len)) == number_of(net->addr, v6);
}

static struct live_entry *model_find(struct model *m, const struct live_net *net)
{
    for (unsigned i = 0; i < m->count; i++)
        if (net_equal(&m->member[i].net, net)) return &m->member[i];
    return NULL;
}

static void model_drop(struct model *m, struct live_entry *e) { *e = m->member[--m->count]; }

static void model_expire(struct model *m)
{
    for (unsigned i = m->count; i-- > 0;)
        if (m->member[i].end_ms <= m->now) model_drop(m, &m->member[i]);
}

/* Count the lengths of a family. */
static unsigned lengths_of(const struct model *m, bool v6)
{
    bool there[129] = {false};
    unsigned count = 0;
    for (unsigned i = 0; i < m->count; i++)
        if (m->member[i].net.v6 == v6 && !there[m->member[i].net.len]) there[m->member[i].net.len] = ++count;
    return count;
}

static bool has_length(const struct model *m, const struct live_net *net)
{
    for (unsigned i = 0; i < m->count; i++)
        if (m->member[i].net.v6 == net->v6 && m->member[i].net.len == net->len) return true;
    return false;
}

/* Return the soonest end of a family's members. */
static uint64_t soonest_of(const struct model *m, bool v6)
{
    uint64_t soonest = LIVE_FOREVER;
    for (unsigned i = 0; i < m->count; i++)
        if (m->member[i].net.v6 == v6 && m->member[i].end_ms < soonest) soonest = m->member[i].end_ms;
    return soonest;
}

/* ---- checks ---- */

/* True for sets so small that a key's two groups are its family's only ones. */
static bool tiny(const struct model *m) { return m->cfg.size <= 20; }

static void check_counts(const struct model *m)
{
    const struct live_counts c = live_counts(m->set);
    assert_true(c.members <= m->cfg.size && c.members >= m->count);
    assert_int_equal(c.added - c.removed - c.expired - c.evicted, c.members);
}

/* Check that another judge reads the set's data: as many lengths as there are, from the longest, and the base. */
static void check_shown(const struct model *m)
{
    if (!m->shown) return;
    const uint64_t turn = m->shown->turn;
    const struct live_shown_base *b = &m->shown->base[turn & 1];
    const struct live_base base = live_base(m->set);
    for (unsigned v6 = 0; v6 < 2; v6++) {
        unsigned before = 256, count = 0;
        for (uint64_t lengths = m->shown->lengths[v6]; lengths; lengths >>= 8, count++) {
            assert_true((lengths & 0xff) < before);
            before = lengths & 0xff;
        }
        assert_true(count >= lengths_of(m, v6)); /* some members have expired, but are still stored */
    }
    assert_int_equal(b->count4, base.count4);
    assert_int_equal(b->count6, base.count6);
    const uint64_t *half = m->ranges + (turn & 1) * HALF_WORDS;
    if (base.count6) assert_memory_equal(half, base.r6, base.count6 * sizeof *base.r6);
    if (base.count4) assert_memory_equal(half + b->first4, base.r4, base.count4 * sizeof *base.r4);
}

static bool base_holds(const struct model *m, const uint32_t a[4], bool v6, u128 ends[2])
{
    const u128 n = number_of(a, v6);
    for (uint32_t i = 0; i < (v6 ? m->base.count6 : m->base.count4); i++) {
        const struct pbc_range6 *r = &m->r6[i];
        ends[0] = v6 ? (u128)r->lo_hi << 64 | r->lo_lo : (u128)m->r4[i].lo << 96;
        ends[1] = v6 ? (u128)r->hi_hi << 64 | r->hi_lo : (u128)m->r4[i].hi << 96;
        if (ends[0] <= n && n <= ends[1]) return true;
    }
    return false;
}

static void check_address(const struct model *m, const uint32_t a[4], bool v6)
{
    const struct live_entry *best = NULL;
    struct live_why why;
    u128 ends[2];
    for (unsigned i = 0; i < m->count; i++) {
        const struct live_entry *e = &m->member[i];
        if (!covers(&e->net, a, v6)) continue;
        if (!best || e->end_ms > best->end_ms || (e->end_ms == best->end_ms && e->net.len > best->net.len)) best = e;
    }
    const bool based = base_holds(m, a, v6, ends);
    assert_int_equal(live_has(m->set, m->now, a, v6), based || best);
    assert_int_equal(live_why(m->set, m->now, a, v6, &why), based || best);
    if (!based && !best) return;
    assert_int_equal(why.base, based);
    assert_int_equal(why.end_ms, based ? LIVE_FOREVER : best->end_ms);
    if (based)
        assert_true(number_of(why.lo, v6) == ends[0] && number_of(why.hi, v6) == ends[1]);
    else
        assert_true(net_equal(&why.net, &best->net));
}

static void check_list(struct model *m)
{
    struct live_entry out[7];
    unsigned listed = 0;
    uint64_t at = 0;
    for (unsigned n; (n = live_list(m->set, m->now, &at, out, 1 + rng_below(&m->r, 7)));)
        for (unsigned i = 0; i < n; i++, listed++) {
            const struct live_entry *e = model_find(m, &out[i].net);
            assert_true(e && e->end_ms == out[i].end_ms);
        }
    assert_int_equal(listed, m->count);
}

/* ---- steps ---- */

/* Find the evicted member: one of the new member's family that would have expired, in a tiny set the soonest. */
static void check_evicted(struct model *m, const struct live_net *net, uint64_t soonest)
{
    struct live_entry *gone = NULL;
    uint64_t end;
    for (unsigned i = 0; i < m->count; i++)
        if (!live_find(m->set, m->now, &m->member[i].net, &end)) {
            assert_null(gone);
            gone = &m->member[i];
        }
    assert_true(gone && gone->net.v6 == net->v6 && gone->end_ms < LIVE_FOREVER);
    if (tiny(m)) assert_int_equal(gone->end_ms, soonest);
    model_drop(m, gone);
}

static enum live_said said_of_old(struct live_entry *e, uint64_t end, enum live_how how)
{
    if (how == LIVE_ONCE || end == e->end_ms || (how == LIVE_LATER && end < e->end_ms)) return LIVE_KEPT;
    e->end_ms = end;
    return LIVE_RENEWED;
}

static void add(struct model *m)
{
    const struct live_net net = draw_net(m);
    const enum live_how how = (enum live_how)rng_below(&m->r, 3);
    const uint64_t end = rng_one_in(&m->r, 20) ? LIVE_FOREVER + rng_below(&m->r, 2)
                                               : m->now + rng_below(&m->r, 4) * rng_below(&m->r, 300);
    const uint64_t kept = end < LIVE_FOREVER ? end : LIVE_FOREVER;
    const uint64_t soonest = soonest_of(m, net.v6);
    const bool full = m->count == m->cfg.size,
               ninth = lengths_of(m, net.v6) == LIVE_LENGTHS_MOST && !has_length(m, &net);
    const struct live_counts before = live_counts(m->set);
    struct live_entry *e = model_find(m, &net);
    const enum live_said said = live_add(m->set, m->now, &net, end, how);
    const uint64_t evicted = live_counts(m->set).evicted - before.evicted;
    if (e) {
        assert_int_equal(said, said_of_old(e, kept, how));
        assert_int_equal(evicted, 0);
        model_expire(m);
        return;
    }
    if (end <= m->now) {
        assert_int_equal(said, LIVE_ADDED);
        return;
    }
    /* Before a set rejects a member, a sweep covers all of a small set. */
    if (m->cfg.size <= 40) assert_int_equal(said == LIVE_LENGTHS, ninth);
    if (m->cfg.size <= 40 && m->cfg.refuse) assert_int_equal(said == LIVE_FULL, full && !ninth);
    if (tiny(m) && m->families && !ninth) {
        assert_int_equal(said == LIVE_FULL, full && (m->cfg.refuse || soonest == LIVE_FOREVER));
        assert_int_equal(evicted, full && !m->cfg.refuse && soonest < LIVE_FOREVER);
    }
    if (said != LIVE_ADDED) assert_true(said == LIVE_FULL || said == LIVE_LENGTHS);
    assert_true(evicted <= (said == LIVE_ADDED && !m->cfg.refuse));
    if (evicted) check_evicted(m, &net, soonest);
    if (said == LIVE_ADDED) m->member[m->count++] = (struct live_entry){net, kept};
}

static void remove_one(struct model *m)
{
    const struct live_net net =
        m->count && rng_one_in(&m->r, 2) ? m->member[rng_below(&m->r, m->count)].net : draw_net(m);
    struct live_entry *e = model_find(m, &net);
    assert_int_equal(live_remove(m->set, m->now, &net), e ? LIVE_REMOVED : LIVE_ABSENT);
    if (e) model_drop(m, e);
}

/* Advance to the edge of a member's end, or somewhere later. */
static void wait(struct model *m)
{
    const uint64_t end = m->count ? m->member[rng_below(&m->r, m->count)].end_ms : LIVE_FOREVER;
    if (rng_one_in(&m->r, 2) && end < LIVE_FOREVER)
        m->now = end - rng_below(&m->r, 2);
    else
        m->now += rng_below(&m->r, 60);
    model_expire(m);
}

static void replace(struct model *m)
{
    const unsigned most = rng_one_in(&m->r, 3) ? RANGES : 8;
    m->base = (struct live_base){m->r4, m->r6, rng_below(&m->r, most), rng_below(&m->r, most)};
    u128 at = 0;
    for (uint32_t i = 0; i < m->base.count4; i++) {
        at += 2 + rng_below(&m->r, UINT32_MAX / most / 2);
        m->r4[i].lo = (uint32_t)at;
        at += rng_below(&m->r, UINT32_MAX / most / 2);
        m->r4[i].hi = (uint32_t)at;
    }
    at = 0;
    for (uint32_t i = 0; i < m->base.count6; i++) {
        at += 2 + (u128)rng_next(&m->r) * rng_below(&m->r, 1 << 20);
        m->r6[i].lo_hi = (uint64_t)(at >> 64), m->r6[i].lo_lo = (uint64_t)at;
        at += (u128)rng_next(&m->r) * rng_below(&m->r, 1 << 20);
        m->r6[i].hi_hi = (uint64_t)(at >> 64), m->r6[i].hi_lo = (uint64_t)at;
    }
    assert_true(live_replace(m->set, &m->base));
    const struct live_base b = live_base(m->set);
    assert_true(b.count4 == m->base.count4 && b.count6 == m->base.count6);
    if (b.count4) assert_memory_equal(b.r4, m->r4, b.count4 * sizeof *b.r4);
    if (b.count6) assert_memory_equal(b.r6, m->r6, b.count6 * sizeof *b.r6);
}

static void step(struct model *m)
{
    uint32_t a[4];
    uint64_t end;
    const unsigned drawn = rng_below(&m->r, 100);
    if (drawn < 60)
        add(m);
    else if (drawn < 80)
        remove_one(m);
    else if (drawn < 95)
        wait(m);
    else if (drawn < 99)
        live_sweep(m->set, m->now, rng_below(&m->r, 4));
    else if (rng_one_in(&m->r, 20))
        replace(m);
    check_counts(m);
    const bool v6 = rng_one_in(&m->r, 2);
    draw_address(&m->r, v6, a);
    check_address(m, a, v6);
    const struct live_net net =
        m->count && rng_one_in(&m->r, 2) ? m->member[rng_below(&m->r, m->count)].net : draw_net(m);
    const struct live_entry *e = model_find(m, &net);
    assert_int_equal(live_find(m->set, m->now, &net, &end), e != NULL);
    if (e) assert_int_equal(end, e->end_ms);
    check_address(m, net.addr, net.v6);
}

/* Make the model's set, over our memory for two seeds of five. */
static void set_make(struct model *m, uint64_t seed)
{
    m->shown = NULL;
    if (seed % 5 >= 2) {
        m->set = live_new(&m->cfg);
        assert_false(live_is_over(m->set));
        return;
    }
    struct live_memory memory = {.half_words = HALF_WORDS};
    const uint64_t slots = live_slots(m->cfg.size);
    m->shown = memory.shown = calloc(1, sizeof *m->shown);
    m->ranges = memory.ranges = calloc(2, HALF_WORDS * sizeof *m->ranges);
    for (unsigned v6 = 0; v6 < 2; v6++) {
        memory.of[v6].tags = calloc(slots, sizeof *memory.of[v6].tags);
        memory.of[v6].words = calloc(slots, sizeof *memory.of[v6].words);
        memory.of[v6].keys = calloc(slots, (v6 ? 3 : 1) * sizeof *memory.of[v6].keys);
        m->arrays[v6][0] = memory.of[v6].tags;
        m->arrays[v6][1] = memory.of[v6].words;
        m->arrays[v6][2] = memory.of[v6].keys;
    }
    m->set = live_over(&m->cfg, &memory);
    assert_true(live_is_over(m->set));
}

static void set_unmake(struct model *m)
{
    live_free(m->set);
    if (!m->shown) return;
    free(m->shown);
    free(m->ranges);
    for (unsigned i = 0; i < 6; i++) free(m->arrays[i / 3][i % 3]);
}

static void like_a_plain_list(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 2, 3, 5, 8, 13, 20, 21, 28, 40, 100, 700};
    static struct model m;
    struct live_counts all = {0};
    for (uint64_t seed = 1; seed <= 6 * sizeof sizes / sizeof *sizes; seed++) {
        m.cfg = (struct live_cfg){.size = sizes[(seed - 1) / 6], .refuse = seed % 2, .seed = seed};
        m.r = (struct rng){seed};
        m.now = rng_below(&m.r, 1000), m.count = 0;
        m.families = (int[]){0, 4, 6}[seed % 3];
        m.base = (struct live_base){0};
        set_make(&m, seed);
        assert_non_null(m.set);
        for (unsigned i = 0; i < 1500; i++) {
            step(&m);
            check_shown(&m);
            if (i % 100 == 0) check_list(&m);
        }
        const struct live_counts c = live_counts(m.set);
#define X(field, doc) all.field += c.field;
        LIVE_COUNTS(X)
#undef X
        set_unmake(&m);
    }
#define X(field, doc) assert_true(all.field > 100);
    LIVE_COUNTS(X)
#undef X
    live_free(NULL);
}

/* ---- by hand ---- */

static struct live_net net4(uint32_t addr, unsigned len) { return (struct live_net){{addr}, (uint8_t)len, false}; }
static struct live_net net6(uint32_t upper, unsigned len) { return (struct live_net){{upper}, (uint8_t)len, true}; }

static struct live_set *new_set(uint64_t size, bool refuse)
{
    struct live_set *s = live_new(&(struct live_cfg){.size = size, .refuse = refuse, .seed = size});
    assert_non_null(s);
    return s;
}

static enum live_said add_until(struct live_set *s, uint64_t now, struct live_net net, uint64_t end)
{
    return live_add(s, now, &net, end, LIVE_SET);
}

/* Sets of two groups per family: the size is exact over both; members that never expire are never evicted; a place
 * becomes free again. */
static void full(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= 20; size++)
        for (unsigned refuse = 0; refuse < 2; refuse++) {
            struct live_set *s = new_set(size, refuse);
            for (uint32_t i = 0; i < size; i++)
                assert_int_equal(add_until(s, 0, i % 2 ? net6(i, 32) : net4(i, 32), LIVE_FOREVER), LIVE_ADDED);
            assert_int_equal(add_until(s, 0, net4(99, 32), 5), LIVE_FULL);
            assert_int_equal(add_until(s, 0, net6(99, 32), 5), LIVE_FULL);
            assert_int_equal(live_counts(s).full, 2);
            assert_int_equal(live_counts(s).members, size);
            assert_int_equal(add_until(s, 0, net4(0, 32), 10), LIVE_RENEWED);
            assert_int_equal(add_until(s, 9, net6(99, 32), 15), LIVE_FULL);
            assert_int_equal(add_until(s, 9, net4(99, 32), 15), refuse ? LIVE_FULL : LIVE_ADDED);
            assert_int_equal(live_counts(s).evicted, !refuse);
            /* An expired member of the other family is also evicted. */
            assert_int_equal(add_until(s, 15, net6(99, 32), 20), LIVE_ADDED);
            assert_int_equal(live_counts(s).expired, 1);
            assert_int_equal(live_remove(s, 15, &(struct live_net){{99}, 32, true}), LIVE_REMOVED);
            assert_int_equal(add_until(s, 15, net4(99, 32), 20), LIVE_ADDED);
            live_free(s);
        }
}

static void nine_lengths(void **state)
{
    (void)state;
    struct live_set *s = new_set(100, false);
    for (unsigned i = 1; i <= 8; i++) {
        assert_int_equal(add_until(s, 0, net4(0x80000000, i), i < 8 ? LIVE_FOREVER : 10), LIVE_ADDED);
        assert_int_equal(add_until(s, 0, net6(0, 16 * i), 10), LIVE_ADDED);
    }
    assert_int_equal(add_until(s, 9, net4(0, 0), 20), LIVE_LENGTHS);
    assert_int_equal(add_until(s, 9, net6(0, 0), 20), LIVE_LENGTHS);
    assert_int_equal(live_counts(s).lengths, 2);
    assert_int_equal(live_counts(s).members, 16);
    /* A length with only expired members is freed. */
    assert_int_equal(add_until(s, 10, net4(0, 0), 20), LIVE_ADDED);
    assert_true(live_has(s, 10, (uint32_t[4]){1}, false));
    assert_int_equal(add_until(s, 10, net4(0, 32), 20), LIVE_LENGTHS);
    assert_int_equal(live_remove(s, 10, &(struct live_net){{0}, 0, false}), LIVE_REMOVED);
    assert_int_equal(add_until(s, 10, net4(7, 32), 20), LIVE_ADDED);
    assert_true(live_has(s, 10, (uint32_t[4]){7}, false));
    assert_false(live_has(s, 10, (uint32_t[4]){1}, false));
    for (unsigned i = 0; i < 8; i++) assert_int_equal(add_until(s, 10, net6(0, 128 - i), 20), LIVE_ADDED);
    live_free(s);
}

/* A member is valid while now < end; an expired one is absent, and is added again. */
static void edges_of_time(void **state)
{
    (void)state;
    struct live_set *s = new_set(10, false);
    const struct live_net net = net4(7, 32);
    uint64_t end;
    assert_int_equal(live_add(s, 5, &net, 10, LIVE_ONCE), LIVE_ADDED);
    assert_true(live_has(s, 9, net.addr, false));
    assert_false(live_has(s, 10, net.addr, false));
    assert_false(live_find(s, 10, &net, &end));
    assert_int_equal(live_add(s, 9, &net, 20, LIVE_ONCE), LIVE_KEPT);
    assert_int_equal(live_add(s, 9, &net, 9, LIVE_LATER), LIVE_KEPT);
    assert_int_equal(live_add(s, 9, &net, 10, LIVE_SET), LIVE_KEPT);
    assert_int_equal(live_add(s, 10, &net, 20, LIVE_ONCE), LIVE_ADDED);
    assert_int_equal(live_add(s, 10, &net, 30, LIVE_LATER), LIVE_RENEWED);
    assert_int_equal(live_add(s, 10, &net, 15, LIVE_SET), LIVE_RENEWED);
    assert_int_equal(live_remove(s, 15, &net), LIVE_ABSENT);
    assert_int_equal(live_counts(s).expired, 2);
    assert_int_equal(live_counts(s).members, 0);
    assert_int_equal(live_add(s, 15, &net, UINT64_MAX, LIVE_SET), LIVE_ADDED);
    assert_true(live_find(s, LIVE_FOREVER - 1, &net, &end) && end == LIVE_FOREVER);
    assert_int_equal(live_add(s, 15, &net, 0, LIVE_SET), LIVE_RENEWED);
    assert_false(live_has(s, 15, net.addr, false));
    assert_int_equal(live_add(s, 15, &net, 0, LIVE_SET), LIVE_ADDED);
    live_sweep(s, 15, 64);
    assert_int_equal(live_counts(s).members, 0);
    assert_int_equal(live_counts(s).expired, 4);
    assert_string_equal(live_said_word(LIVE_LENGTHS), "full: lengths");
    live_free(s);
}

/* Members of ten minutes, one per second for 22 hours: only additions sweep. */
static void a_day(void **state)
{
    (void)state;
    enum { STAY_S = 600, HOURS = 22 };
    struct live_set *s = new_set(4096, false);
    for (uint32_t i = 0; i < HOURS * 3600; i++) {
        const uint64_t now = (uint64_t)i * 1000;
        const uint32_t ended[4] = {i - STAY_S}, last[4] = {i - STAY_S + 1};
        const bool v6 = i % 7 == 0;
        assert_int_equal(add_until(s, now, v6 ? net6(i, 128) : net4(i, 32), now + STAY_S * 1000), LIVE_ADDED);
        if (i < STAY_S) continue;
        assert_false(live_has(s, now, ended, (i - STAY_S) % 7 == 0));
        assert_true(live_has(s, now, last, (i - STAY_S + 1) % 7 == 0));
        assert_true(live_counts(s).members < 2 * STAY_S);
    }
    assert_int_equal(live_counts(s).evicted, 0);
    live_free(s);
}

/* A hundred thousand members find room in a set of that size, consecutive or drawn, and the next one doesn't. */
static void to_the_last_place(void **state)
{
    (void)state;
    enum { SIZE = 100000 };
    for (unsigned shape = 0; shape < 4; shape++) {
        struct live_set *s = new_set(SIZE, true);
        for (uint32_t i = 0; i <= SIZE; i++) {
            const uint32_t a = shape / 2 ? i * 2654435761u : i;
            const struct live_net net =
                shape % 2 ? (struct live_net){{0x20010db8, a >> 8, i, a}, 128, true} : net4(a, 32);
            const enum live_said said = add_until(s, 0, net, 5);
            if (said != (i < SIZE ? LIVE_ADDED : LIVE_FULL))
                fail_msg("shape %u: %u is %s", shape, i, live_said_word(said));
        }
        assert_int_equal(live_counts(s).members, SIZE);
        live_free(s);
    }
    assert_null(live_new(&(struct live_cfg){.size = UINT64_MAX / 16}));
}

/* The ranges are copied; an old base stays until it is taken and freed, and some are freed while others stay. */
static void bases(void **state)
{
    (void)state;
    struct live_set *s = new_set(1, false);
    struct pbc_range6 six = {1, 2, 3, 4};
    const uint32_t in[4] = {0, 1, 0, 2}, out[4] = {0, 3, 0, 5};
    assert_int_equal(live_base(s).count4, 0);
    for (uint32_t i = 0; i < 50; i++) {
        struct pbc_range four = {i, i + 1};
        const struct live_base before = live_base(s);
        assert_true(live_replace(s, &(struct live_base){&four, &six, 1, i % 2}));
        if (before.count4) assert_int_equal(before.r4[0].lo, i - 1); /* still there */
        four.lo = 99;
        assert_true(live_has(s, 0, (uint32_t[4]){i + 1}, false));
        assert_false(live_has(s, 0, (uint32_t[4]){i - 1}, false));
        assert_int_equal(live_has(s, 0, in, true), i % 2);
        assert_false(live_has(s, 0, out, true));
        if (i % 7 == 6) live_block_free(live_replaced(s));
    }
    live_block_free(live_replaced(s));
    assert_null(live_replaced(s));
    assert_true(live_replace(s, &(struct live_base){0}));
    assert_false(live_has(s, 0, (uint32_t[4]){50}, false));
    live_free(s);
}

/* In an owner's memory a base has the existing room; one that doesn't fit changes nothing. Copies and clearing. */
static void no_room(void **state)
{
    (void)state;
    enum { SIZE = 10, ROOM = 8 };
    struct live_shown shown = {.turn = 0};
    static uint16_t tags[2][64];
    static uint64_t words[2][64], keys[2][3 * 64], ranges[2 * ROOM];
    const struct live_memory memory = {.of = {{tags[0], words[0], keys[0]}, {tags[1], words[1], keys[1]}},
                                       .ranges = ranges,
                                       .half_words = ROOM,
                                       .shown = &shown};
    assert_true(live_slots(SIZE) <= 64);
    struct live_set *s = live_over(&(struct live_cfg){.size = SIZE, .seed = 1}, &memory), *other = new_set(100, false);
    struct pbc_range r4[ROOM + 1];
    for (uint32_t i = 0; i <= ROOM; i++) r4[i] = (struct pbc_range){10 * i, 10 * i + 1};
    const struct live_base fits = {.r4 = r4, .count4 = ROOM}, large = {.r4 = r4, .count4 = ROOM + 1};
    assert_true(live_base_fits(s, &fits) && live_replace(s, &fits));
    assert_true(!live_base_fits(s, &large) && !live_replace(s, &large));
    assert_true(live_base_fits(other, &large));
    assert_true(live_has(s, 0, (uint32_t[4]){71}, false));
    assert_false(live_has(s, 0, (uint32_t[4]){80}, false));
    for (uint32_t i = 0; i < SIZE; i++) assert_int_equal(add_until(s, 0, net4(1000 + i, 32), 5 + i), LIVE_ADDED);
    live_copy(other, s, 7, true);
    for (uint32_t i = 0; i < SIZE; i++) assert_int_equal(live_has(other, 7, (uint32_t[4]){1000 + i}, false), 5 + i > 7);
    assert_int_equal(live_base(other).count4, ROOM);
    live_clear(s, 7);
    assert_int_equal(live_counts(s).removed, SIZE - 3);
    assert_false(live_has(s, 0, (uint32_t[4]){1009}, false));
    assert_true(live_has(s, 0, (uint32_t[4]){71}, false));
    live_free(s);
    live_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_a_plain_list),
        cmocka_unit_test(full),
        cmocka_unit_test(nine_lengths),
        cmocka_unit_test(edges_of_time),
        cmocka_unit_test(a_day),
        cmocka_unit_test(to_the_last_place),
        cmocka_unit_test(bases),
        cmocka_unit_test(no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
