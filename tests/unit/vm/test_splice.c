/* A splice in traces: every option differs between the two sides. */
#include "tests/unit/vm/act.h"

#include <stdio.h>

#include "vm/forward/splice/splice.h"

/* Peer 0 has timestamps, SACK and a window scale of 7; peer 1 has neither option, scales by 1, and takes 536 bytes. */
static const struct splice_end full = {.in = 1001,
                                       .out = 5001,
                                       .stamp_in = 0x100,
                                       .stamp_out = 0x900,
                                       .mss = 1460,
                                       .scale_in = 7,
                                       .scale_out = 2,
                                       .has = SPLICE_STAMPS | SPLICE_SACK | SPLICE_ECN};
static const struct splice_end bare = {.in = 0xffffff00, .out = 20001, .mss = 536, .scale_in = 1, .scale_out = 3};
/* With the same options as the first, and other numbers. */
static const struct splice_end other = {.in = 70001,
                                        .out = 20001,
                                        .stamp_in = 0x5000,
                                        .stamp_out = 0x300,
                                        .mss = 1400,
                                        .scale_in = 0,
                                        .scale_out = 9,
                                        .has = SPLICE_STAMPS | SPLICE_SACK};
enum { JOINED = 0xfffffff0 }; /* the clock wraps around */

static struct splice joined(const struct splice_end *a, const struct splice_end *b)
{
    struct splice s;
    splice_join(&s, (const struct splice_end[]){*a, *b}, JOINED);
    return s;
}

static void pass_at(struct splice *s, unsigned from, uint32_t now_ms, const char *in, const char *expected)
{
    struct splice_out out;
    struct pkt *pkt = slot_of(in);
    assert_int_equal(splice_pass(s, from, pkt, &packet.key, now_ms, pool, &out), SPLICE_SENT);
    assert_int_equal(out.count, 1);
    assert_ptr_equal(out.pkts[0], pkt);
    check_bytes(pkt, expected, in);
    check_offsets(pkt);
    pool_put(pkt);
    check_no_slot_lost();
}

static void pass(struct splice *s, unsigned from, const char *in, const char *expected)
{
    pass_at(s, from, JOINED, in, expected);
}

#define IP "eth / vlan 5 / ip4 1.1.1.1 > 2.2.2.2 "
#define V6 "ip6 ::1 > ::2 / hbh "

static void test_numbers(void **state)
{
    (void)state;
    struct splice s = joined(&bare, &bare);
    s.end[0].in = 1001;
    s.end[0].out = 5001;
    pass(&s, 0, IP "/ tcp 5 > 80 ack psh seq 1001 ack 5001 win 80 / payload \"GET\" / pad 7",
         IP "/ tcp 5 > 80 ack psh seq 20001 ack 0xffffff00 win 20 / payload \"GET\"");
    pass(&s, 1, IP "/ tcp 80 > 5 ack fin seq 0xffffff80 ack 20004 win 65535 / payload \"data\"",
         IP "/ tcp 80 > 5 ack fin seq 5129 ack 1004 win 16383 / payload \"data\"");
    pass(&s, 1, V6 "/ tcp 80 > 5 rst seq 0x80 win 0", V6 "/ tcp 80 > 5 rst seq 5385 win 0");
    /* Before the joint, and without ACK: still moved, but the acknowledgement field is unused. */
    pass(&s, 0, V6 "/ tcp 5 > 80 seq 1000 ack 5001 win 1", V6 "/ tcp 5 > 80 seq 20000 ack 5001 win 0");
}

/* Only a distance: the splice is the same however often it is joined again. */
static void test_distance(void **state)
{
    (void)state;
    const struct splice_end near = {.mss = 65535, .has = SPLICE_SACK},
                            far = {.in = 1000, .mss = 65535, .has = SPLICE_SACK};
    for (unsigned i = 0; i < 3; i++) {
        struct splice s = joined(&near, &far);
        pass(&s, 0, IP "/ tcp 5 > 80 ack seq 77 ack 0xffffffff win 9 opt x\"0101050a0000000500000009\" / zeros 1400",
             IP "/ tcp 5 > 80 ack seq 77 ack 999 win 9 opt x\"0101050a000003ed000003f1\" / zeros 1400");
        pass(&s, 1, IP "/ tcp 80 > 5 ack fin seq 1500 ack 77 win 9 / zeros 1400",
             IP "/ tcp 80 > 5 ack fin seq 500 ack 77 win 9 / zeros 1400");
    }
}

