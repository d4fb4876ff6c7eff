/* The packet notation: its frames, its output, its errors; and printing loses nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/note.h"
#include "vm/packet/key.h"

static struct note note;
static char text[NOTE_TEXT_MAX], err[200];

static void parse(const char *notation)
{
    if (note_parse(notation, &note, err, sizeof(err)) != 0) fail_msg("%s: %s", notation, err);
}

static void assert_frame(const char *notation, const char *hex)
{
    char got[3 * 256] = "";
    parse(notation);
    for (size_t i = 0; i < note.wire_len; i++) snprintf(got + 2 * i, sizeof(got) - 2 * i, "%02x", note.bytes[i]);
    assert_string_equal(got, hex);
}

/* An independent packet builder made the bytes from IP on. */
static void known_frames(void **state)
{
    (void)state;
    assert_frame("ip4 192.0.2.1 > 192.0.2.2 ttl 64 id 7 df / udp 53 > 1024 / payload x\"00 01\"",
                 "4500001e000740004011b6c4c0000201c0000202"
                 "00350400000a77a0"
                 "0001");
    assert_frame("null / ip4 1.2.3.4 > 5.6.7.8 proto 59", "02000000"
                                                          "4500001400000000403b6a9c0102030405060708");
    assert_frame("ip4 1.2.3.4 > 5.6.7.8 / sctp 5 > 6 tag 9 / payload \"abc\"",
                 "450000230000000040846a440102030405060708"
                 "00050006000000092fbff4a8"
                 "616263");
    assert_frame("ip6 2001:db8::1 > 2001:db8::2 / hbh / icmp6 type echo-request id 1 seq 2 / payload \"abc\"",
                 "6000000000130040"
                 "20010db8000000000000000000000001"
                 "20010db8000000000000000000000002"
                 "3a00010400000000"
                 "80005fdf00010002"
                 "616263");
    assert_frame("ip4 1.2.3.4 > 5.6.7.8 / tcp 5 > 6 syn ack seq 3 ack 4 opt x\"020405b4\" / payload \"abc\"",
                 "4500002f0000000040066ab60102030405060708"
                 "0005000600000003000000046012ffffc38b0000020405b4"
                 "616263");
    assert_frame("eth back / vlan 5 tpid 0x88a8 pcp 3 / vlan 6 / arp who-has 10.0.0.2 tell 10.0.0.1",
                 "020000000001020000000002"
                 "88a86005"
                 "81000006"
                 "0806"
                 "0001080006040001"
                 "0200000000010a000001"
                 "0000000000000a000002");
}

static void prints_back(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "eth 02:00:00:00:00:01 > 02:00:00:00:00:02 / ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 syn ack seq 5 ack 7",
        "eth 02:00:00:00:00:01 > 02:00:00:00:00:02 / vlan 5 / vlan 6 tpid 0x88a8 / ip6 2001:db8::1 > ff02::1 hop 255 / "
        "icmp6 type nd-neighbor-solicit / payload x\"00000001\"",
        "ip4 10.0.0.1 > 10.0.0.2 ttl 1 len 9999 more / udp 1 > 2 len 7 csum 0x0",
        "ip6 ::1 > ::2 / hbh / routing type 0 left 1 / frag6 0 more / dst opt x\"010c000000000000000000000000\" / ah / "
        "sctp 5 > 6 tag 9",
        "ip4 10.0.0.1 > 10.0.0.2 / icmp type destination-unreachable code 1 / ip4 10.0.0.2 > 10.0.0.1 len 100 / "
        "udp 7 > 8 len 80 csum 0x1234",
        "eth 02:00:00:00:00:01 > 02:00:00:00:00:02 / ip4 10.0.0.1 > 10.0.0.2 frag 1480 proto 17 / payload \"late\" / "
        "pad x\"0000\"",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        parse(lines[i]);
        note_print(note.bytes, note.wire_len, note.link, text, sizeof(text));
        assert_string_equal(text, lines[i]);
    }
}

