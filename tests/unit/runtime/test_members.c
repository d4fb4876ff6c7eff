/* Data beside live sets: notes of members, comments, and the base cut to another program's limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/live/rules/members/base_cut.h"
#include "runtime/live/rules/members/notes.h"
#include "vm/keyed/archive.h"
#include "vm/keyed/keyed.h"

static void comments_have_bounds(void **state)
{
    char most[NOTE_COMMENT_MOST + 2];
    (void)state;
    memset(most, 'x', sizeof most);
    most[NOTE_COMMENT_MOST] = 0;
    assert_true(note_comment_fits(most));
    most[NOTE_COMMENT_MOST] = 'x';
    most[NOTE_COMMENT_MOST + 1] = 0;
    assert_false(note_comment_fits(most));
    static const char *const good[] = {"", "ssh", "na\xc3\xafve", "\xe2\x82\xac", "\xf0\x9f\x90\x9f", "\xed\x9f\xbf"};
    static const char *const bad[] = {"a\nb",
                                      "\x7f",
                                      "\x1b[2J",
                                      "\xc3",
                                      "\x80",
                                      "\xc0\xaf",
                                      "\xe0\x80\xaf",
                                      "\xed\xa0\x80",
                                      "\xc2\x9b",
                                      "\xf4\x90\x80\x80",
                                      "\xf0\x80\x80\x80",
                                      "\xff",
                                      "\xe2\x82",
                                      "\xf8\x88\x80\x80\x80"};
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++) assert_true(note_comment_fits(good[i]));
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(note_comment_fits(bad[i]));
}

static const uint64_t ever = LIVE_FOREVER;

static struct live_net net_of(uint32_t addr) { return (struct live_net){.addr = {addr}, .len = 32}; }

static void notes_are_of_members(void **state)
{
    (void)state;
    struct notes *n = notes_new(100, 1);
    for (uint32_t i = 0; i < 100; i++) {
        const struct live_net net = net_of(i);
        notes_set(
            n, &net,
            &(struct note_of){.uid = i, .wall_ns = 1, .end_ms = ever, .comment = i % 2 ? "odd" : NULL, .anew = true});
    }
    assert_true(notes_full(n));
    const struct live_net more = net_of(100), seven = net_of(7);
    notes_set(n, &more, &(struct note_of){.uid = 1, .end_ms = ever, .anew = true});
    assert_null(notes_find(n, 0, &more));
    notes_set(
        n, &seven,
        &(struct note_of){.uid = 9, .wall_ns = 2, .end_ms = ever}); /* another end: the time and the reason stay */
    assert_int_equal(notes_find(n, 0, &seven)->uid, 9);
    assert_int_equal(notes_find(n, 0, &seven)->wall_ns, 1);
    assert_string_equal(notes_find(n, 0, &seven)->comment, "odd");
    notes_set(n, &seven, &(struct note_of){.uid = 9, .wall_ns = 2, .end_ms = ever, .anew = true});
    assert_int_equal(notes_find(n, 0, &seven)->wall_ns, 2);
    assert_string_equal(notes_find(n, 0, &seven)->comment, "");
    notes_remove(n, &seven);
    assert_null(notes_find(n, 0, &seven));

    struct live_set *s = live_new(&(struct live_cfg){.size = 10, .seed = 1});
    const struct live_net kept = net_of(8);
    assert_int_equal(live_add(s, 0, &kept, 50, LIVE_SET), LIVE_ADDED);
    notes_sweep(n, s, 49, 1 << 20);
    assert_non_null(notes_find(n, 0, &kept));
    assert_false(notes_empty(n));
    notes_sweep(n, s, 50, 1 << 20);
    assert_true(notes_empty(n));
    live_free(s);
    notes_free(n);
}