static void test_windows(void **state)
{
    (void)state;
    struct splice s = joined(&full, &other);
    pass(&s, 0, IP "/ tcp 5 > 80 ack seq 1001 ack 5001 win 1000 opt x\"0101080a0000010000000900\"",
         IP "/ tcp 5 > 80 ack seq 20001 ack 70001 win 250 opt x\"0101080a0000030000005000\"");
    pass(&s, 0, IP "/ tcp 5 > 80 ack seq 1001 ack 5001 win 3 opt x\"0101080a0000010000000900\"",
         IP "/ tcp 5 > 80 ack seq 20001 ack 70001 win 0 opt x\"0101080a0000030000005000\"");
    s.end[1].scale_out = 0;
    pass(&s, 0, IP "/ tcp 5 > 80 ack seq 1001 ack 5001 win 1000 opt x\"0101080a0000010000000900\"",
         IP "/ tcp 5 > 80 ack seq 20001 ack 70001 win 65535 opt x\"0101080a0000030000005000\"");
}

/* Both sides have the options: every number in them moves, in any order of the options. */
static void test_options_on_both_sides(void **state)
{
    (void)state;
    struct splice s = joined(&full, &other);
    pass(&s, 0,
         IP "/ tcp 5 > 80 ack seq 1001 ack 5001 win 4 opt "
            "x\"0512000013ed00001451000014b500001519080a0000010200000901\" / payload \"odd\"",
         IP "/ tcp 5 > 80 ack seq 20001 ack 70001 win 1 opt "
            "x\"0101080a000003020000500101010512000111d5000112390001129d00011301\" / payload \"odd\"");
    pass(&s, 1,
         V6 "/ tcp 80 > 5 ack seq 70001 ack 20001 win 4 opt "
            "x\"01080a00005010000003101c04000101050a00004e8500004ee90101\" / payload \"odd\"",
         V6 "/ tcp 80 > 5 ack seq 5001 ack 1001 win 1 opt x\"0101080a00000910000001100101050a0000044d000004b1\" / "
            "payload \"odd\"");
    pass(&s, 1, V6 "/ tcp 80 > 5 ack seq 70001 ack 20001 win 4 opt x\"0101080a000050110000031005ff0000\"",
         V6 "/ tcp 80 > 5 ack seq 5001 ack 1001 win 1 opt x\"0101080a0000091100000110\"");
    /* A segment without its timestamp: the newest is sent again, except with a RST. */
    pass(&s, 1, V6 "/ tcp 80 > 5 ack seq 70001 ack 20001 win 4",
         V6 "/ tcp 80 > 5 ack seq 5001 ack 1001 win 1 opt x\"0101080a0000091100000102\"");
    pass(&s, 1, V6 "/ tcp 80 > 5 rst ack seq 70001 ack 20001 win 4", V6 "/ tcp 80 > 5 rst ack seq 5001 ack 1001 win 1");
}

