/* TCP packets as segments: their length in the sequence space, and the options of SYNs to the last byte. */
#include "tests/unit/vm/packet.h"

#include "vm/flow/flow.h"
#include "vm/packet/parse/read.h"

#define ETH_IP  "eth / ip4 1.1.1.1 > 2.2.2.2 / "
#define ETH_IP6 "eth / ip6 ::1 > ::2 / "

static struct tcp_segment segment_of(const char *notation)
{
    struct packet *p = packet_of(notation);
    struct tcp_segment s;
    if (p->reason) fail_msg("%s: %s", notation, reason_name(p->reason));
    memset(&s, 0xa5, sizeof s);
    tcp_read(&p->pkt, &p->key, &s);
    return s;
}

static void test_numbers(void **state)
{
    (void)state;
    struct tcp_segment s =
        segment_of(ETH_IP "tcp 1 > 2 ack psh seq 0xfffffff0 ack 0x80000001 win 513 / payload \"hello\"");
    assert_int_equal(s.seq, 0xfffffff0);
    assert_int_equal(s.ack, 0x80000001);
    assert_int_equal(s.window, 513);
    assert_int_equal(s.flags, TCP_ACK | TCP_PSH);
    assert_int_equal(s.len, 5);
    assert_int_equal(s.scale, SCALE_ABSENT);
    assert_int_equal(s.mss, 0);
    assert_false(s.first_fragment);
    s = segment_of(ETH_IP "tcp 1 > 2 rst seq 7 ack 99"); /* a number without its flag doesn't count */
    assert_int_equal(s.ack, 0);
    assert_int_equal(s.len, 0);
}

/* Lengths in the sequence space: payload by the IP length, never the frame's padding; SYN and FIN one each. */
static void test_len(void **state)
{
    (void)state;
    static const struct {
        const char *notation;
        uint32_t len;
    } rows[] = {
        {ETH_IP "tcp 1 > 2 syn", 1},
        {ETH_IP "tcp 1 > 2 fin ack", 1},
        {ETH_IP "tcp 1 > 2 syn fin", 2},
        {ETH_IP "tcp 1 > 2 syn / zeros 300", 301},
        {ETH_IP "tcp 1 > 2 fin ack / zeros 300", 301},
        {ETH_IP "tcp 1 > 2 ack / pad 6", 0},
        {ETH_IP "tcp 1 > 2 ack / zeros 1 / pad 5", 1},
        {ETH_IP "tcp 1 > 2 ack opt x\"01 01 08 0a 00 00 00 01 00 00 00 02\" / zeros 10", 10},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 opt x\"01 01 01 00\" / tcp 1 > 2 ack / zeros 10", 10},
        {"eth / vlan 5 / vlan 6 / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 ack / zeros 10", 10},
        {"eth / vlan 5 / ip6 ::1 > ::2 / hbh / dst / tcp 1 > 2 ack / zeros 10", 10},
        {ETH_IP6 "tcp 1 > 2 ack / zeros 10 / pad 3", 10},
        {ETH_IP6 "frag6 0 / tcp 1 > 2 ack / zeros 8", 8}, /* atomic */
        /* cut by the capture: the wire length counts */
        {ETH_IP "tcp 1 > 2 ack / zeros 1000 / cut 54", 1000},
        /* offsets beyond 65535: by the header */
        {"eth / ip4 1.1.1.1 > 2.2.2.2 len 65535 / tcp 1 > 2 ack / wire 65549", 65495},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 len 65521 / tcp 1 > 2 ack / wire 65549", 65481},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 len 65522 / tcp 1 > 2 ack / wire 65549", 65482},
        {"eth / ip6 ::1 > ::2 len 65535 / tcp 1 > 2 ack / wire 65589", 65515},
        {"eth / ip6 ::1 > ::2 len 65495 / tcp 1 > 2 ack / wire 65589", 65475},
        {"eth / ip6 ::1 > ::2 len 65496 / hbh / tcp 1 > 2 ack / wire 65589", 65468},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct tcp_segment s = segment_of(rows[i].notation);
        if (s.len != rows[i].len) fail_msg("%s: %u, not %u", rows[i].notation, s.len, rows[i].len);
    }
}

static void test_first_fragment(void **state)
{
    (void)state;
    struct tcp_segment s = segment_of("eth / ip4 1.1.1.1 > 2.2.2.2 more / tcp 1 > 2 ack seq 5 ack 6 / zeros 12");
    assert_true(s.first_fragment);
    assert_int_equal(s.len, 12);
    s = segment_of(ETH_IP6 "frag6 0 more / tcp 1 > 2 syn seq 5 opt x\"03 03 02 00\" / zeros 8");
    assert_true(s.first_fragment);
    assert_int_equal(s.len, 9);
    assert_int_equal(s.scale, 2);
}

