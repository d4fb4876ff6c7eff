/* Times to live of replies with SRV records: the smallest counts, including an alias's, and malformed records don't
 * count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/parent/dns/dns_ttl.h"

enum { SRV = 33, CNAME = 5, A = 1 };

static uint8_t message[512];
static int message_len;

static void put(const void *bytes, size_t len)
{
    memcpy(message + message_len, bytes, len);
    message_len += (int)len;
}

static void begin(uint8_t answers, uint8_t others)
{
    const uint8_t head[] = {0, 1, 0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, others, 1, 's', 0, 0, SRV, 0, 1};
    message_len = 0;
    put(head, sizeof head);
}

static void record(uint8_t type, uint32_t ttl)
{
    const uint8_t row[] = {0xc0,
                           12,
                           0,
                           type,
                           0,
                           1,
                           (uint8_t)(ttl >> 24),
                           (uint8_t)(ttl >> 16),
                           (uint8_t)(ttl >> 8),
                           (uint8_t)ttl,
                           0,
                           9,
                           0,
                           1,
                           0,
                           1,
                           0,
                           80,
                           1,
                           't',
                           0};
    put(row, sizeof row);
}

static int64_t ttl(void) { return srv_ttl(message, message_len, 3600); }

static void the_least_counts(void **state)
{
    (void)state;
    begin(3, 1);
    record(CNAME, 900);
    record(SRV, 700);
    record(SRV, 800);
    record(A, 3); /* of another section */
    assert_int_equal(ttl(), 700);
    begin(2, 0);
    record(CNAME, 60);
    record(SRV, 700);
    assert_int_equal(ttl(), 60);
    begin(2, 0);
    record(A, 5); /* of another type */
    record(SRV, 0);
    assert_int_equal(ttl(), 0);
}

static void it_is_bounded(void **state)
{
    (void)state;
    begin(1, 0);
    record(SRV, 86400);
    assert_int_equal(ttl(), 3600);
    begin(1, 0);
    record(SRV, 0xffffffff); /* RFC 2181, 8 treats it as 0; here it is limited */
    assert_true(ttl() <= 3600);
    begin(0, 0);
    assert_int_equal(ttl(), 3600);
}

static void a_message_that_is_cut_has_none(void **state)
{
    (void)state;
    begin(2, 0);
    record(SRV, 700);
    record(SRV, 800);
    const int whole = message_len;
    for (message_len = 0; message_len < whole; message_len++) assert_int_equal(ttl(), -1);
    assert_int_equal(ttl(), 700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_counts),
        cmocka_unit_test(it_is_bounded),
        cmocka_unit_test(a_message_that_is_cut_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
