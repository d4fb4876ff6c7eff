/* Observed connections: both halves in order, whatever comes, the reports on them, limits, and the ends of sessions. */
#include "tests/unit/vm/watch.h"

static struct watch w;

static void bytes_of_both_halves_are_told_in_order(void **state)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_shake(&w);
    watch_text(&w, C, CSEQ, SSEQ, "hello ");
    watch_text(&w, S, SSEQ, CSEQ + 6, "welcome");
    watch_text(&w, C, CSEQ + 6, SSEQ + 7, "world");
    assert_got(&w, C, "hello world");
    assert_got(&w, S, "welcome");
    assert_int_equal(w.begins, 1);
    assert_int_equal(w.chosen, 1);
    watch_seg(&w, C, CSEQ + 11, SSEQ + 7, TCP_ACK | TCP_FIN, NULL, 0);
    watch_seg(&w, S, SSEQ + 7, CSEQ + 12, TCP_ACK | TCP_FIN, NULL, 0);
    assert_int_equal(w.ends, 0);
    watch_seg(&w, C, CSEQ + 12, SSEQ + 8, TCP_ACK, NULL, 0);
    assert_int_equal(w.ends, 1);
    assert_int_equal(w.sum.why, OBSERVE_WHY_CLOSED);
    assert_int_equal(w.sum.half[C].bytes, 11);
    assert_int_equal(w.sum.half[S].bytes, 7);
    assert_int_equal(w.sum.half[C].packets, 6);
    watch_seg(&w, S, SSEQ + 7, CSEQ + 12, TCP_ACK | TCP_FIN, NULL, 0); /* again: not another connection */
    assert_int_equal(w.begins, 1);
    assert_int_equal(observers_counters(w.o)->late, 1);
    watch_fini(&w);
    (void)state;
}

static void reordered_and_repeated_segments(void **state)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_shake(&w);
    watch_text(&w, C, CSEQ + 6, SSEQ, "ghi");
    watch_text(&w, C, CSEQ + 3, SSEQ, "def");
    assert_int_equal(w.end[C], 0);
    watch_text(&w, C, CSEQ, SSEQ, "abc");
    assert_got(&w, C, "abcdefghi");
    watch_text(&w, C, CSEQ + 3, SSEQ, "defghi");
    watch_text(&w, C, CSEQ + 7, SSEQ, "hijkl");
    assert_got(&w, C, "abcdefghijkl");
    observers_end(w.o, w.now_ns, OBSERVE_WHY_OPEN);
    assert_int_equal(w.sum.half[C].reordered, 2);
    assert_int_equal(w.sum.half[C].retransmitted, 2);
    assert_int_equal(w.sum.half[C].holes, 0);
    assert_int_equal(w.differs, 0);
    watch_fini(&w);
    (void)state;
}

/* Two segments that overlap behind a hole, then the hole's bytes. */
static void overlap(enum pbc_overlaps how, uint32_t first_at, const char *first, uint32_t second_at, const char *second,
                    const char *all)
{
    watch_init(&w, PBC_STREAM, how);
    watch_shake(&w);
    watch_text(&w, C, CSEQ + first_at, SSEQ, first);
    watch_text(&w, C, CSEQ + second_at, SSEQ, second);
    watch_text(&w, C, CSEQ, SSEQ, ".");
    assert_got(&w, C, all);
    assert_int_equal(w.differs, 1);
    watch_fini(&w);
}

static void overlaps_that_differ(void **state)
{
    /* the later begins behind the first */
    overlap(PBC_OVERLAPS_LINUX, 1, "aaaa", 3, "bbbb", ".aaaabb");
    overlap(PBC_OVERLAPS_FIRST, 1, "aaaa", 3, "bbbb", ".aaaabb");
    overlap(PBC_OVERLAPS_LAST, 1, "aaaa", 3, "bbbb", ".aabbbb");
    /* before it */
    overlap(PBC_OVERLAPS_LINUX, 3, "aaaa", 1, "bbbb", ".bbbbaa");
    overlap(PBC_OVERLAPS_FIRST, 3, "aaaa", 1, "bbbb", ".bbaaaa");
    overlap(PBC_OVERLAPS_LAST, 3, "aaaa", 1, "bbbb", ".bbbbaa");
    /* with it: as long, shorter, longer */
    overlap(PBC_OVERLAPS_LINUX, 1, "aaaa", 1, "bbbb", ".aaaa");
    overlap(PBC_OVERLAPS_LINUX, 1, "aaaa", 1, "bb", ".aaaa");
    overlap(PBC_OVERLAPS_LINUX, 1, "aaaa", 1, "bbbbbb", ".bbbbbb");
    overlap(PBC_OVERLAPS_FIRST, 1, "aaaa", 1, "bbbbbb", ".aaaabb");
    overlap(PBC_OVERLAPS_LAST, 1, "aaaa", 1, "bb", ".bbaa");
    /* around it */
    overlap(PBC_OVERLAPS_LINUX, 2, "aa", 1, "bbbb", ".bbbb");
    overlap(PBC_OVERLAPS_FIRST, 2, "aa", 1, "bbbb", ".baab");
    overlap(PBC_OVERLAPS_LINUX, 1, "aaaa", 2, "bb", ".aaaa");
    overlap(PBC_OVERLAPS_LAST, 1, "aaaa", 2, "bb", ".abba");
    (void)state;
}