static void test_options(void **state)
{
    (void)state;
    static const struct {
        const char *opt;
        unsigned scale, mss;
    } rows[] = {
        {"02 04 05 b4", SCALE_ABSENT, 1460},
        {"02 04 05 b4 01 03 03 07", 7, 1460},
        {"03 03 00 00", 0, 0},
        {"03 03 0e 00", 14, 0},
        {"03 03 0f 00", 14, 0}, /* RFC 7323, 2.3 */
        {"03 03 ff 00", 14, 0},
        {"01 03 03 05", 5, 0},            /* to the last byte */
        {"01 01 03 03", SCALE_ABSENT, 0}, /* and beyond it */
        {"01 01 01 03", SCALE_ABSENT, 0},
        {"03 04 05 00", SCALE_ABSENT, 0}, /* not the option's length */
        {"03 02 02 04 05 b4 00 00", SCALE_ABSENT, 1460},
        {"02 03 05 03 03 06 00 00", 6, 0},
        {"03 00 03 03 06 00 00 00", SCALE_ABSENT, 0}, /* false lengths end the list */
        {"03 01 03 03 06 00 00 00", SCALE_ABSENT, 0},
        {"fe 00 03 03 06 00 00 00", SCALE_ABSENT, 0},
        {"fe 09 03 03 06 00 00 00", SCALE_ABSENT, 0},
        {"fe ff 03 03 06 00 00 00", SCALE_ABSENT, 0},
        {"02 04 05 b4 fe 00 03 03", SCALE_ABSENT, 1460}, /* earlier options count */
        {"00 03 03 06", SCALE_ABSENT, 0},                /* the end of the list */
        {"fe 02 03 03 06 00 00 00", 6, 0},
        {"03 03 01 03 03 02 00 00", 2, 0},                         /* the later one of two */
        {"04 02 08 0a 03 03 05 00 00 00 00 00 03 03 01 01", 1, 0}, /* not the bytes inside another option */
        {"01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 "
         "01 "
         "03 03 09",
         9, 0},
        {"fe 28 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 "
         "01 "
         "03 03 09",
         SCALE_ABSENT, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char notation[300];
        for (unsigned payload = 0; payload < 2; payload++) {
            snprintf(notation, sizeof notation, ETH_IP "tcp 1 > 2 syn opt x\"%s\"%s", rows[i].opt,
                     payload ? " / payload x\"03 03 0b 02 04 11 11\"" : "");
            const struct tcp_segment s = segment_of(notation);
            if (s.scale != rows[i].scale || s.mss != rows[i].mss)
                fail_msg("%s: scale %u mss %u", rows[i].opt, s.scale, s.mss);
        }
        snprintf(notation, sizeof notation, ETH_IP "tcp 1 > 2 ack opt x\"%s\"", rows[i].opt);
        assert_int_equal(segment_of(notation).scale, SCALE_ABSENT); /* only in a SYN */
    }
    assert_int_equal(segment_of(ETH_IP "tcp 1 > 2 syn ack opt x\"03 03 04 00\"").scale, 4);
    assert_int_equal(segment_of(ETH_IP "tcp 1 > 2 syn / payload x\"03 03 0b 02\"").scale, SCALE_ABSENT);
}

/* Options of random bytes in a block that ends with them, cut off anywhere: nothing outside is read. */
static void test_any_options(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (unsigned run = 0; run < 20000; run++) {
        char notation[300] = ETH_IP "tcp 1 > 2 syn opt x\"";
        const unsigned words = 1 + draw(&seed, 10);
        for (unsigned i = 0; i < words * 4; i++) {
            const unsigned byte = draw(&seed, 3) ? draw(&seed, 6) : draw(&seed, 256);
            sprintf(notation + strlen(notation), "%02x ", byte);
        }
        strcat(notation, "\"");
        const struct tcp_segment s = segment_of(notation);
        assert_true(s.scale == SCALE_ABSENT || s.scale <= SCALE_MOST);
        assert_int_equal(s.len, 1);
    }
}

/* A view that was cut after it was parsed gives zeros. */
static void test_cut(void **state)
{
    (void)state;
    struct packet *p = packet_of(ETH_IP "tcp 1 > 2 syn seq 9 opt x\"03 03 04 00\"");
    const uint32_t whole = p->pkt.head_len;
    for (uint32_t len = 0; len < whole; len++) {
        struct pkt cut = p->pkt;
        uint8_t *bytes = malloc(len ? len : 1);
        memcpy(bytes, p->bytes, len);
        cut.data = bytes;
        cut.head_len = cut.cap_len = len;
        struct tcp_header h;
        tcp_header_read(&cut, &p->key, &h);
        struct tcp_syn_options o;
        tcp_syn_options_read(&cut, &o);
        assert_int_equal(h.seq, len < whole - 4 ? 0 : 9);
        assert_false(o.has_scale);
        free(bytes);
    }
    struct tcp_syn_options all;
    tcp_syn_options_read(&p->pkt, &all);
    assert_true(all.has_scale);
}

/* Headers that continue in a segment of the packet are also read. */
static void test_segments(void **state)
{
    (void)state;
    struct packet *p = packet_of(ETH_IP "tcp 1 > 2 syn seq 0x01020304 win 77 opt x\"02 04 05 b4 01 03 03 07\"");
    for (uint32_t head = 0; head <= p->pkt.cap_len; head++) {
        struct pkt parts = p->pkt;
        const struct pkt_seg segs[1] = {{p->bytes + head, p->pkt.cap_len - head}};
        parts.head_len = head;
        parts.segs = segs;
        parts.seg_count = 1;
        struct tcp_segment s;
        tcp_read(&parts, &p->key, &s);
        assert_int_equal(s.seq, 0x01020304);
        assert_int_equal(s.window, 77);
        assert_int_equal(s.scale, 7);
        assert_int_equal(s.mss, 1460);
        assert_int_equal(s.len, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),  cmocka_unit_test(test_len),         cmocka_unit_test(test_first_fragment),
        cmocka_unit_test(test_options),  cmocka_unit_test(test_any_options), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_segments),
    };
    return cmocka_run_group_tests(tests, NULL, packet_free);
}
