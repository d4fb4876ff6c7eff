/* Drawn streams, cut into drawn segments, some twice, some late, some never: each half's reports equal its data, and
 * holes are where nothing came. A failure prints the seed. */
#include "tests/lib/rng.h"
#include "tests/unit/vm/watch.h"

enum { STREAM = 300000, SEGMENTS = 4000, SEG_MOST = 3000, ROUNDS = 12 };

static struct watch w;
static uint8_t sent[STREAM], shown[STREAM];

struct drawn {
    uint32_t at, n;
};

/* Cut the stream into segments that sometimes overlap; return their number. */
static unsigned cut(struct rng *r, struct drawn *list, bool loses)
{
    unsigned count = 0;
    for (uint32_t at = 0; at < STREAM && count < SEGMENTS - 1;) {
        const uint32_t back = rng_one_in(r, 8) ? rng_below(r, at < 500 ? at + 1 : 500) : 0;
        const uint32_t left = STREAM - (at - back), most = rng_one_in(r, 10) ? 3 : SEG_MOST;
        const uint32_t n = 1 + rng_below(r, left < most ? left : most);
        if (!loses || !rng_one_in(r, 9)) list[count++] = (struct drawn){at - back, n};
        if (rng_one_in(r, 12) && count) {
            list[count] = list[count - 1];
            count++;
        }
        if (at - back + n > at) at = at - back + n;
    }
    for (unsigned i = 0; i + 1 < count; i++) { /* late ones: moved back some places */
        const unsigned other = i + rng_below(r, rng_one_in(r, 4) ? 12 : 2);
        if (other >= count) continue;
        const struct drawn was = list[i];
        list[i] = list[other];
        list[other] = was;
    }
    return count;
}

static void round_of(uint64_t seed, bool loses, bool answers)
{
    static struct drawn list[SEGMENTS + 1];
    struct rng r = {seed};
    watch_init(&w, PBC_STREAM, (enum pbc_overlaps)rng_below(&r, PBC_OVERLAPS));
    const uint32_t begin = (uint32_t)rng_next(&r);
    for (unsigned i = 0; i < STREAM; i++) sent[i] = (uint8_t)rng_next(&r);
    memset(shown, 0, sizeof shown);
    w.window[S] = UINT16_MAX;
    watch_seg(&w, C, begin - 1, 0, TCP_SYN, NULL, 0);
    watch_seg(&w, S, SSEQ - 1, begin, TCP_SYN | TCP_ACK, NULL, 0);
    const unsigned count = cut(&r, list, loses);
    for (unsigned i = 0; i < count; i++) {
        const struct drawn *d = &list[i];
        w.now_ns += MS;
        if (d->at < w.end[C] || d->at - w.end[C] < (1 << 20)) memset(shown + d->at, 1, d->n);
        watch_seg(&w, C, begin + d->at, SSEQ, TCP_ACK, sent + d->at, d->n);
        if (answers && rng_one_in(&r, 3)) watch_seg(&w, S, SSEQ, begin + (uint32_t)w.end[C], TCP_ACK, NULL, 0);
    }
    observers_end(w.o, w.now_ns, OBSERVE_WHY_OPEN);
    for (uint64_t i = 0; i < w.end[C]; i++)
        if (w.got[C][i] != (shown[i] ? sent[i] : '?'))
            fail_msg("seed %llu: byte %llu", (unsigned long long)seed, (unsigned long long)i);
    if (!loses && (w.end[C] != STREAM || w.holes)) fail_msg("seed %llu: holes", (unsigned long long)seed);
    assert_int_equal(w.differs, 0);
    assert_int_equal(w.sum.half[C].bytes + w.sum.half[C].hole_bytes, w.end[C]);
    watch_fini(&w);
}

static void what_was_sent_is_told(void **state)
{
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) round_of(seed, false, seed & 1);
    (void)state;
}

static void what_is_lost_is_a_hole(void **state)
{
    for (uint64_t seed = 100; seed <= 100 + ROUNDS; seed++) round_of(seed, true, seed & 1);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_sent_is_told),
                                       cmocka_unit_test(what_is_lost_is_a_hole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