/* Segments that wait behind a hole, read as Linux reads them once the hole is filled. */
static void waiting(const char *all, unsigned count, ...)
{
    va_list ap;
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_shake(&w);
    va_start(ap, count);
    for (unsigned i = 0; i < count; i++) {
        const uint32_t at = va_arg(ap, uint32_t);
        watch_text(&w, C, CSEQ + at, SSEQ, va_arg(ap, const char *));
    }
    va_end(ap);
    watch_text(&w, C, CSEQ, SSEQ, ".");
    assert_got(&w, C, all);
    watch_fini(&w);
}

static void several_overlaps(void **state)
{
    /* The second is cut by the first and still begins at its place: a longer one that begins within it is added
     * after it. */
    waiting(".aaaabbccc", 3, 1u, "aaaa", 3u, "bbbb", 4u, "cccccc");
    waiting(".aaaabcccc", 3, 1u, "aaaa", 2u, "bbbb", 3u, "ccccccc");
    /* It begins with the second and is longer, so it takes its place after the first */
    waiting(".aaaaccc", 3, 1u, "aaaa", 3u, "bbbb", 3u, "ccccc");
    /* It covers the second, and is cut by the first */
    waiting(".aaaacccc", 3, 1u, "aaaa", 4u, "bbb", 2u, "ccccccc");
    /* It covers both, and ends within the third */
    waiting(".ddddddcc", 4, 2u, "aa", 3u, "bb", 5u, "cccc", 1u, "dddddd");
    /* Two adjacent ones count as one, so one that begins at their border begins within */
    waiting(".aaabbbcc", 3, 1u, "aaa", 4u, "bbb", 4u, "ccccc");
    /* It is within one that others have cut */
    waiting(".aaaabbb", 3, 1u, "aaaa", 2u, "bbbbbb", 3u, "ccccc");
    (void)state;
}

/* Segments longer than a piece, which many others cross. */
static void overlaps_across_pieces(void **state)
{
    static char long_one[6001], other[6001], all[12002];
    memset(long_one, 'a', 6000);
    memset(other, 'b', 6000);
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_shake(&w);
    watch_text(&w, C, CSEQ + 1, SSEQ, long_one);
    watch_text(&w, C, CSEQ + 2001, SSEQ, other);
    watch_text(&w, C, CSEQ + 4001, SSEQ, "within both");
    watch_text(&w, C, CSEQ + 7001, SSEQ, "within the second");
    memset(long_one, 'c', 6000);
    watch_text(&w, C, CSEQ + 5001, SSEQ, long_one);
    watch_text(&w, C, CSEQ, SSEQ, ".");
    memset(all, 'a', 6001);
    memset(all + 6001, 'b', 2000);
    memset(all + 8001, 'c', 3000);
    all[0] = '.';
    assert_got(&w, C, all);
    watch_fini(&w);
    (void)state;
}

/* Reported bytes stay, and different bytes for them are noticed until the other side has them. */
static void differing_bytes_of_what_was_told(void **state)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LAST);
    watch_shake(&w);
    watch_text(&w, C, CSEQ, SSEQ, "GET /innocent");
    watch_text(&w, C, CSEQ + 4, SSEQ, "/attack  ");
    assert_got(&w, C, "GET /innocent");
    assert_int_equal(w.differs, 1);
    assert_int_equal(w.differs_at, 5);
    assert_int_equal(w.differs_len, 8);
    watch_text(&w, C, CSEQ, SSEQ, "GET /innocent");
    assert_int_equal(w.differs, 1);
    watch_fini(&w);
    (void)state;
}

static void holes_that_the_other_side_acknowledged(void **state)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_shake(&w);
    watch_text(&w, C, CSEQ, SSEQ, "abc");
    watch_text(&w, C, CSEQ + 6, SSEQ, "ghi");
    watch_text(&w, S, SSEQ, CSEQ + 9, "x");
    assert_got(&w, C, "abc"); /* the acknowledgement may have overtaken it */
    w.now_ns += 11 * (uint64_t)MS;
    watch_text(&w, S, SSEQ + 1, CSEQ + 9, "y");
    assert_got(&w, C, "abc???ghi");
    assert_int_equal(w.cause, OBSERVE_HOLE_UNSEEN);
    watch_text(&w, C, CSEQ + 3, SSEQ, "def"); /* too late */
    assert_got(&w, C, "abc???ghi");
    observers_end(w.o, w.now_ns, OBSERVE_WHY_OPEN);
    assert_int_equal(w.sum.half[C].holes, 1);
    assert_int_equal(w.sum.half[C].hole_bytes, 3);
    assert_int_equal(w.sum.half[C].bytes, 6);
    watch_fini(&w);
    (void)state;
}

static void bytes_that_come_behind_their_acknowledgement(void **state)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_shake(&w);
    watch_text(&w, S, SSEQ, CSEQ + 3, "x");
    w.now_ns += MS;
    watch_text(&w, C, CSEQ, SSEQ, "abc");
    w.now_ns += 100 * (uint64_t)MS;
    watch_text(&w, C, CSEQ + 3, SSEQ + 1, "def");
    assert_got(&w, C, "abcdef");
    assert_int_equal(w.holes, 0);
    watch_fini(&w);
    (void)state;
}