/* Only peer 0 has them: removed one way, added the other. */
static void test_options_on_one_side(void **state)
{
    (void)state;
    struct splice s = joined(&full, &bare);
    pass(&s, 0,
         IP "/ tcp 5 > 80 ack seq 1001 ack 5001 win 4 opt x\"050a000013ed000014510101080a00000102000009010101\" / "
            "payload \"odd\"",
         IP "/ tcp 5 > 80 ack seq 20001 ack 0xffffff00 win 64 / payload \"odd\"");
    pass_at(&s, 1, JOINED + 0x25, IP "/ tcp 80 > 5 ack seq 0xffffff00 ack 20004 win 8 / payload \"even\"",
            IP "/ tcp 80 > 5 ack seq 5001 ack 1004 win 4 opt x\"0101080a0000092500000102\" / payload \"even\"");
    /* The echo is that of the segment which moved the left edge (RFC 7323, 4.3): an out-of-order one isn't echoed,
     * the one that fills the gap is. */
    pass(&s, 0, IP "/ tcp 5 > 80 ack seq 1100 ack 5001 win 4 opt x\"0101080a0000014000000925\"",
         IP "/ tcp 5 > 80 ack seq 20100 ack 0xffffff00 win 64");
    pass_at(&s, 1, JOINED + 0x30, IP "/ tcp 80 > 5 ack seq 0xffffff04 ack 20004 win 8",
            IP "/ tcp 80 > 5 ack seq 5005 ack 1004 win 4 opt x\"0101080a0000093000000102\"");
    pass(&s, 0, IP "/ tcp 5 > 80 ack seq 1004 ack 5005 win 4 opt x\"0101080a0000014100000930\"",
         IP "/ tcp 5 > 80 ack seq 20004 ack 0xffffff04 win 64");
    /* A clock that went back is ignored. */
    pass_at(&s, 1, JOINED + 0x20, IP "/ tcp 80 > 5 ack seq 0xffffff04 ack 20004 win 8",
            IP "/ tcp 80 > 5 ack seq 5005 ack 1004 win 4 opt x\"0101080a0000093000000141\"");
    pass(&s, 1, IP "/ tcp 80 > 5 rst seq 0xffffff04 win 8", IP "/ tcp 80 > 5 rst seq 5005 win 4");
    /* SACK blocks of a peer that never agreed to them. */
    pass_at(&s, 1, JOINED + 0x40,
            IP "/ tcp 80 > 5 ack seq 0xffffff04 ack 20004 win 8 opt x\"0101050a00004e8400004ee8\"",
            IP "/ tcp 80 > 5 ack seq 5005 ack 1004 win 4 opt x\"0101080a0000094000000141\"");
}

/* Four blocks fit without a timestamp; with an added one, three do. */
static void test_too_many_blocks(void **state)
{
    (void)state;
    struct splice_end sacks = other;
    sacks.has = SPLICE_SACK;
    struct splice s = joined(&full, &sacks);
    pass(&s, 1,
         IP "/ tcp 80 > 5 ack seq 70001 ack 20001 win 4 opt "
            "x\"0101052200004e8500004eb700004ee900004f1b00004f4d00004f7f00004fb100004fe3\"",
         IP "/ tcp 80 > 5 ack seq 5001 ack 1001 win 1 opt "
            "x\"0101080a00000900000001000101051a0000044d0000047f000004b1000004e30000051500000547\"");
}

static void test_ecn(void **state)
{
    (void)state;
    struct splice s = joined(&full, &other), both = s;
    both.end[1].has |= SPLICE_ECN;
    s.end[0].has = SPLICE_ECN;
    s.end[1].has = 0;
    both.end[0].has = both.end[1].has = SPLICE_ECN;
    pass(&s, 0, IP "tos 0xba / tcp 5 > 80 ack cwr ece seq 1001 ack 5001 win 4",
         IP "tos 0xb8 / tcp 5 > 80 ack seq 20001 ack 70001 win 1");
    pass(&s, 0, "ip6 ::1 > ::2 tclass 0xb9 / tcp 5 > 80 ack seq 1001 ack 5001 win 4",
         "ip6 ::1 > ::2 tclass 0xb8 / tcp 5 > 80 ack seq 20001 ack 70001 win 1");
    pass(&s, 1, IP "/ tcp 80 > 5 ack ece seq 70001 ack 20001 win 4", IP "/ tcp 80 > 5 ack seq 5001 ack 1001 win 1");
    pass(&both, 0, IP "tos 3 / tcp 5 > 80 ack cwr ece seq 1001 ack 5001 win 4",
         IP "tos 3 / tcp 5 > 80 ack cwr ece seq 20001 ack 70001 win 1");
    struct splice_out out;
    struct pkt *pkt = slot_of(IP "tos 3 / tcp 5 > 80 ack seq 1001 ack 5001 win 4");
    assert_int_equal(splice_pass(&s, 0, pkt, &packet.key, 0, pool, &out), SPLICE_CONGESTED);
    assert_int_equal(out.count, 0);
    pool_put(pkt);
}