/* A rule may have added the member again. */
static void notes_end(void **state)
{
    (void)state;
    struct notes *n = notes_new(100, 1);
    struct live_set *s = live_new(&(struct live_cfg){.size = 10, .seed = 1});
    const struct live_net net = net_of(7);
    assert_int_equal(live_add(s, 0, &net, 1000, LIVE_SET), LIVE_ADDED);
    notes_set(n, &net, &(struct note_of){.uid = 9, .wall_ns = 1, .end_ms = 50, .comment = "ssh", .anew = true});
    notes_sweep(n, s, 49, 1 << 20);
    assert_string_equal(notes_find(n, 49, &net)->comment, "ssh");
    assert_null(notes_find(n, 50, &net));
    notes_set(n, &net, &(struct note_of){.uid = 8, .wall_ns = 2, .now_ms = 50, .end_ms = 90});
    assert_string_equal(notes_find(n, 50, &net)->comment, "");
    assert_int_equal(notes_find(n, 50, &net)->wall_ns, 2);
    notes_sweep(n, s, 90, 1 << 20);
    assert_true(notes_empty(n));
    live_free(s);
    notes_free(n);
}

/* A shared text goes with its last user, and no sooner; both families have notes. */
static void comments_are_shared(void **state)
{
    enum { MANY = 3000 };
    (void)state;
    char text[NOTE_COMMENT_MOST + 1];
    struct notes *n = notes_new(2 * MANY + 1, 1);
    for (uint32_t i = 0; i < 2 * MANY; i++) {
        const struct live_net net = {.addr = {i / 2, 0, 0, i % 2 ? i : 0}, .len = i % 2 ? 128 : 32, .v6 = i % 2};
        snprintf(text, sizeof text, "%0*u", NOTE_COMMENT_MOST, i % MANY);
        notes_set(n, &net, &(struct note_of){.uid = i, .end_ms = ever, .comment = i < 2 ? "" : text, .anew = true});
    }
    const struct live_net first = {.addr = {MANY / 2, 0, 0, 0}, .len = 32}, same = {.addr = {MANY}, .len = 32};
    notes_set(n, &first, &(struct note_of){.uid = 1, .end_ms = ever, .comment = "ssh"});
    notes_set(n, &same, &(struct note_of){.uid = 2, .end_ms = ever, .comment = "ssh"});
    assert_ptr_equal(notes_find(n, 0, &first)->comment, notes_find(n, 0, &same)->comment);
    notes_remove(n, &first);
    assert_string_equal(notes_find(n, 0, &same)->comment, "ssh");
    notes_set(n, &same, &(struct note_of){.uid = 3, .end_ms = ever}); /* its own comment again */
    assert_string_equal(notes_find(n, 0, &same)->comment, "ssh");
    for (uint32_t i = 2; i < MANY; i++) {
        const struct live_net net = {.addr = {i / 2, 0, 0, i % 2 ? i : 0}, .len = i % 2 ? 128 : 32, .v6 = i % 2};
        snprintf(text, sizeof text, "%0*u", NOTE_COMMENT_MOST, i);
        assert_string_equal(notes_find(n, 0, &net)->comment, text);
        assert_int_equal(notes_find(n, 0, &net)->uid, i);
        notes_remove(n, &net);
        assert_null(notes_find(n, 0, &net));
    }
    notes_free(n);
}

static void notes_grow(void **state)
{
    enum { MANY = 5000 };
    (void)state;
    struct notes *n = notes_new(10, 1);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct live_net net = net_of(i);
        if (i == 10) notes_bound(n, 1000);
        if (i == 1000) notes_bound(n, MANY);
        assert_false(notes_full(n));
        notes_set(n, &net, &(struct note_of){.uid = i, .end_ms = ever, .anew = true});
        assert_non_null(notes_find(n, 0, &net));
    }
    assert_true(notes_full(n));
    notes_bound(n, 10);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct live_net net = net_of(i);
        assert_int_equal(notes_find(n, 0, &net)->uid, i);
        notes_remove(n, &net);
    }
    assert_true(notes_empty(n));
    notes_free(n);
}

enum { SPACE = 64, ROUNDS = 3000 };

static bool drawn(uint64_t *seed, unsigned one_in) { return random_next(seed) % one_in == 0; }