static void a_hole_at_the_end(void **state)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_shake(&w);
    watch_text(&w, C, CSEQ + 2, SSEQ, "cd");
    watch_text(&w, C, CSEQ + 6, SSEQ, "gh");
    watch_seg(&w, S, SSEQ, CSEQ, TCP_RST | TCP_ACK, NULL, 0);
    assert_got(&w, C, "??cd??gh");
    assert_int_equal(w.cause, OBSERVE_HOLE_END);
    assert_int_equal(w.sum.why, OBSERVE_WHY_RESET);
    assert_true(w.sum.reset_by_server);
    watch_fini(&w);
    (void)state;
}

/* Begin a connection with a tail of three bytes that never comes by. The other side acknowledges it a moment before
 * the end. */
static void tail_begin(void)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_shake(&w);
    watch_text(&w, C, CSEQ, SSEQ, "abc");
}

static void tail_is(const char *all, enum observe_why why, enum observe_hole cause)
{
    assert_got(&w, C, all);
    assert_int_equal(w.ends, 1);
    assert_int_equal(w.sum.why, why);
    assert_int_equal(w.sum.half[C].holes, all[3] ? 1 : 0);
    assert_int_equal(w.sum.half[C].hole_bytes, all[3] ? 3 : 0);
    assert_int_equal(w.sum.half[S].holes, 0);
    if (all[3]) assert_int_equal(w.cause, cause);
    watch_fini(&w);
}

static void a_tail_that_never_came(void **state)
{
    tail_begin();
    watch_seg(&w, C, CSEQ + 6, SSEQ, TCP_ACK | TCP_FIN, NULL, 0);
    watch_seg(&w, S, SSEQ, CSEQ + 7, TCP_ACK | TCP_FIN, NULL, 0);
    watch_seg(&w, C, CSEQ + 7, SSEQ + 1, TCP_ACK, NULL, 0);
    tail_is("abc???", OBSERVE_WHY_CLOSED, OBSERVE_HOLE_UNSEEN);
    tail_begin(); /* nobody acknowledges it, but the FIN comes after it */
    watch_seg(&w, C, CSEQ + 6, SSEQ, TCP_ACK | TCP_FIN, NULL, 0);
    observers_end(w.o, w.now_ns, OBSERVE_WHY_OPEN);
    tail_is("abc???", OBSERVE_WHY_OPEN, OBSERVE_HOLE_END);
    tail_begin();
    watch_seg(&w, S, SSEQ, CSEQ + 6, TCP_ACK, NULL, 0);
    observers_end(w.o, w.now_ns, OBSERVE_WHY_OPEN);
    tail_is("abc???", OBSERVE_WHY_OPEN, OBSERVE_HOLE_UNSEEN);
    tail_begin();
    watch_seg(&w, S, SSEQ, CSEQ + 6, TCP_ACK, NULL, 0);
    watch_seg(&w, S, SSEQ, CSEQ + 6, TCP_RST | TCP_ACK, NULL, 0);
    tail_is("abc???", OBSERVE_WHY_RESET, OBSERVE_HOLE_UNSEEN);
    tail_begin();
    watch_seg(&w, C, CSEQ + 3, SSEQ, TCP_RST, NULL, 0);
    tail_is("abc", OBSERVE_WHY_RESET, OBSERVE_HOLE_END);
    tail_begin();
    watch_seg(&w, C, CSEQ + 3, SSEQ, TCP_ACK | TCP_FIN, NULL, 0);
    watch_seg(&w, S, SSEQ, CSEQ + 4, TCP_ACK | TCP_FIN, NULL, 0);
    watch_seg(&w, C, CSEQ + 4, SSEQ + 1, TCP_ACK, NULL, 0);
    tail_is("abc", OBSERVE_WHY_CLOSED, OBSERVE_HOLE_END);
    (void)state;
}

/* A reset within the window comes after the received data; its sender ends the connection, and no other packet
 * follows. */
static void a_tail_before_a_reset(void **state)
{
    tail_begin();
    watch_seg(&w, C, CSEQ + 6, SSEQ, TCP_RST, NULL, 0);
    assert_int_equal(w.ends, 0);
    observers_end(w.o, w.now_ns, OBSERVE_WHY_OPEN);
    tail_is("abc???", OBSERVE_WHY_OPEN, OBSERVE_HOLE_END);
    tail_begin(); /* the client was challenged, and resets again: the first reset was ignored */
    watch_seg(&w, C, CSEQ + 6, SSEQ, TCP_RST, NULL, 0);
    watch_seg(&w, S, SSEQ, CSEQ + 3, TCP_ACK, NULL, 0);
    watch_seg(&w, C, CSEQ + 3, SSEQ, TCP_RST, NULL, 0);
    tail_is("abc", OBSERVE_WHY_RESET, OBSERVE_HOLE_END);
    (void)state;
}

static void frames_that_the_capture_cut(void **state)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_shake(&w);
    const uint32_t len = watch_frame(&w, C, CSEQ, SSEQ, TCP_ACK, "abcdef", 6);
    watch_shown(&w, len - 4, len);
    watch_text(&w, C, CSEQ + 6, SSEQ, "gh");
    assert_got(&w, C, "ab????gh");
    assert_int_equal(w.cause, OBSERVE_HOLE_CUT);
    watch_fini(&w);
    (void)state;
}