/* Cut for a receiver of 100 bytes: each piece has separate numbers, FIN, PSH, CWR and urgent pointer. */
static void test_pieces(void **state)
{
    (void)state;
    struct splice_end small = other, stamped = full;
    small.mss = 100;
    small.has = SPLICE_STAMPS | SPLICE_ECN;
    struct splice s = joined(&stamped, &small);
    struct splice_out out;
    struct pkt *pkt = slot_of(IP "id 7 / tcp 5 > 80 ack psh fin urg cwr urgent 100 seq 1001 ack 5001 win 4 opt "
                                 "x\"0101080a0000010000000900\" / zeros 180 / pad 3");
    assert_int_equal(splice_pass(&s, 0, pkt, &packet.key, JOINED, pool, &out), SPLICE_SENT);
    assert_int_equal(out.count, 3);
    static const char *const expected[] = {
        IP "id 7 / tcp 5 > 80 ack urg cwr urgent 100 seq 20001 ack 70001 win 1 opt x\"0101080a0000030000005000\" / "
           "zeros 88",
        IP "id 8 / tcp 5 > 80 ack urg urgent 12 seq 20089 ack 70001 win 1 opt x\"0101080a0000030000005000\" / zeros 88",
        IP "id 9 / tcp 5 > 80 ack psh fin seq 20177 ack 70001 win 1 opt x\"0101080a0000030000005000\" / zeros 4"};
    for (unsigned i = 0; i < 3; i++) {
        check_bytes(out.pkts[i], expected[i], "cut");
        check_offsets(out.pkts[i]);
        pool_put(out.pkts[i]);
    }
    check_no_slot_lost();

    /* No MSS announced: 536 and 1,220 (RFC 9293, 3.7.1). */
    s.end[1].mss = 0;
    pkt = slot_of(V6 "/ tcp 5 > 80 ack seq 1001 ack 5001 win 4 opt x\"0101080a0000010000000900\" / zeros 1209");
    assert_int_equal(splice_pass(&s, 0, pkt, &packet.key, JOINED, pool, &out), SPLICE_SENT);
    assert_int_equal(out.count, 2);
    check_bytes(out.pkts[1],
                V6 "/ tcp 5 > 80 ack seq 21209 ack 70001 win 1 opt x\"0101080a0000030000005000\" / zeros 1", "cut");
    pool_put(out.pkts[0]);
    pool_put(out.pkts[1]);
    pass(&s, 0, IP "/ tcp 5 > 80 ack seq 1001 ack 5001 win 4 opt x\"0101080a0000010000000900\" / zeros 524",
         IP "/ tcp 5 > 80 ack seq 20001 ack 70001 win 1 opt x\"0101080a0000030000005000\" / zeros 524");
}

/* A first fragment passes if its header keeps its length, however much follows. */
static void test_fragments(void **state)
{
    (void)state;
    struct splice s = joined(&full, &other);
    pass(&s, 0, IP "more / tcp 5 > 80 ack seq 1001 ack 5001 win 1000 opt x\"0101080a0000010000000900\" / zeros 1408",
         IP "more / tcp 5 > 80 ack seq 20001 ack 70001 win 250 opt x\"0101080a0000030000005000\" / zeros 1408");
    s = joined(&bare, &bare);
    pass(&s, 1, IP "more / tcp 80 > 5 ack seq 0xffffff80 ack 20004 win 0 / zeros 1404",
         IP "more / tcp 80 > 5 ack seq 20129 ack 0xffffff03 win 0 / zeros 1404");
}

static void fate(struct splice *s, const char *in, enum splice_fate expected)
{
    struct splice_out out;
    struct pkt *pkt = slot_of(in);
    assert_int_equal(splice_pass(s, 0, pkt, &packet.key, 0, pool, &out), expected);
    assert_int_equal(out.count, 0);
    pool_put(pkt);
    check_no_slot_lost();
}

