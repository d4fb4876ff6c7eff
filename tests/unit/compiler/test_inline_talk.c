/* Conversations of tests: sequence numbers of TCP packets, fragments of one datagram, and replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "compiler/ruletest/ruletest.h"
#include "tests/unit/compiler/front.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

enum { FIRST = 1, OTHER = 1000000001, STEP = 1000000 };

/* Return the packets of the test's steps, in order. */
static struct test_run run_of(struct compile *c, const char *steps)
{
    char rules[2048];

    snprintf(rules, sizeof(rules), "test \"t\" {\n%s\n}\n", steps);
    front(c, rules);
    resolve_tests(c);
    if (diags_errors(c->diags)) fail_msg("%s: %s", steps, front_said(c));
    return (struct test_run){.c = c, .test = c->tests->first, .self = c->tests->first->self_at_start};
}

struct numbers {
    uint32_t seq, ack;
    bool lost; /* dropped on the way */
};

static void check_numbers(const char *steps, const struct numbers *want)
{
    struct compile c;
    struct test_run r = run_of(&c, steps);

    for (const struct test_step *s = r.test->first; s; s = s->next, want++) {
        struct frame_spec p = *s->packet;
        test_talk_number(&r, &p);
        assert_int_equal(p.seq, want->seq);
        if (p.flags & TCP_ACK) assert_int_equal(p.ack, want->ack);
        if (!want->lost) test_talk_sent(&r, &p);
    }
    compile_fini(&c);
}

#define A_TO_B "expect accept: tcp 192.0.2.1:5 -> 192.0.2.2:80 "
#define B_TO_A "expect accept: tcp 192.0.2.2:80 -> 192.0.2.1:5 "

static void test_life(void **state)
{
    (void)state;
    check_numbers(A_TO_B "syn\n" B_TO_A "syn ack\n" A_TO_B "ack\n" A_TO_B "psh ack payload x\"01 02\"\n" B_TO_A
                         "ack length 140\n" A_TO_B "ack\n" B_TO_A "fin ack\n" A_TO_B "fin ack\n" B_TO_A "ack",
                  (struct numbers[]){{FIRST, 0, 0},
                                     {OTHER, FIRST + 1, 0},
                                     {FIRST + 1, OTHER + 1, 0},
                                     {FIRST + 1, OTHER + 1, 0},
                                     {OTHER + 1, FIRST + 3, 0},
                                     {FIRST + 3, OTHER + 101, 0},
                                     {OTHER + 101, FIRST + 3, 0},
                                     {FIRST + 3, OTHER + 102, 0},
                                     {OTHER + 102, FIRST + 4, 0}});
}

static void test_again(void **state)
{
    (void)state;
    check_numbers(
        A_TO_B "psh ack payload x\"01\"\n" A_TO_B "psh ack payload x\"01\"\n" A_TO_B "psh ack payload x\"02\"\n" B_TO_A
               "ack\n" A_TO_B "psh ack payload x\"02\"",
        (struct numbers[]){
            {FIRST, OTHER, 0}, {FIRST, OTHER, 0}, {FIRST + 1, OTHER, 0}, {OTHER, FIRST + 2, 0}, {FIRST + 2, OTHER, 0}});
}

static void test_lost(void **state)
{
    (void)state;
    check_numbers(
        A_TO_B "syn\n" A_TO_B "ack payload x\"01\"\n" A_TO_B "ack payload x\"02\"\n" B_TO_A "syn ack",
        (struct numbers[]){{FIRST, 0, 0}, {FIRST + 1, OTHER, true}, {FIRST + 1, OTHER, 0}, {OTHER, FIRST + 2, 0}});
}

static void test_both_open(void **state)
{
    (void)state;
    check_numbers(
        A_TO_B "syn\n" B_TO_A "syn\n" A_TO_B "syn ack\n" B_TO_A "syn ack\n" A_TO_B "ack",
        (struct numbers[]){
            {FIRST, 0, 0}, {OTHER, 0, 0}, {FIRST, OTHER + 1, 0}, {OTHER, FIRST + 1, 0}, {FIRST + 1, OTHER + 1, 0}});
}

static void test_anew(void **state)
{
    (void)state;
    /* answered by a SYN ACK, rejected, or ignored and challenged */
    check_numbers(A_TO_B "syn\n" B_TO_A "syn ack\n" A_TO_B "fin ack\n" A_TO_B "syn\n" B_TO_A "syn ack\n" A_TO_B "ack",
                  (struct numbers[]){{FIRST, 0, 0},
                                     {OTHER, FIRST + 1, 0},
                                     {FIRST + 1, OTHER + 1, 0},
                                     {FIRST + 2 + STEP, 0, 0},
                                     {OTHER + 1 + STEP, FIRST + 3 + STEP, 0},
                                     {FIRST + 3 + STEP, OTHER + 2 + STEP, 0}});
    check_numbers(
        A_TO_B "ack\n" B_TO_A "ack\n" A_TO_B "syn\n" B_TO_A "rst ack",
        (struct numbers[]){{FIRST, OTHER, 0}, {OTHER, FIRST, 0}, {FIRST + STEP, 0, 0}, {OTHER, FIRST + STEP + 1, 0}});
    check_numbers(
        A_TO_B "ack\n" B_TO_A "ack\n" A_TO_B "syn\n" B_TO_A "ack\n" A_TO_B "ack",
        (struct numbers[]){
            {FIRST, OTHER, 0}, {OTHER, FIRST, 0}, {FIRST + STEP, 0, 0}, {OTHER, FIRST, 0}, {FIRST, OTHER, 0}});
}

