/* Interrupted inline connections: tuples that another process left, with any content, and RSTs only to their
 * segments, with the ends' addresses, MACs and tags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/exchange/begun/tuples.h"
#include "runtime/parent/interrupted/answer.h"
#include "vm/flow/tuples.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/pkt.h"
#include "vm/packet/reply/frame.h"

enum { MOST = 100, CLIENT = 0x0a010001, SERVER = 0x0a010002, OTHER = 0x0a010003, VLAN = 0x81000007u };

static struct inline_tuple tuple(uint32_t a, uint32_t b, bool v6, unsigned tags)
{
    struct inline_tuple t = {
        .a = {a}, .b = {b}, .a_port = 5000, .b_port = 80, .live = 1, .v6 = v6, .tag_count = (uint8_t)tags};
    for (unsigned i = 0; i < tags; i++) t.tags[i] = VLAN + i;
    return t;
}

/* Tuples that a process wrote before it died are there, except those that it dropped. */
static void left_by_another(void **state)
{
    (void)state;
    struct tuples *t = tuples_new(MOST, 2);
    size_t count, connections;
    assert_non_null(t);
    assert_null(tuples_copy(t, &count, &connections));
    const pid_t pid = fork();
    if (!pid) {
        const struct inline_share s = tuples_share(t, 1);
        for (uint32_t n = 0; n < MOST + 5; n++) {
            const struct inline_tuple one = tuple(n, SERVER, false, 0);
            inline_share_put(&s, n, n % 2, &one);
            if (n == 9) inline_share_put(&s, n, 0, &one); /* a connection of two tuples */
        }
        inline_share_drop(&s, 7, 1);
        inline_share_drop(&s, MOST + 1, 0);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    struct inline_tuple *all = tuples_copy(t, &count, &connections);
    assert_int_equal(count, MOST);
    assert_int_equal(connections, MOST - 1);
    for (size_t i = 0; i < count; i++) assert_int_not_equal(all[i].a[0], 7);
    free(all);
    assert_null(tuples_share(t, 2).all);
    assert_null(tuples_share(NULL, 0).all);
    tuples_free(t);
}

/* Nothing in the memory is trusted. */
static void hostile(void **state)
{
    (void)state;
    struct tuples *t = tuples_new(MOST, 1);
    size_t count, connections;
    const struct inline_share s = tuples_share(t, 0);
    memset(s.all->at, 0xff, MOST * sizeof *s.all->at);
    s.all->high = UINT32_MAX;
    assert_null(tuples_copy(t, &count, &connections));
    assert_int_equal(count, 0);
    for (uint32_t n = 0; n < MOST; n++) s.all->at[n][0].live = 1;
    assert_null(tuples_copy(t, &count, &connections));
    for (uint32_t n = 0; n < MOST; n++) {
        s.all->at[n][0].v6 = 0;
        s.all->at[n][0].tag_count = INLINE_TAGS;
    }
    struct inline_tuple *all = tuples_copy(t, &count, &connections);
    assert_int_equal(count, MOST);
    struct interrupted *i = interrupted_new(all, count);
    assert_non_null(i);
    interrupted_free(i);
    tuples_free(t);
}

static struct frame_spec segment(uint32_t src, uint32_t dst, bool v6, unsigned tags, uint8_t flags)
{
    struct frame_spec f = {.form = FORM_TCP,
                           .family = v6 ? 6 : 4,
                           .proto = 6,
                           .src = {src},
                           .dst = {dst},
                           .src_port = src == CLIENT ? 5000 : 80,
                           .dst_port = src == CLIENT ? 80 : 5000,
                           .flags = flags,
                           .ttl = 64,
                           .tags = (uint8_t)tags,
                           .vid = {7, 8},
                           .iface = IFACE_NONE,
                           .seq = 1000,
                           .ack = 2000,
                           .src_mac = 0x020000000001,
                           .dst_mac = 0x020000000002};
    return f;
}

static struct pkt *answered(struct interrupted *i, const struct frame_spec *f)
{
    static uint8_t frame[FRAME_MOST];
    const uint32_t len = frame_write(f, frame);
    return interrupted_answer(i, frame, len, len);
}

/* Check that the reply is the RST of that segment's destination. */
static void is_rst_to(struct pkt *rst, const struct frame_spec *f)
{
    static const struct facts none;
    struct key key;
    assert_non_null(rst);
    assert_int_equal(pkt_parse(rst, &none, &key), REASON_NONE);
    assert_true(address_equal(key.src, f->dst) && address_equal(key.dst, f->src));
    assert_true(key.src_port == f->dst_port && key.dst_port == f->src_port);
    assert_true(key.marks & TCP_RST);
    assert_int_equal(rst->tags_in_frame, f->tags);
    assert_true(pkt_mac(rst, true) == f->src_mac && pkt_mac(rst, false) == f->dst_mac);
    pool_put(rst);
}

static struct interrupted *some(void)
{
    struct inline_tuple *all = calloc(4, sizeof *all);
    all[0] = tuple(CLIENT, SERVER, false, 0);
    all[1] = tuple(CLIENT, SERVER, true, 0);
    all[2] = tuple(CLIENT, SERVER, false, 1);
    all[3] = tuple(CLIENT, OTHER, false, 2);
    all[3].tags[0] = 0x88a80007u;
    all[3].tags[1] = 0x81000008u;
    return interrupted_new(all, 4);
}

static void answers_both_ends(void **state)
{
    (void)state;
    struct interrupted *i = some();
    static const struct {
        bool v6;
        unsigned tags;
        uint32_t server;
    } known[] = {{false, 0, SERVER}, {true, 0, SERVER}, {false, 1, SERVER}, {false, 2, OTHER}};
    for (unsigned k = 0; k < sizeof known / sizeof *known; k++) {
        const struct frame_spec there = segment(CLIENT, known[k].server, known[k].v6, known[k].tags, TCP_ACK),
                                back = segment(known[k].server, CLIENT, known[k].v6, known[k].tags, TCP_ACK | TCP_FIN),
                                answer =
                                    segment(known[k].server, CLIENT, known[k].v6, known[k].tags, TCP_ACK | TCP_SYN);
        is_rst_to(answered(i, &there), &there);
        is_rst_to(answered(i, &back), &back);
        is_rst_to(answered(i, &answer), &answer);
    }
    interrupted_free(i);
}

static void leaves_others_alone(void **state)
{
    (void)state;
    struct interrupted *i = some();
    const struct frame_spec others[] = {segment(CLIENT, SERVER, false, 0, TCP_SYN), /* opens another connection */
                                        segment(CLIENT, SERVER, false, 0, TCP_RST | TCP_ACK),
                                        segment(CLIENT, OTHER, false, 0, TCP_ACK),
                                        segment(CLIENT, OTHER, false, 1, TCP_ACK),
                                        segment(CLIENT, SERVER, false, 2, TCP_ACK),
                                        segment(CLIENT, SERVER, true, 1, TCP_ACK),
                                        segment(SERVER, OTHER, false, 0, TCP_ACK)};
    for (unsigned k = 0; k < sizeof others / sizeof *others; k++) assert_null(answered(i, &others[k]));
    struct frame_spec port = segment(CLIENT, SERVER, false, 0, TCP_ACK);
    port.src_port++;
    assert_null(answered(i, &port));
    interrupted_free(i);
}

/* A frame that is cut anywhere gets a reply or none, and has no other effect. */
static void cut_frames(void **state)
{
    (void)state;
    static uint8_t frame[FRAME_MOST];
    struct interrupted *i = some();
    const struct frame_spec f = segment(CLIENT, OTHER, false, 2, TCP_ACK);
    const uint32_t len = frame_write(&f, frame);
    for (uint32_t cut = 0; cut < len; cut++) {
        uint8_t *exact = malloc(cut + 1);
        memcpy(exact, frame, cut);
        assert_null(interrupted_answer(i, exact, cut, cut));
        struct pkt *rst = interrupted_answer(i, exact, cut, len);
        if (rst) pool_put(rst);
        free(exact);
    }
    interrupted_free(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(left_by_another),     cmocka_unit_test(hostile),    cmocka_unit_test(answers_both_ends),
        cmocka_unit_test(leaves_others_alone), cmocka_unit_test(cut_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
