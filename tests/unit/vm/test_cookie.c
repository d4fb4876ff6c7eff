/* Cookies: their contents, how long they are valid, and for whom. */
#include "tests/unit/vm/packet.h"

#include "tests/lib/rng.h"
#include "vm/forward/cookie/cookie.h"

static struct cookie_secret secret;
static const uint64_t STEP = COOKIE_STEP_NS;

static int setup(void **state)
{
    (void)state;
    cookie_secret(&secret, 7);
    return 0;
}

static struct key client(void)
{
    return (struct key){.kind = KIND_IP4 | KIND_TCP,
                        .src = {0xc6120001},
                        .dst = {0xcb00710a},
                        .src_port = 50000,
                        .dst_port = 443,
                        .vlan_outer = 5};
}

static const struct tcp_syn_options usual = {
    .has_scale = true, .scale = 7, .mss = 1460, .sack = true, .has_stamps = true, .stamp = 77};

/* Make the segment that would prove a cookie. */
static struct tcp_header ack_of(uint32_t isn, uint32_t seq)
{
    return (struct tcp_header){.seq = isn + 1, .ack = seq + 1};
}

static bool proves(const struct key *key, struct tcp_header h, struct tcp_syn_options o, uint64_t now,
                   struct cookie_proof *proof)
{
    struct cookie_proof unused;
    return cookie_prove(&secret, key, &h, &o, now, proof ? proof : &unused);
}

static struct cookie make(const struct key *key, uint32_t isn, const struct tcp_syn_options *o, uint64_t now)
{
    struct cookie_terms t;
    cookie_terms(&t, o, key->kind & KIND_IP6);
    return cookie_make(&secret, key, isn, &t, now);
}

static void test_terms(void **state)
{
    (void)state;
    static const uint16_t given[][2] = {{1460, 1460}, {1459, 1452}, {8960, 1460}, {1400, 1380}, {1220, 1220},
                                        {536, 536},   {535, 64},    {1, 64},      {65535, 1460}};
    struct cookie_terms t;
    for (unsigned i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        cookie_terms(&t, &(struct tcp_syn_options){.mss = given[i][0]}, false);
        assert_int_equal(t.mss, given[i][1]);
    }
    cookie_terms(&t, &(struct tcp_syn_options){0}, false);
    assert_int_equal(t.mss, 536);
    cookie_terms(&t, &(struct tcp_syn_options){0}, true);
    assert_int_equal(t.mss, 1220);
    /* Without timestamps there is no room for the rest. */
    cookie_terms(&t, &(struct tcp_syn_options){.has_scale = true, .scale = 7, .sack = true}, false);
    assert_false(t.has_scale || t.sack || t.has_stamps);
    cookie_terms(&t, &(struct tcp_syn_options){.has_stamps = true, .has_scale = true, .scale = 200}, false);
    assert_int_equal(t.scale, 14);
}

/* All offers of a SYN come back, only through the numbers. */
static void test_round(void **state)
{
    (void)state;
    struct rng r = {.state = 1};
    for (unsigned i = 0; i < 20000; i++) {
        struct key key = client();
        key.kind = KIND_TCP | (rng_below(&r, 2) ? KIND_IP4 : KIND_IP6);
        for (unsigned w = 0; w < (key.kind & KIND_IP4 ? 1u : 4u); w++) {
            key.src[w] = (uint32_t)rng_next(&r);
            key.dst[w] = (uint32_t)rng_next(&r);
        }
        key.src_port = (uint16_t)rng_next(&r);
        const struct tcp_syn_options o = {.has_scale = rng_below(&r, 2),
                                          .scale = (uint8_t)rng_below(&r, 15),
                                          .mss = (uint16_t)rng_below(&r, 3000),
                                          .sack = rng_below(&r, 2),
                                          .has_stamps = rng_below(&r, 2)};
        const uint32_t isn = (uint32_t)rng_next(&r);
        const uint64_t now = rng_next(&r) >> 4;
        struct cookie_terms t;
        cookie_terms(&t, &o, key.kind & KIND_IP6);
        const struct cookie c = cookie_make(&secret, &key, isn, &t, now);
        struct cookie_proof p;
        assert_true(proves(&key, ack_of(isn, c.seq),
                           (struct tcp_syn_options){.has_stamps = o.has_stamps, .echo = c.stamp}, now, &p));
        assert_int_equal(p.isn, isn);
        assert_int_equal(p.terms.mss, t.mss);
        assert_int_equal(p.terms.sack, t.sack);
        assert_int_equal(p.terms.has_scale, t.has_scale);
        assert_int_equal(p.terms.has_stamps, t.has_stamps);
        if (t.has_scale) assert_int_equal(p.terms.scale, t.scale);
        assert_true((int32_t)(cookie_clock(&secret, now) - c.stamp) > 0);
    }
}