static void a_start_in_the_middle(void **state)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_text(&w, S, SSEQ + 500, CSEQ + 77, "from the server"); /* port 80: the lower port is the server's */
    watch_text(&w, C, CSEQ + 77, SSEQ + 515, "from the client");
    watch_text(&w, C, CSEQ + 7, SSEQ + 515, "before the start");
    watch_text(&w, S, SSEQ + 515, CSEQ + 92, "");
    assert_got(&w, S, "from the server");
    assert_got(&w, C, "from the client");
    struct observe_record r;
    uint32_t at = 0;
    assert_true(observers_next(w.o, &at, &r));
    assert_true(r.ends.midstream);
    assert_int_equal(r.ends.client[0], 0x0a000001);
    assert_int_equal(r.ends.server_port, 80);
    assert_int_equal(r.state, OBSERVE_OPEN);
    assert_false(observers_next(w.o, &at, &r));
    watch_fini(&w);
    (void)state;
}

static void numbers_run_round(void **state)
{
    static uint8_t block[60000];
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    const uint32_t seq = UINT32_MAX - 100;
    watch_seg(&w, C, seq - 1, 0, TCP_SYN, NULL, 0);
    watch_seg(&w, S, SSEQ - 1, seq, TCP_SYN | TCP_ACK, NULL, 0);
    uint64_t at = 0;
    while (at < (UINT64_C(5) << 30)) { /* more than 4 GiB */
        const uint32_t n = sizeof block;
        watch_seg(&w, C, (uint32_t)(seq + at), SSEQ, TCP_ACK, block, n);
        at += n;
        watch_seg(&w, S, SSEQ, (uint32_t)(seq + at), TCP_ACK, NULL, 0);
        if (at > (1 << 20) && at < (UINT64_C(4) << 30) - (1 << 20)) { /* the middle of it is uniform: skip it */
            const uint64_t far = (UINT64_C(4) << 30) - (1 << 20);
            while (at < far) {
                const uint64_t step = far - at < (1 << 29) ? far - at : 1 << 29;
                at += step;
                watch_seg(&w, S, SSEQ, (uint32_t)(seq + at), TCP_ACK, NULL, 0);
                watch_seg(&w, S, SSEQ, (uint32_t)(seq + at), TCP_ACK, NULL, 0);
                w.now_ns += 20 * (uint64_t)MS;
                watch_seg(&w, S, SSEQ, (uint32_t)(seq + at), TCP_ACK, NULL, 0);
            }
        }
        if (at > (UINT64_C(4) << 30) + (1 << 21)) break;
    }
    assert_int_equal(w.end[C], at);
    watch_fini(&w);
    (void)state;
}

/* The end was seen, and more came after it: its acknowledgement is as far back as a number can be. */
static void an_end_is_acknowledged_half_a_round_behind(void **state)
{
    enum { STEP = (1 << 30) - 1, BACK = (1 << 20) - 2048 };
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_seg(&w, C, CSEQ - 1, 0, TCP_SYN, NULL, 0);
    watch_seg(&w, C, CSEQ + STEP, SSEQ, TCP_ACK | TCP_FIN, NULL, 0);
    const uint32_t fin = CSEQ + STEP;
    for (uint32_t i = 1; i <= 6; i++)
        watch_text(&w, C, CSEQ + (i << 29) + BACK - 1, SSEQ, "x"); /* next: fin + 1 - 2^31 */
    watch_seg(&w, S, SSEQ, fin + 1, TCP_ACK, NULL, 0);
    assert_int_equal(observers_counters(w.o)->outside, 1);
    watch_fini(&w);
    (void)state;
}

/* 1 TiB: the numbers wrap around 256 times, with bytes on both sides of each wrap. Between the wraps the other side
 * acknowledges data that never came by. */
static void a_stream_of_a_terabyte(void **state)
{
    static uint8_t block[60000];
    const uint64_t most = UINT64_C(1) << 40, turn = UINT64_C(1) << 32, step = 1 << 29;
    uint64_t at = 0, brought = 0;
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_shake(&w);
    while (at < most) {
        const uint64_t near = (at / turn + 1) * turn - CSEQ - 5 * sizeof block;
        while (at < near) {
            at += near - at < step ? near - at : step;
            for (unsigned i = 0; i < 2; i++) watch_seg(&w, S, SSEQ, (uint32_t)(CSEQ + at), TCP_ACK, NULL, 0);
            w.now_ns += 20 * (uint64_t)MS;
            watch_seg(&w, S, SSEQ, (uint32_t)(CSEQ + at), TCP_ACK, NULL, 0);
        }
        for (unsigned i = 0; i < 10;
             i++, at += sizeof block, brought += sizeof block) { /* pairs, the later one first */
            const uint64_t here = i & 1 ? at - sizeof block : at + sizeof block;
            watch_seg(&w, C, (uint32_t)(CSEQ + here), SSEQ, TCP_ACK, block, sizeof block);
        }
        watch_seg(&w, S, SSEQ, (uint32_t)(CSEQ + at), TCP_ACK, NULL, 0);
        assert_int_equal(w.end[C], at);
    }
    assert_true(at >= most);
    observers_end(w.o, w.now_ns, OBSERVE_WHY_OPEN);
    assert_int_equal(w.sum.half[C].bytes, brought);
    assert_int_equal(w.sum.half[C].bytes + w.sum.half[C].hole_bytes, at);
    assert_int_equal(w.sum.half[C].retransmitted, 0);
    assert_int_equal(w.sum.half[C].differing, 0);
    watch_fini(&w);
    (void)state;
}