/* Draw a set of numbers below SPACE as ranges, including the ends of the family. Return their number. */
static uint32_t draw(uint64_t *seed, bool has[SPACE], struct pbc_range *r4, struct pbc_range6 *r6)
{
    uint32_t count = 0;
    bool on = drawn(seed, 2);
    for (unsigned i = 0; i < SPACE; i++) {
        if (drawn(seed, 5)) on = !on;
        has[i] = on;
        if (!on) continue;
        if (!i || !has[i - 1]) count++;
        const uint32_t at = count - 1, lo4 = UINT32_MAX - SPACE + 1 + i;
        const uint64_t lo6 = UINT64_MAX - SPACE + 1 + i;
        if (!i || !has[i - 1]) r4[at].lo = lo4, r6[at].lo_hi = UINT64_MAX, r6[at].lo_lo = lo6;
        r4[at].hi = lo4;
        r6[at].hi_hi = UINT64_MAX;
        r6[at].hi_lo = lo6;
    }
    return count;
}

/* Compared with sets of single numbers, at the upper end of both families */
/* Return a set with the members net_of(0) to net_of(most - 1). */
static struct live_set *members_up_to(uint32_t most)
{
    struct live_set *s = live_new(&(struct live_cfg){.size = 1000, .seed = 1});
    for (uint32_t i = 0; i < most; i++) {
        const struct live_net net = net_of(i);
        live_add(s, 1, &net, ever, LIVE_SET);
    }
    return s;
}

/* Write notes into bytes, which the caller frees, and return their archive for reading. */
static struct archive written(const struct notes *n, uint64_t now_ms, uint8_t **bytes)
{
    const uint64_t most = notes_archive_most(n);
    *bytes = malloc(most);
    struct archive a = {.at = *bytes, .left = most};
    assert_true(notes_archive((struct notes *)(uintptr_t)n, &a, NULL, now_ms, 0));
    return (struct archive){.at = *bytes, .left = most - a.left, .reads = true};
}

static void notes_are_kept(void **state)
{
    static const char *const comments[] = {"", "from the log", "na\xc3\xafve"};
    struct notes *n = notes_new(100, 1), *again = notes_new(100, 2), *later = notes_new(100, 3);
    struct live_set *s = members_up_to(40);
    uint8_t *bytes;
    (void)state;
    for (uint32_t i = 0; i < 50; i++) { /* ten of them are no longer members */
        const struct live_net net = net_of(i);
        notes_set(n, &net,
                  &(struct note_of){.uid = i,
                                    .wall_ns = 1000 + i,
                                    .end_ms = i % 2 ? ever : 100 + i,
                                    .comment = comments[i % 3],
                                    .anew = true});
    }
    const uint64_t changes = notes_changes(n);
    struct archive a = written(n, 50, &bytes);
    assert_true(notes_archive(again, &a, s, 50, 0));
    assert_int_equal(a.left, 0);
    for (uint32_t i = 0; i < 50; i++) {
        const struct live_net net = net_of(i);
        const struct note *note = notes_find(again, 50, &net);
        assert_int_equal(!!note, i < 40);
        if (!note) continue;
        assert_int_equal(note->uid, i);
        assert_int_equal(note->wall_ns, 1000 + i);
        assert_int_equal(note_end_ms(note), i % 2 ? ever : 100 + i);
        assert_string_equal(note->comment, comments[i % 3]);
    }
    free(bytes);
    assert_int_equal(notes_changes(n), changes);

    a = written(n, 50, &bytes); /* 80 ms have passed that the clock doesn't show: ends are that much earlier */
    assert_true(notes_archive(later, &a, s, 50, -80));
    for (uint32_t i = 0; i < 40; i++) {
        const struct live_net net = net_of(i);
        assert_int_equal(!!notes_find(later, 50, &net), i % 2 || 100 + i - 80 > 50);
    }
    free(bytes);
    const struct live_net one = net_of(1);
    notes_set(n, &one, &(struct note_of){.uid = 1, .end_ms = ever, .comment = "another"});
    assert_int_not_equal(notes_changes(n), changes);
    live_free(s);
    notes_free(n);
    notes_free(again);
    notes_free(later);
}

