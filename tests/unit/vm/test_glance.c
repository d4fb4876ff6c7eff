/* The glance at a frame never misses a fragment, and passes the usual frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/draw.h"
#include "tests/lib/note.h"
#include "vm/packet/parse/read.h"
#include "vm/vm.h"

static bool glance(const char *text)
{
    static struct note n;
    char err[200];
    if (note_parse(text, &n, err, sizeof err)) fail_msg("%s: %s", text, err);
    return glance_fragment(n.bytes, n.cap_len, n.link);
}

static void usual_frames(void **state)
{
    (void)state;
    assert_false(glance("eth / ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 syn"));
    assert_false(glance("eth / ip4 10.0.0.1 > 10.0.0.2 df / udp 1 > 2"));
    assert_false(glance("eth / ip6 2001:db8::1 > 2001:db8::2 / udp 1 > 2"));
    assert_false(glance("eth / arp who-has 10.0.0.1 tell 10.0.0.2"));
    assert_true(glance("eth / ip4 10.0.0.1 > 10.0.0.2 more / udp 1 > 2 len 24 / zeros 16"));
    assert_true(glance("eth / ip4 10.0.0.1 > 10.0.0.2 frag 24 proto udp / zeros 16"));
    assert_true(glance("eth / ip6 2001:db8::1 > 2001:db8::2 / frag6 24 next 17 / zeros 16"));
    assert_true(glance("eth / ip6 2001:db8::1 > 2001:db8::2 / dst / frag6 24 next 17 / zeros 16"));
    assert_true(glance("eth / vlan 5 / ip4 10.0.0.1 > 10.0.0.2 frag 24 proto udp / zeros 16"));
    assert_true(glance("ip4 10.0.0.1 > 10.0.0.2 frag 24 proto udp / zeros 16"));
}

/* It stops everything that the parser takes for a fragment, even in damaged and cut frames. */
static void never_misses(void **state)
{
    (void)state;
    struct stock stock;
    struct rng rng = {5};
    struct facts facts = {0};
    unsigned fragments = 0, passed = 0;
    for (unsigned i = 0; i < 200000; i++) {
        uint8_t bytes[DRAWN_FRAME_MAX];
        struct pkt pkt;
        struct key key;
        if (i % 1000 == 0) stock_draw(&stock, &rng);
        frame_draw(bytes, &pkt, &stock, &rng, 0);
        if (rng_one_in(&rng, 20))
            pkt_view(&pkt, bytes, rng_below(&rng, pkt.cap_len + 1), pkt.wire_len, pkt.link, IFACE_NONE);
        const bool may = glance_fragment(pkt.data, pkt.cap_len, (enum pkt_link)pkt.link);
        pkt_parse(&pkt, &facts, &key);
        const bool is = key.kind & (KIND_FRAG_FIRST | KIND_FRAG_LATER);
        assert_true(may || is == false);
        fragments += is;
        passed += !may;
    }
    assert_true(fragments > 1000 && passed > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(usual_frames), cmocka_unit_test(never_misses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