static void segments_outside_of_the_window(void **state)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_shake(&w);
    watch_text(&w, C, CSEQ + (4u << 20), SSEQ, "far ahead");
    watch_text(&w, C, CSEQ + (1u << 31), SSEQ, "on the other side");
    watch_text(&w, S, SSEQ, CSEQ + (1u << 29), "");
    watch_seg(&w, C, CSEQ + (8u << 20), SSEQ, TCP_RST, NULL, 0);
    assert_int_equal(w.end[C], 0);
    assert_int_equal(w.ends, 0);
    assert_int_equal(observers_counters(w.o)->outside, 4);
    watch_text(&w, C, CSEQ, SSEQ, "abc");
    assert_got(&w, C, "abc");
    watch_fini(&w);
    (void)state;
}

static void a_reset_that_its_receiver_refuses(void **state)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_shake(&w);
    watch_seg(&w, C, CSEQ + 100, SSEQ, TCP_RST, NULL, 0); /* in the window, but not the next number */
    watch_text(&w, C, CSEQ, SSEQ, "abc");
    assert_int_equal(w.ends, 0);
    watch_seg(&w, C, CSEQ + 100, SSEQ, TCP_RST, NULL, 0);
    w.now_ns += 200000 * (uint64_t)MS;
    observers_tick(w.o, w.now_ns);
    assert_int_equal(w.ends, 1);
    assert_int_equal(w.sum.why, OBSERVE_WHY_RESET);
    watch_fini(&w);
    (void)state;
}

static void keepalives_are_no_retransmissions(void **state)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_shake(&w);
    watch_text(&w, C, CSEQ, SSEQ, "abc");
    watch_text(&w, S, SSEQ, CSEQ + 3, "");
    watch_seg(&w, C, CSEQ + 2, SSEQ, TCP_ACK, NULL, 0);
    watch_seg(&w, C, CSEQ + 2, SSEQ, TCP_ACK, "\0", 1);
    watch_seg(&w, C, CSEQ + 3, SSEQ, TCP_ACK | TCP_URG, "!", 1);
    observers_end(w.o, w.now_ns, OBSERVE_WHY_OPEN);
    assert_int_equal(w.sum.half[C].keepalives, 2);
    assert_int_equal(w.sum.half[C].retransmitted, 0);
    assert_int_equal(w.sum.half[C].urgent, 1);
    assert_got(&w, C, "abc!");
    watch_fini(&w);
    (void)state;
}

static void times_of_both_sides(void **state)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_seg(&w, C, CSEQ - 1, 0, TCP_SYN, NULL, 0);
    w.now_ns += 30 * (uint64_t)MS;
    watch_seg(&w, S, SSEQ - 1, CSEQ, TCP_SYN | TCP_ACK, NULL, 0);
    w.now_ns += 5 * (uint64_t)MS;
    watch_seg(&w, C, CSEQ, SSEQ, TCP_ACK, NULL, 0);
    watch_text(&w, C, CSEQ, SSEQ, "abc");
    w.now_ns += 20 * (uint64_t)MS;
    watch_text(&w, S, SSEQ, CSEQ + 3, "");
    watch_text(&w, C, CSEQ + 3, SSEQ, "lost");
    w.now_ns += 300 * (uint64_t)MS;
    watch_text(&w, C, CSEQ + 3, SSEQ, "lost"); /* sent twice, so its time means nothing */
    w.now_ns += 1 * (uint64_t)MS;
    watch_text(&w, S, SSEQ, CSEQ + 7, "");
    observers_end(w.o, w.now_ns, OBSERVE_WHY_OPEN);
    assert_int_equal(w.sum.handshake_ns, 35 * (uint64_t)MS);
    assert_int_equal(w.sum.half[C].rtt_min_ns, 20 * (uint64_t)MS);
    assert_int_equal(w.sum.half[C].rtt_max_ns, 30 * (uint64_t)MS);
    assert_int_equal(w.sum.half[C].rtt_count, 2);
    assert_int_equal(w.sum.half[C].rtt_ns, 28750000);
    assert_int_equal(w.sum.half[S].rtt_min_ns, 5 * (uint64_t)MS);
    watch_fini(&w);
    (void)state;
}

