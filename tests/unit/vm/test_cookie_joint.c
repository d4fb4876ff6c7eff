/* Joints: the options sent to each side determine the splice that bridges them, and the numbers that flows are
 * tracked in. */
#include "tests/unit/vm/packet.h"

#include "vm/forward/cookie/joint.h"

static const struct cookie_terms full = {.mss = 1380, .has_scale = true, .scale = 9, .sack = true, .has_stamps = true};
static const struct cookie_terms bare = {.mss = 536};
static const struct tcp_syn_options ack = {.has_stamps = true, .stamp = 700, .echo = 9000};
static const struct tcp_syn_options able = {
    .has_scale = true, .scale = 3, .mss = 1300, .sack = true, .has_stamps = true, .stamp = 50000};
static const struct tcp_syn_options plain = {.mss = 1200};

/* Return the flow's tracked state: the client's shift, and the server's if it has one. */
static struct tcp_track track_of(const struct cookie_terms *t, const struct tcp_syn_options *server)
{
    const unsigned ours = t->has_scale ? t->scale : 15, theirs = server->has_scale ? server->scale : 15;
    struct tcp_track track = {.scale = (uint8_t)(theirs << 4 | ours)};
    track.side[FLOW_REPLY].acked = 4242;
    if (t->has_scale && server->has_scale) track.flags = TCP_TRACK_SCALED;
    return track;
}

static struct splice joined(const struct cookie_terms *t, const struct tcp_syn_options *server, struct flow_joint *j)
{
    const struct tcp_track track = track_of(t, server);
    struct splice s;
    joint_begin(j, t, t->has_stamps ? &ack : &plain);
    joint_complete(j, server);
    joint_splice(j, &track, 77, 123456, &s);
    return s;
}

static void test_both(void **state)
{
    (void)state;
    struct flow_joint j;
    const struct splice s = joined(&full, &able, &j);
    const struct splice_end client = {.mss = 1380, .scale_in = 9, .scale_out = 7, .has = SPLICE_STAMPS | SPLICE_SACK};
    const struct splice_end server = {
        .in = 77, .stamp_in = 41000, .mss = 1300, .scale_in = 3, .scale_out = 9, .has = SPLICE_STAMPS | SPLICE_SACK};
    assert_memory_equal(&s.end[0], &client, sizeof client);
    assert_memory_equal(&s.end[1], &server, sizeof server);
    assert_int_equal(s.acked[0], 4242);
    assert_int_equal(s.stamp_recent[0], 700);
    assert_int_equal(joint_window(&j, 65535), 511);
    const struct tcp_options o = joint_stamps(&j, 50000, 1);
    assert_int_equal(o.stamp, 9000); /* where ours was */
    assert_int_equal(o.echo, 700);
}

/* The server supports less than the client was offered. */
static void test_less(void **state)
{
    (void)state;
    struct flow_joint j;
    struct splice s = joined(&full, &plain, &j);
    const struct splice_end client = {.mss = 1380, .scale_in = 9, .scale_out = 7, .has = SPLICE_STAMPS | SPLICE_SACK};
    const struct splice_end server = {.in = 77, .mss = 1200};
    assert_memory_equal(&s.end[0], &client, sizeof client);
    assert_memory_equal(&s.end[1], &server, sizeof server);
    assert_int_equal(s.stamp_sent[0], 123456);
    assert_int_equal(joint_stamps(&j, 0, 123456).stamp, 123456);
    s.stamp_recent[0] = 701;
    joint_keep(&j, &s);
    assert_int_equal(j.stamp_recent, 701);
    const struct cookie_terms again = joint_terms(&j, &(struct tcp_track){.scale = 0xf9});
    assert_memory_equal(&again, &full, sizeof full);
}

/* The server supports more, which nobody has agreed to. */
static void test_more(void **state)
{
    (void)state;
    struct flow_joint j;
    const struct splice s = joined(&bare, &able, &j);
    const struct splice_end client = {.mss = 536}, server = {.in = 77, .mss = 1300};
    assert_memory_equal(&s.end[0], &client, sizeof client);
    assert_memory_equal(&s.end[1], &server, sizeof server);
    assert_int_equal(joint_window(&j, 65535), 65535);
    assert_false(joint_stamps(&j, 1, 2).has_stamps);
}

static void test_follow(void **state)
{
    (void)state;
    struct flow_joint j;
    const struct tcp_track both = track_of(&full, &able), one = track_of(&full, &plain);
    struct tcp_segment s = {.ack = 10, .window = 100, .flags = TCP_ACK};
    joined(&full, &able, &j);
    joint_follow(&j, &both, 77, &s);
    assert_int_equal(s.ack, 87);
    assert_int_equal(s.window, 100);
    joined(&full, &plain, &j);
    joint_follow(&j, &one, (uint32_t)-7, &s);
    assert_int_equal(s.ack, 80);
    assert_int_equal(s.window, 51200); /* 100 << 9: as the server reads it */
    s.window = 200;
    joint_follow(&j, &one, 0, &s);
    assert_int_equal(s.window, 65535);
    s = (struct tcp_segment){.window = 100, .flags = TCP_SYN};
    joint_follow(&j, &one, 77, &s);
    assert_int_equal(s.ack, 0);
    assert_int_equal(s.window, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both),
        cmocka_unit_test(test_less),
        cmocka_unit_test(test_more),
        cmocka_unit_test(test_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