static void test_refused(void **state)
{
    (void)state;
    struct splice_end small = other;
    small.mss = 64;
    struct splice s = joined(&full, &small);
    fate(&s, IP "/ tcp 5 > 80 syn seq 1001", SPLICE_NOT_SEGMENT);
    fate(&s, IP "/ tcp 5 > 80 syn ack seq 1001", SPLICE_NOT_SEGMENT);
    fate(&s, IP "/ udp 5 > 80", SPLICE_NOT_SEGMENT);
    fate(&s, IP "more / tcp 5 > 80 ack / zeros 12", SPLICE_NO_ROOM); /* it would get timestamps */
    fate(&s, IP "/ tcp 5 > 80 ack csum 0x1234 / zeros 70", SPLICE_BAD_SUM);
    fate(&s, IP "/ tcp 5 > 80 ack / zeros 700", SPLICE_NO_ROOM); /* 14 pieces */
    fate(&s, IP "/ tcp 5 > 80 ack / zeros 70 / cut 90", SPLICE_SNAPPED);
    struct splice_out out;
    packet_of(IP "/ tcp 5 > 80 ack");
    assert_int_equal(splice_pass(&s, 0, &packet.pkt, &packet.key, 0, pool, &out), SPLICE_NOT_SEGMENT);
    struct pkt *pkt = slot_of(IP "/ tcp 5 > 80 ack / zeros 200");
    assert_int_equal(splice_pass(&s, 0, pkt, &packet.key, 0, NULL, &out), SPLICE_NO_ROOM);
    pool_put(pkt);
}

/* A wrong checksum stays equally wrong; a partial one stays partial. */
static void test_checksums(void **state)
{
    (void)state;
    struct splice s = joined(&bare, &bare);
    pass(&s, 0, IP "/ tcp 5 > 80 ack seq 0xffffff01 ack 20001 win 0 csum 0x3000",
         IP "/ tcp 5 > 80 ack seq 20002 ack 0xffffff00 win 0 csum 0x3000"); /* their changes cancel, except for 1 */
}

static void test_partial(void **state)
{
    (void)state;
    struct splice s = joined(&full, &bare);
    struct splice_out out;
    const char *in = IP "/ tcp 5 > 80 ack seq 1001 ack 5001 win 4 csum 0x0800 opt x\"0101080a0000010000000900\"";
    struct pkt *pkt = slot_of(in);
    pkt->flags |= PKT_CSUM_PARTIAL;
    assert_int_equal(splice_pass(&s, 0, pkt, &packet.key, 0, pool, &out), SPLICE_SENT);
    check_bytes(pkt, IP "/ tcp 5 > 80 ack seq 20001 ack 0xffffff00 win 64 csum 0x07f4", in); /* twelve bytes less */
    assert_true(pkt->flags & PKT_CSUM_PARTIAL);
    pool_put(pkt);

    s.end[1].mss = 64; /* pieces are complete */
    pkt = slot_of(IP "/ tcp 5 > 80 ack seq 1001 ack 5001 win 4 csum 0x0800 / zeros 65");
    pkt->flags |= PKT_CSUM_PARTIAL;
    assert_int_equal(splice_pass(&s, 0, pkt, &packet.key, 0, pool, &out), SPLICE_SENT);
    assert_int_equal(out.count, 2);
    check_bytes(out.pkts[0], IP "/ tcp 5 > 80 ack seq 20001 ack 0xffffff00 win 64 / zeros 64", in);
    check_bytes(out.pkts[1], IP "id 1 / tcp 5 > 80 ack seq 20065 ack 0xffffff00 win 64 / zeros 1", in);
    assert_false((out.pkts[0]->flags | out.pkts[1]->flags) & PKT_CSUM_PARTIAL);
    pool_put(out.pkts[0]);
    pool_put(out.pkts[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_options_on_both_sides),
        cmocka_unit_test(test_options_on_one_side),
        cmocka_unit_test(test_too_many_blocks),
        cmocka_unit_test(test_ecn),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_partial),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