static void ports_are_used_again(void **state)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_shake(&w);
    watch_text(&w, C, CSEQ, SSEQ, "one");
    watch_seg(&w, C, CSEQ - 1, 0, TCP_SYN, NULL, 0); /* again: the same connection */
    assert_int_equal(w.begins, 1);
    watch_seg(&w, C, 77, 0, TCP_SYN, NULL, 0); /* may be forged */
    watch_text(&w, C, CSEQ + 3, SSEQ, "two");
    assert_int_equal(w.ends, 0);
    assert_got(&w, C, "onetwo");
    watch_seg(&w, C, 77, 0, TCP_SYN, NULL, 0);
    watch_seg(&w, S, 88, 78, TCP_SYN | TCP_ACK, NULL, 0); /* the server has replied to it */
    assert_int_equal(w.ends, 1);
    assert_int_equal(w.sum.why, OBSERVE_WHY_REUSED);
    assert_int_equal(w.begins, 2);
    w.end[C] = w.end[S] = 0;
    watch_text(&w, C, 78, 89, "three");
    assert_got(&w, C, "three");
    watch_seg(&w, S, 89, 83, TCP_RST | TCP_ACK, NULL, 0);
    assert_int_equal(w.ends, 2);
    watch_seg(&w, C, 500, 0, TCP_SYN, NULL, 0);
    assert_int_equal(w.begins, 3);
    watch_fini(&w);
    (void)state;
}

/* An end that acknowledges bytes which were never sent can't then end the connection with a SYN ACK; nor does an
 * acknowledgement of a new SYN skip bytes. */
static void an_answer_to_no_syn(void **state)
{
    const uint32_t far = 1u << 28;
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_shake(&w);
    watch_text(&w, C, CSEQ, SSEQ + far, "");
    watch_seg(&w, C, 77, SSEQ + far, TCP_SYN | TCP_ACK, NULL, 0);
    assert_int_equal(w.ends, 0);
    assert_int_equal(w.begins, 1);
    watch_seg(&w, C, CSEQ + far - 1, 0, TCP_SYN, NULL, 0);
    watch_text(&w, S, SSEQ, CSEQ + far, "");
    for (unsigned i = 0; i < 4; i++) watch_text(&w, C, CSEQ + 3 * i, SSEQ, "abc");
    assert_got(&w, C, "abcabcabcabc");
    assert_int_equal(w.sum.half[C].holes, 0);
    watch_fini(&w);
    (void)state;
}

/* A machine that forwards shows a packet twice, as it arrives and as it leaves. */
static void packets_seen_on_two_interfaces(void **state)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    for (unsigned i = 0; i < 2; i++, w.iface++) watch_seg(&w, C, CSEQ - 1, 0, TCP_SYN, NULL, 0);
    for (unsigned i = 0; i < 2; i++) {
        w.iface = !i;
        watch_seg(&w, S, SSEQ - 1, CSEQ, TCP_SYN | TCP_ACK, NULL, 0);
    }
    for (w.iface = 0; w.iface < 2; w.iface++) watch_seg(&w, C, CSEQ, SSEQ, TCP_ACK, NULL, 0);
    for (w.iface = 0; w.iface < 2; w.iface++) watch_text(&w, C, CSEQ, SSEQ, "abc");
    watch_text(&w, C, CSEQ + 3, SSEQ, "def"); /* by another path, and for the first time */
    observers_end(w.o, w.now_ns, OBSERVE_WHY_OPEN);
    assert_got(&w, C, "abcdef");
    assert_int_equal(w.sum.half[C].packets, 4);
    assert_int_equal(w.sum.half[S].packets, 1);
    assert_int_equal(w.sum.half[C].retransmitted, 0);
    assert_int_equal(observers_counters(w.o)->elsewhere, 4);
    watch_fini(&w);
    (void)state;
}

static void fill(uint32_t from, uint32_t count, bool both)
{
    for (uint32_t i = from; i < from + count; i++) {
        w.side[C].addr = 0x0b000000 + i;
        if (both)
            watch_shake(&w);
        else
            watch_seg(&w, C, i, 0, TCP_SYN, NULL, 0);
    }
}

/* 16 places: half-seen connections are evicted, two-sided ones only after a minute. */
static void a_full_table(void **state)
{
    struct imgbuild b;
    watch_image(&b, PBC_STREAM, PBC_OVERLAPS_LINUX);
    img_add_settings(
        &b, (struct pbc_settings){.flows = 16, .half_open = 16, .fragments = 16, .maglev = 251, .observed = 16});
    watch_begin(&w, &b);
    fill(0, 10, true);
    fill(1000, 1000, false);
    assert_int_equal(observers_counters(w.o)->live, 16);
    fill(2000, 6, true);
    assert_int_equal(observers_counters(w.o)->full, 0);
    assert_int_equal(observers_counters(w.o)->evicted, w.ends);
    fill(3000, 100, false);
    assert_int_equal(observers_counters(w.o)->full, 100);
    w.now_ns += 61000 * (uint64_t)MS;
    fill(4000, 1, true);
    assert_int_equal(observers_counters(w.o)->full, 100);
    assert_int_equal(w.sum.why, OBSERVE_WHY_FULL);
    watch_fini(&w);
    (void)state;
}