/* Other ports or other tags make another conversation. */
static void test_apart(void **state)
{
    (void)state;
    check_numbers(A_TO_B "syn\n" A_TO_B "syn vlan 5\nexpect accept: tcp 192.0.2.1:6 -> 192.0.2.2:80 syn\n" B_TO_A
                         "syn ack vlan 5",
                  (struct numbers[]){{FIRST, 0, 0}, {FIRST, 0, 0}, {FIRST, 0, 0}, {OTHER, FIRST + 1, 0}});
}

struct place {
    uint32_t datagram, offset;
};

static void check_places(const char *steps, const struct place *want)
{
    struct compile c;
    struct test_run r = run_of(&c, steps);

    for (const struct test_step *s = r.test->first; s; s = s->next, want++) {
        struct frame_spec p = *s->packet;
        test_datagram_place(&r, &p);
        assert_int_equal(p.datagram, want->datagram);
        assert_int_equal(p.offset, want->offset);
    }
    compile_fini(&c);
}

#define FIRST_PART "expect accept: udp 192.0.2.1:5 -> 192.0.2.2:53 fragment first "
#define LATER_PART "expect accept: udp 192.0.2.1 -> 192.0.2.2 fragment later "

static void test_datagrams(void **state)
{
    (void)state;
    check_places(FIRST_PART "\n" LATER_PART "length 36\n" LATER_PART "length 30\n" LATER_PART "\n" FIRST_PART
                            "\n" FIRST_PART "length 3020\n" LATER_PART,
                 (struct place[]){{1, 0}, {1, 1480}, {1, 1496}, {2, 1480}, {2, 0}, {3, 0}, {3, 3000}});
    check_places(FIRST_PART "\n" FIRST_PART "vlan 5\n" LATER_PART "vlan 5\n" LATER_PART
                            "\nexpect accept: udp 192.0.2.2 -> 192.0.2.1 fragment later\n"
                            "expect accept: udp 2001:db8::1 -> 2001:db8::2 fragment later payload x\"01\"\n"
                            "expect accept: udp 2001:db8::1 -> 2001:db8::2 fragment later",
                 (struct place[]){{1, 0}, {2, 0}, {2, 1480}, {1, 1480}, {3, 1480}, {4, 1480}, {5, 1480}});
    check_places(LATER_PART "length 60020\n" LATER_PART "length 8020", (struct place[]){{1, 1480}, {2, 1480}});
}

/* Return the reply to the first step's packet, which the second step describes. */
static struct frame_spec answer(const char *steps)
{
    struct compile c;
    struct test_run r = run_of(&c, steps);
    struct frame_spec p;

    r.last = *r.test->first->packet;
    r.any_left = true;
    assert_true(test_packet_ready(&r, r.test->first->next, &p));
    compile_fini(&c);
    return p;
}

static void test_answers(void **state)
{
    (void)state;
    struct frame_spec p =
        answer("expect accept: udp self:5 -> 192.0.2.2:53 vlan 5 inner 6 ttl 3\nreply payload x\"01\"");

    assert_int_equal(p.form, FORM_UDP);
    assert_int_equal(p.src[0], 0xc0000202);
    assert_int_equal(p.dst[0], 0xc0000008);
    assert_int_equal(p.src_port, 53);
    assert_int_equal(p.dst_port, 5);
    assert_int_equal(p.tags, 2);
    assert_int_equal(p.vid[1], 6);
    assert_int_equal(p.ttl, 64);
    assert_int_equal(p.payload.len, 1);
    assert_int_equal(answer("expect accept: icmp self -> 192.0.2.2 type echo-request\nreply").type, 0);
    assert_int_equal(answer("expect accept: icmp self -> 192.0.2.2 type timestamp-request\nreply").type, 14);
    p = answer("expect accept: icmp6 fe80::1 -> self type nd-neighbor-solicit\nreply");
    assert_int_equal(p.type, ICMP6_ADVERT);
    assert_int_equal(p.ttl, 255);
    assert_true(answer("expect pass: arp 192.0.2.1 -> self\nreply").arp_answer);
    p = answer(
        "expect accept: tcp self:5 -> 192.0.2.2:80 syn vlan 5\nreply: tcp 192.0.2.2:80 -> self:5 syn ack vlan 6");
    assert_int_equal(p.vid[0], 6);
}

static void test_nothing_to_answer(void **state)
{
    struct compile c;
    struct test_run r = run_of(&c, "reply");
    struct frame_spec p;

    (void)state;
    assert_false(test_packet_ready(&r, r.test->first, &p));
    char *said = front_said(&c);
    assert_non_null(strstr(said, "E0714"));
    free(said);
    compile_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),      cmocka_unit_test(test_again),   cmocka_unit_test(test_lost),
        cmocka_unit_test(test_both_open), cmocka_unit_test(test_anew),    cmocka_unit_test(test_apart),
        cmocka_unit_test(test_datagrams), cmocka_unit_test(test_answers), cmocka_unit_test(test_nothing_to_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
