/* Datagrams of the resolver, valid ones, and such as a compromised resolver may write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/parent/dns/dns.h"

enum { PLACES = 3 };

static union {
    struct dns_told told;
    uint8_t bytes[DNS_TOLD_MOST + 8];
} as;

static struct dns_port *ports(void) { return (struct dns_port *)(void *)as.told.addr[PLACES]; }

/* Make three addresses of a host; of a service, the first of them with two ports. Return the length. */
static size_t good(uint8_t family, bool service)
{
    memset(&as, 0, sizeof as);
    as.told = (struct dns_told){.family = family, .how = DNS_ANSWERED, .count = PLACES, .again_s = 5};
    for (uint32_t i = 0; i < PLACES; i++) as.told.addr[i][0] = 0x0a000001 + i;
    if (service) {
        as.told.addr[1][0] = as.told.addr[0][0];
        for (uint16_t i = 0; i < PLACES; i++) ports()[i] = (struct dns_port){.port = (uint16_t)(80 + i)};
    }
    return dns_told_size(PLACES, service);
}

static bool sound(size_t len, bool service) { return dns_told_is_sound(&as.told, len, service); }

static void what_it_writes(void **state)
{
    (void)state;
    for (unsigned service = 0; service < 2; service++) {
        assert_true(sound(good(4, service), service));
        assert_true(sound(good(6, service), service));
    }
    good(4, false);
    as.told.count = 0;
    as.told.how = DNS_FAILED;
    assert_true(sound(sizeof as.told, false));
    as.told.how = DNS_LIVES;
    assert_true(sound(sizeof as.told, false));
}

static void lengths(void **state)
{
    (void)state;
    for (unsigned service = 0; service < 2; service++) {
        const size_t len = good(4, service);
        for (size_t cut = 0; cut < len; cut++) assert_false(sound(cut, service));
        assert_false(sound(len + 1, service));
        assert_false(sound(len, !service));
    }
    good(4, false);
    as.told.count = DNS_ADDRESSES_MOST + 1;
    assert_false(sound(dns_told_size(DNS_ADDRESSES_MOST + 1, false), false));
}

static void fields(void **state)
{
    size_t len = good(5, false);
    (void)state;
    assert_false(sound(len, false));
    len = good(4, false);
    as.told.how = DNS_LIVES + 1;
    assert_false(sound(len, false));
    len = good(4, false);
    as.told.how = DNS_LIVES; /* a sign of life has no address */
    assert_false(sound(len, false));
    len = good(4, false);
    memset(as.told.why, 'x', sizeof as.told.why);
    assert_false(sound(len, false));
}

static void addresses(void **state)
{
    (void)state;
    for (unsigned word = 1; word < 4; word++) {
        const size_t len = good(4, false);
        as.told.addr[1][word] = 1; /* no address of IPv4 */
        assert_false(sound(len, false));
    }
    size_t len = good(6, false);
    as.told.addr[1][0] = as.told.addr[0][0]; /* twice */
    assert_false(sound(len, false));
    as.told.addr[1][0]--; /* not in order */
    assert_false(sound(len, false));
    len = good(4, true);
    ports()[1].port = ports()[0].port; /* one place twice */
    assert_false(sound(len, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_writes),
        cmocka_unit_test(lengths),
        cmocka_unit_test(fields),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