/* While memory is short, connections that hold bytes behind holes lose them to others. */
static void memory_is_taken_back(void **state)
{
    struct imgbuild b;
    watch_image(&b, PBC_STREAM, PBC_OVERLAPS_LINUX);
    img_add_settings(
        &b,
        (struct pbc_settings){
            .flows = 16, .half_open = 16, .fragments = 16, .maglev = 251, .observed = 512, .observed_bytes = 1 << 17});
    watch_begin(&w, &b);
    w.out.told = NULL;
    observers_free(w.o);
    w.o = observers_new(w.p, &w.out, 5); /* many connections, whose bytes aren't recorded */
    for (uint32_t i = 0; i < 400; i++) {
        w.side[C].addr = 0x0b000000 + i;
        watch_shake(&w);
        watch_text(&w, C, CSEQ + 10, SSEQ, "held");
        w.now_ns += 100 * (uint64_t)MS;
    }
    assert_true(observers_counters(w.o)->memory > 300);
    w.side[C].addr = 0x0c000000;
    watch_shake(&w);
    watch_text(&w, C, CSEQ + 3, SSEQ, "def");
    watch_text(&w, C, CSEQ, SSEQ, "abc");
    struct observe_record r = {.number = 0};
    for (uint32_t at = 0; r.ends.client[0] != 0x0c000000;) assert_true(observers_next(w.o, &at, &r));
    assert_int_equal(r.sum.half[C].bytes, 6);
    assert_int_equal(r.sum.half[C].holes, 0);
    watch_fini(&w);
    (void)state;
}

static void vlans_part_connections(void **state)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    for (w.vid = 0; w.vid < 3; w.vid++) watch_seg(&w, C, CSEQ - 1, 0, TCP_SYN, NULL, 0);
    assert_int_equal(w.begins, 3);
    watch_fini(&w);
    (void)state;
}

static void silent_connections_end(void **state)
{
    watch_init(&w, PBC_STREAM, PBC_OVERLAPS_LINUX);
    watch_seg(&w, C, CSEQ - 1, 0, TCP_SYN, NULL, 0);
    w.side[C].port++;
    watch_shake(&w);
    w.now_ns += 61000 * (uint64_t)MS;
    observers_tick(w.o, w.now_ns);
    assert_int_equal(w.ends, 1);
    assert_int_equal(w.sum.why, OBSERVE_WHY_SILENT);
    assert_int_equal(w.sum.half[S].packets, 0);
    w.now_ns += 7500000 * (uint64_t)MS;
    while (w.ends < 2 && observers_tick(w.o, w.now_ns) != UINT64_MAX) w.now_ns += 1000 * (uint64_t)MS;
    assert_int_equal(w.ends, 2);
    for (unsigned i = 0; i < 30; i++) observers_tick(w.o, w.now_ns += 1000 * (uint64_t)MS);
    assert_int_equal(observers_tick(w.o, w.now_ns), UINT64_MAX);
    watch_fini(&w);
    (void)state;
}

static struct imgbuild branches;

/* `when sni a.example -> stream; when reply bytes "SS" -> ignore; else -> pass` */
static void branches_image(enum pbc_does sni, enum pbc_does reply)
{
    struct imgbuild *b = &branches;
    img_init(b);
    img_add_hosts(b, img_string(b, "PUT"));
    img_add_names(b, (struct pbc_names){.count = 1, .kind = PBC_NAMES_TEXTS});
    img_add_patterns(b, (struct pbc_pattern){.layer = PBC_PAYLOAD, .len = 2, .value = "SS", .mask = {0xff, 0xff}});
    img_add_conds(b, (struct pbc_cond){.kind = COND_METHOD, .count = 1});
    img_add_conds(b, (struct pbc_cond){.kind = COND_BYTES, .flags = PBC_COND_REPLY, .count = 1});
    img_add_observes(b, (struct pbc_observe){.name = img_string(b, "w"),
                                             .choice_count = 3,
                                             .stream = img_string(b, "d"),
                                             .wants = {FIRST_HTTP, 2u << FIRST_BYTES_SHIFT}});
    img_add_choices(b, (struct pbc_choice){.conds = 0, .cond_count = 1, .does = sni});
    img_add_choices(b, (struct pbc_choice){.conds = 1, .cond_count = 1, .does = reply});
    img_add_choices(b, (struct pbc_choice){.does = PBC_PASS});
    img_add_observe_endpoints(b, (struct pbc_endpoint){.to = PBC_TO_ANY, .port_hi = UINT16_MAX, .wire = PBC_WIRE_ALL});
    img_function(b, "main", (const struct insn[]){{.op = OP_ACCEPT}}, 1);
    watch_begin(&w, b);
    watch_shake(&w);
}

