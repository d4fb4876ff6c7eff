/* Inquiries of this machine: a table of fixed size, in which older ones are evicted and equal ones are stored once;
 * and hostile bytes, which aren't inquiries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vm/flow/inquiry.h"

static struct inquiry_id id_of(uint64_t n) { return (struct inquiry_id){{n, n << 32 | n, ~n, n * 7}}; }

static unsigned held(const struct inquiries *q, unsigned from, unsigned to, uint64_t now_ns)
{
    unsigned n = 0;
    for (unsigned i = from; i < to; i++) {
        const struct inquiry_id id = id_of(i);
        n += inquiries_hold(q, &id, now_ns);
    }
    return n;
}

static void is_held_for_its_time(void **state)
{
    (void)state;
    struct inquiries *q = calloc(1, sizeof *q);
    const struct inquiry_id a = id_of(1), b = id_of(2);
    assert_non_null(q);
    inquiries_put(q, &a, 5);
    assert_true(inquiries_hold(q, &a, 5 + INQUIRY_NS - 1));
    assert_false(inquiries_hold(q, &a, 5 + INQUIRY_NS));
    assert_false(inquiries_hold(q, &b, 5));
    inquiries_put(q, &a, 9);
    assert_true(inquiries_hold(q, &a, 5 + INQUIRY_NS));
    free(q);
}

static void the_oldest_makes_way(void **state)
{
    (void)state;
    enum { MANY = 10000, SOME = 64 };
    struct inquiries *q = calloc(1, sizeof *q);
    assert_non_null(q);
    for (unsigned i = 0; i < MANY; i++) {
        const struct inquiry_id id = id_of(i);
        inquiries_put(q, &id, i);
        assert_true(inquiries_hold(q, &id, i));
    }
    assert_int_equal(held(q, 0, MANY, MANY), SOME);
    assert_true(held(q, MANY - SOME, MANY, MANY) > SOME / 3);
    /* Put repeatedly, it takes only its place. */
    const struct inquiry_id last = id_of(MANY - 1);
    for (unsigned i = 0; i < SOME; i++) inquiries_put(q, &last, MANY + i);
    assert_int_equal(held(q, 0, MANY, MANY), SOME);
    free(q);
}

/* A message of any length, in memory of exactly that length, is read without a byte more. */
static void is_read_within_its_bytes(void **state)
{
    (void)state;
    enum { FRAME = ETHER_LEN + IP4_LEN + UDP_LEN + 240 };
    for (unsigned len = 0; len <= FRAME; len++) {
        uint8_t *bytes = calloc(1, len + !len);
        struct pkt pkt;
        struct inquiry_id id;
        assert_non_null(bytes);
        pkt_view(&pkt, bytes, len, FRAME, LINK_ETHER, 0);
        pkt.l3 = ETHER_LEN;
        pkt.l4 = ETHER_LEN + IP4_LEN;
        pkt.payload = ETHER_LEN + IP4_LEN + UDP_LEN;
        if (len > pkt.payload + 3u) memcpy(bytes + pkt.payload, "\1\1\6", 3);
        struct key key = {.kind = KIND_IP4 | KIND_UDP | KIND_PORTS, .src_port = 68, .dst_port = 67, .length = FRAME};
        assert_int_equal(inquiry_read(&pkt, &key, &id), len >= pkt.payload + 34u ? INQUIRY_ASKS : INQUIRY_NONE);
        key.kind = KIND_IP6 | KIND_UDP | KIND_PORTS;
        key.dst_port = 546;
        inquiry_read(&pkt, &key, &id);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_held_for_its_time),
        cmocka_unit_test(the_oldest_makes_way),
        cmocka_unit_test(is_read_within_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