static void kept_notes_are_read_with_care(void **state)
{
    struct notes *n = notes_new(10, 1);
    struct live_set *s = members_up_to(1);
    const struct live_net net = net_of(0);
    uint8_t *bytes;
    (void)state;
    notes_set(n, &net, &(struct note_of){.uid = 1, .end_ms = ever, .comment = "four", .anew = true});
    const struct archive a = written(n, 1, &bytes);
    for (unsigned i = 0; i < 9; i++) {
        struct notes *again = notes_new(10, 1);
        uint8_t *copy = malloc(a.left);
        memcpy(copy, bytes, a.left);
        struct archive b = {.at = copy, .left = a.left, .reads = true};
        uint8_t *const note = copy + 8, *const comment = note + 40; /* after the count */
        if (i == 0) b.left--;                                       /* cut */
        if (i == 1) copy[0] = 2;                                    /* more notes than are there */
        if (i == 2) note[36] = 33;                                  /* a length that IPv4 lacks */
        if (i == 3) note[37] = 2;                                   /* no family */
        if (i == 4) note[38] = NOTE_COMMENT_MOST + 1;
        if (i == 5) comment[1] = 0x1b;
        if (i == 6) comment[1] = 0;
        if (i == 7) comment[3] = 0xc3;
        if (i == 8) note[16 + 6] = 0xff; /* an end beyond LIVE_FOREVER */
        assert_false(notes_archive(again, &b, s, 1, 0));
        assert_int_equal(!!notes_find(again, 1, &net), i == 1);
        free(copy);
        notes_free(again);
    }
    free(bytes);
    live_free(s);
    notes_free(n);
}

static void bases_are_cut(void **state)
{
    uint64_t seed = 7;
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        bool base_has[SPACE], in_has[SPACE], never_has[SPACE];
        struct pbc_range r4[SPACE], set4[2 * SPACE];
        struct pbc_range6 r6[SPACE], set6[2 * SPACE];
        const uint32_t count = draw(&seed, base_has, r4, r6);
        const uint32_t in = draw(&seed, in_has, set4, set6);
        const uint32_t never = draw(&seed, never_has, set4 + SPACE, set6 + SPACE);
        const bool all = drawn(&seed, 4), none = drawn(&seed, 4);
        const struct pbc_set sets[] = {{.count4 = in, .count6 = in},
                                       {.first4 = SPACE, .count4 = never, .first6 = SPACE, .count6 = never}};
        const struct pbc_live live = {.in = all ? PBC_NONE : 0, .never = none ? PBC_NONE : 1};
        const struct program p = {.sets = sets, .set4 = set4, .set6 = set6, .lives = &live};
        struct cut c;
        assert_true(cut_base(&(struct live_base){r4, r6, count, count}, &p, 0, false, &c));
        assert_int_equal(c.base.count4, c.base.count6);
        uint32_t at = 0, changed = 0;
        for (unsigned i = 0; i < SPACE; i++) {
            const uint32_t n = UINT32_MAX - SPACE + 1 + i;
            while (at < c.base.count4 && c.base.r4[at].hi < n) at++;
            const bool has = at < c.base.count4 && c.base.r4[at].lo <= n;
            assert_int_equal(has, base_has[i] && (all || in_has[i]) && (none || !never_has[i]));
            if (has) assert_int_equal(c.base.r6[at].lo_lo - (UINT64_MAX - UINT32_MAX), c.base.r4[at].lo);
        }
        for (uint32_t i = 0; i < count; i++) {
            bool whole = true;
            for (uint32_t n = r4[i].lo;; n++) {
                const unsigned k = n - (UINT32_MAX - SPACE + 1);
                whole &= (all || in_has[k]) && (none || !never_has[k]);
                if (n == r4[i].hi) break;
            }
            changed += !whole;
        }
        assert_int_equal(c.ranges, 2 * changed); /* both families */
        cut_fini(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(comments_have_bounds),
                                       cmocka_unit_test(notes_are_of_members),
                                       cmocka_unit_test(notes_end),
                                       cmocka_unit_test(comments_are_shared),
                                       cmocka_unit_test(notes_grow),
                                       cmocka_unit_test(notes_are_kept),
                                       cmocka_unit_test(kept_notes_are_read_with_care),
                                       cmocka_unit_test(bases_are_cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