/* For any bytes, the printed text gives the same bytes again. */
static void prints_anything(void **state)
{
    (void)state;
    static const char *const seeds[] = {
        "eth / vlan 5 / ip4 10.0.0.1 > 10.0.0.2 opt x\"01010101\" / tcp 1 > 2 syn opt x\"020405b4\" / payload \"x\"",
        "eth / ip6 2001:db8::1 > 2001:db8::2 / hbh / routing / frag6 0 / ah / dst / udp 1 > 2 / payload x\"00\"",
        "eth / ip4 10.0.0.1 > 10.0.0.2 / icmp type 3 / ip4 10.0.0.2 > 10.0.0.1 / sctp 1 > 2 / pad 9",
        "eth / arp who-has 10.0.0.1 tell 10.0.0.2",
        "eth / ip4 1.1.1.1 > 2.2.2.2 / ip6 ::1 > ::2 / icmp6 type 135 target ::3",
    };
    struct note *again = malloc(sizeof(*again));
    unsigned seed = 1, structured = 0;
    for (unsigned i = 0; i < 4000; i++) {
        parse(seeds[i % 5]);
        for (unsigned k = 0; k < 1 + i % 3; k++) {
            seed = seed * 1103515245 + 12345;
            note.bytes[(seed >> 8) % note.wire_len] ^= (uint8_t)(1u << (seed >> 24 & 7));
        }
        const size_t len = note.wire_len - (i % 7 == 0 ? (seed >> 5) % note.wire_len : 0);
        note_print(note.bytes, len, LINK_ETHER, text, sizeof(text));
        structured += strncmp(text, "raw", 3) != 0;
        if (note_parse(text, again, err, sizeof(err)) != 0) fail_msg("%s: %s", text, err);
        assert_int_equal(again->wire_len, len);
        assert_memory_equal(again->bytes, note.bytes, len);
    }
    assert_true(structured > 3500);
    free(again);
}

static void lengths_on_the_wire(void **state)
{
    (void)state;
    struct pkt pkt;
    parse("eth / ip4 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 / payload \"abcdef\" / cut 40 / wire 100 / taken 5 tpid 0x88a8");
    note_view(&note, IFACE_NONE, &pkt);
    assert_int_equal(pkt.cap_len, 40);
    assert_int_equal(pkt.wire_len, 100);
    assert_int_equal(pkt.tag_count, 1);
    assert_int_equal(pkt.tags[0].tpid, 0x88a8);
    assert_int_equal(pkt.tags[0].tci, 5);
}

static void refusals(void **state)
{
    (void)state;
    static const char *const lines[][2] = {
        {"", "a frame must stand here"},
        {"eht / ip4 1.1.1.1 > 2.2.2.2", "no such layer at `eht`"},
        {"eth / ip4 1.1.1.1 2.2.2.2", "`>` must stand"},
        {"eth / ip4 1.1.1.300 > 2.2.2.2", "an IPv4 address"},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 ttl 256", "too large"},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 frag 7", "multiple of 8"},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 bogus 7", "no such word"},
        {"ip4 1.1.1.1 > 2.2.2.2 / icmp type nd-redirect", "no such name"},
        {"ip4 1.1.1.1 > 2.2.2.2 / payload \"open", "doesn't end"},
        {"ip4 1.1.1.1 > 2.2.2.2 / payload x\"123\"", "half a byte"},
        {"eth / eth / raw x\"00\"", "no such layer here"},
        {"ip4 1.1.1.1 > 2.2.2.2 / pad 4 / payload \"x\"", "follow the padding"},
        {"zeros 70000", "too long"},
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        assert_int_not_equal(note_parse(lines[i][0], &note, err, sizeof(err)), 0);
        if (!strstr(err, lines[i][1])) fail_msg("%s: got `%s`, not `%s`", lines[i][0], err, lines[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_frames),        cmocka_unit_test(prints_back), cmocka_unit_test(prints_anything),
        cmocka_unit_test(lengths_on_the_wire), cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