static void first_bytes_choose_the_branch(void **state)
{
    branches_image(PBC_STREAM, PBC_IGNORE);
    watch_text(&w, C, CSEQ, SSEQ, "PUT /x HTTP/1.1\r\nHo");
    assert_int_equal(w.chosen + w.end[C], 0);
    watch_text(&w, C, CSEQ + 19, SSEQ, "st: h.example\r\n\r\nbody");
    assert_int_equal(w.chosen, 1);
    assert_got(&w, C, "PUT /x HTTP/1.1\r\nHost: h.example\r\n\r\nbody");
    watch_text(&w, S, SSEQ, CSEQ + 40, "HTTP/1.1 201 Created\r\n");
    assert_int_equal(w.end[S], 22);
    observers_end(w.o, w.now_ns, OBSERVE_WHY_OPEN);
    assert_string_equal(w.host, "h.example");
    assert_string_equal(w.method, "PUT");
    assert_string_equal(w.path, "/x");
    assert_int_equal(w.sum.status, 201);
    watch_fini(&w);

    branches_image(PBC_STREAM, PBC_IGNORE);
    watch_text(&w, C, CSEQ, SSEQ, "hello\r\n");
    assert_int_equal(w.chosen, 0);
    watch_text(&w, S, SSEQ, CSEQ + 7, "SS");
    assert_int_equal(w.chosen, 1);
    assert_int_equal(w.does, PBC_IGNORE);
    watch_text(&w, C, CSEQ + 7, SSEQ + 2, "more");
    watch_seg(&w, C, CSEQ + 11, SSEQ + 2, TCP_RST, NULL, 0);
    assert_int_equal(w.ends, 1);
    assert_int_equal(w.end[C] + w.end[S], 0);
    watch_fini(&w);

    branches_image(PBC_PASS, PBC_STREAM);
    watch_text(&w, S, SSEQ, CSEQ, "S"); /* expires before the other byte comes */
    assert_int_equal(w.chosen, 0);
    w.now_ns += 6000 * (uint64_t)MS;
    observers_tick(w.o, w.now_ns);
    assert_int_equal(w.chosen, 1);
    assert_int_equal(w.does, PBC_PASS);
    watch_fini(&w);

    branches_image(PBC_PASS, PBC_STREAM);
    watch_text(&w, S, SSEQ, CSEQ, "SSH");
    assert_int_equal(w.chosen, 0); /* the client may still send PUT */
    watch_text(&w, C, CSEQ, SSEQ + 3, "SSH-2\r\n");
    assert_int_equal(w.does, PBC_STREAM);
    assert_got(&w, C, "SSH-2\r\n");
    assert_got(&w, S, "SSH");
    watch_fini(&w);
    (void)state;
}

/* A branch that ignores may be decided while names are still read: nothing of its connection waits for them then,
 * even if it ends and its place goes to another. */
static void an_ignored_connection_waits_for_nothing(void **state)
{
    struct imgbuild *b = &branches;
    img_init(b);
    img_add_patterns(b, (struct pbc_pattern){.layer = PBC_PAYLOAD, .len = 2, .value = "GE", .mask = {0xff, 0xff}});
    img_add_conds(b, (struct pbc_cond){.kind = COND_BYTES, .count = 1});
    img_add_observes(
        b, (struct pbc_observe){.name = img_string(b, "w"), .choice_count = 2, .wants = {2u << FIRST_BYTES_SHIFT}});
    img_add_choices(b, (struct pbc_choice){.cond_count = 1, .does = PBC_IGNORE});
    img_add_choices(b, (struct pbc_choice){.does = PBC_PASS});
    img_add_observe_endpoints(b, (struct pbc_endpoint){.to = PBC_TO_ANY, .port_hi = UINT16_MAX, .wire = PBC_WIRE_ALL});
    img_function(b, "main", (const struct insn[]){{.op = OP_ACCEPT}}, 1);
    watch_begin(&w, b);
    watch_shake(&w);
    watch_text(&w, C, CSEQ, SSEQ, "GET / HT");
    assert_int_equal(w.does, PBC_IGNORE);
    watch_seg(&w, C, CSEQ + 8, SSEQ, TCP_RST, NULL, 0);
    assert_int_equal(w.ends, 1);
    watch_seg(&w, C, CSEQ + 70000, 0, TCP_SYN, NULL, 0); /* another one with the same ends */
    w.now_ns += 6000 * (uint64_t)MS;
    observers_tick(w.o, w.now_ns);
    watch_text(&w, C, CSEQ + 70001, SSEQ, "GET / HT");
    watch_seg(&w, C, CSEQ + 70009, SSEQ, TCP_RST, NULL, 0);
    assert_int_equal(w.ends, 2);
    watch_fini(&w);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_both_halves_are_told_in_order),
        cmocka_unit_test(reordered_and_repeated_segments),
        cmocka_unit_test(overlaps_that_differ),
        cmocka_unit_test(several_overlaps),
        cmocka_unit_test(overlaps_across_pieces),
        cmocka_unit_test(differing_bytes_of_what_was_told),
        cmocka_unit_test(holes_that_the_other_side_acknowledged),
        cmocka_unit_test(bytes_that_come_behind_their_acknowledgement),
        cmocka_unit_test(a_hole_at_the_end),
        cmocka_unit_test(a_tail_that_never_came),
        cmocka_unit_test(a_tail_before_a_reset),
        cmocka_unit_test(frames_that_the_capture_cut),
        cmocka_unit_test(a_start_in_the_middle),
        cmocka_unit_test(numbers_run_round),
        cmocka_unit_test(an_end_is_acknowledged_half_a_round_behind),
        cmocka_unit_test(a_stream_of_a_terabyte),
        cmocka_unit_test(segments_outside_of_the_window),
        cmocka_unit_test(a_reset_that_its_receiver_refuses),
        cmocka_unit_test(keepalives_are_no_retransmissions),
        cmocka_unit_test(times_of_both_sides),
        cmocka_unit_test(ports_are_used_again),
        cmocka_unit_test(an_answer_to_no_syn),
        cmocka_unit_test(packets_seen_on_two_interfaces),
        cmocka_unit_test(a_full_table),
        cmocka_unit_test(memory_is_taken_back),
        cmocka_unit_test(vlans_part_connections),
        cmocka_unit_test(silent_connections_end),
        cmocka_unit_test(first_bytes_choose_the_branch),
        cmocka_unit_test(an_ignored_connection_waits_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