static void test_time(void **state)
{
    (void)state;
    const struct key key = client();
    for (uint64_t made = 1000 * STEP; made < 1001 * STEP; made += STEP / 7) {
        const struct cookie c = make(&key, 1000, &usual, made);
        const struct tcp_syn_options o = {.has_stamps = true, .echo = c.stamp};
        const struct tcp_header h = ack_of(1000, c.seq);
        assert_true(proves(&key, h, o, made, NULL));
        assert_true(proves(&key, h, o, made + STEP, NULL));
        assert_true(proves(&key, h, o, 1002 * STEP - 1, NULL));
        assert_false(proves(&key, h, o, 1002 * STEP, NULL));
        assert_false(proves(&key, h, o, made + 2 * STEP, NULL));
        assert_false(proves(&key, h, o, 1000 * STEP - 1, NULL));
        assert_false(proves(&key, h, o, made + (STEP << 31), NULL));
    }
    /* In the first period there is none before. */
    const struct cookie c = make(&key, 1, &usual, 0);
    assert_true(proves(&key, ack_of(1, c.seq), (struct tcp_syn_options){.has_stamps = true, .echo = c.stamp}, 0, NULL));
}

/* Invalid for others, and for options that weren't offered. */
static void test_wrong(void **state)
{
    (void)state;
    const struct key key = client();
    const uint64_t now = 5 * STEP + 1;
    const struct cookie c = make(&key, 1000, &usual, now);
    const struct tcp_syn_options o = {.has_stamps = true, .echo = c.stamp};
    const struct tcp_header h = ack_of(1000, c.seq);
    assert_true(proves(&key, h, o, now, NULL));
    struct key other = key;
    other.src[0]++;
    assert_false(proves(&other, h, o, now, NULL));
    other = key, other.dst[0]++;
    assert_false(proves(&other, h, o, now, NULL));
    other = key, other.src_port++;
    assert_false(proves(&other, h, o, now, NULL));
    other = key, other.dst_port++;
    assert_false(proves(&other, h, o, now, NULL));
    other = key, other.vlan_outer++;
    assert_false(proves(&other, h, o, now, NULL));
    other = key, other.vlan_inner++;
    assert_false(proves(&other, h, o, now, NULL));
    other = key, other.kind ^= KIND_IP4 | KIND_IP6;
    assert_false(proves(&other, h, o, now, NULL));
    for (unsigned bit = 0; bit < 32; bit++) {
        assert_false(proves(&key, (struct tcp_header){.seq = h.seq, .ack = h.ack ^ 1u << bit}, o, now, NULL));
        const struct tcp_syn_options claimed = {.has_stamps = true, .echo = c.stamp ^ 1u << bit};
        assert_int_equal(proves(&key, h, claimed, now, NULL),
                         bit >= 5); /* the clock isn't signed, but the counted parts are */
    }
    assert_false(proves(&key, h, (struct tcp_syn_options){0}, now, NULL));
    struct cookie_secret mine = secret;
    cookie_secret(&secret, 8);
    assert_false(proves(&key, h, o, now, NULL));
    secret = mine;
}

/* A probe of the closed window is one before; data isn't. */
static void test_probe(void **state)
{
    (void)state;
    const struct key key = client();
    const struct cookie c = make(&key, 1000, &usual, STEP);
    const struct tcp_syn_options o = {.has_stamps = true, .echo = c.stamp};
    struct cookie_proof p;
    assert_true(proves(&key, (struct tcp_header){.seq = 1000, .ack = c.seq + 1}, o, STEP, &p));
    assert_int_equal(p.isn, 1000);
    assert_true(proves(&key, (struct tcp_header){.seq = 1001, .ack = c.seq + 1, .payload_len = 1}, o, STEP, &p));
    assert_int_equal(p.isn, 1000);
    assert_false(proves(&key, (struct tcp_header){.seq = 1000, .ack = c.seq + 1, .payload_len = 1}, o, STEP, &p));
    assert_false(proves(&key, (struct tcp_header){.seq = 1002, .ack = c.seq + 1}, o, STEP, &p));
}

/* One in 2^28 guesses succeeds: of four million none is expected, and three are practically impossible. */
static void test_guess(void **state)
{
    (void)state;
    struct rng r = {.state = 3};
    const struct key key = client();
    unsigned hits = 0;
    for (unsigned i = 0; i < 4000000; i++)
        hits += proves(&key, (struct tcp_header){.seq = 1001, .ack = (uint32_t)rng_next(&r), .payload_len = 1},
                       (struct tcp_syn_options){0}, 9 * STEP, NULL);
    assert_in_range(hits, 0, 2);
    /* Neighbours' cookies aren't similar: each bit of the hash is set in half of them. */
    unsigned set[32] = {0};
    for (unsigned i = 0; i < 4096; i++) {
        struct key near = key;
        near.src_port = (uint16_t)i;
        const struct cookie c = make(&near, 1000, &usual, STEP);
        for (unsigned bit = 0; bit < 32; bit++) set[bit] += c.seq >> bit & 1;
    }
    for (unsigned bit = 3; bit < 32; bit++) assert_in_range(set[bit], 1848, 2248);
}

/* The present layout: a change would reject the replies of earlier workers. */
static void test_fixed(void **state)
{
    (void)state;
    const struct key key = client();
    struct key six = key;
    six.kind = KIND_IP6 | KIND_TCP;
    six.src[3] = 1;
    const struct cookie a = make(&key, 1000, &usual, 10 * STEP), b = make(&six, 1000, &usual, 10 * STEP);
    assert_int_equal(a.seq, 0x11f722ff);
    assert_int_equal(a.stamp, 0x21568817);
    assert_int_equal(b.seq, 0xb88dc5a7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terms), cmocka_unit_test(test_round), cmocka_unit_test(test_time),
        cmocka_unit_test(test_wrong), cmocka_unit_test(test_probe), cmocka_unit_test(test_guess),
        cmocka_unit_test(test_fixed),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
