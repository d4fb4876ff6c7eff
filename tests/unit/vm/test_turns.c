/* The order in which packets of a batch are judged, as logs and meters show it: a segmented frame and a fragment
 * have their turn among the others. */
#include "tests/unit/vm/sender.h"
#include "vm/packet/parse/header.h"

enum { BATCH = 12 };

#define UDP   "eth / ip4 192.0.2.1 > 10.0.0.8 / udp 1000 > 53"
#define FIRST "eth / ip4 192.0.2.1 > 10.0.0.8 id 1 more / udp 1000 > 53 len 99 / zeros 16"

/* A batch of UDP packets, some segmented or a datagram's first fragment. */
struct batch {
    struct note plain, fragment;
    struct pkt_seg seg;
    struct pkt views[BATCH], *pkts[BATCH];
    struct verdict verdicts[BATCH];
    struct event events[BATCH];
};

static void fill(struct batch *b, bool fragment)
{
    const uint32_t head = ETHER_LEN + 8;
    char err[256];
    assert_int_equal(note_parse(UDP, &b->plain, err, sizeof err), 0);
    assert_int_equal(note_parse(FIRST, &b->fragment, err, sizeof err), 0);
    b->seg = (struct pkt_seg){.data = b->plain.bytes + head, .len = b->plain.cap_len - head};
    for (unsigned i = 0; i < BATCH; i++) {
        struct pkt *pkt = b->pkts[i] = &b->views[i];
        note_view(i == 7 && fragment ? &b->fragment : &b->plain, IFACE_NONE, pkt);
        if (i % 3 == 1 && i != 7) pkt->head_len = head, pkt->segs = &b->seg, pkt->seg_count = 1;
    }
}

static void judge(struct sender *s, struct batch *b, bool fragment)
{
    fill(b, fragment);
    s->tx.events = b->events;
    s->tx.event_cap = BATCH;
    vm_run(s->vm, &s->in, b->pkts, BATCH, b->verdicts, &s->tx);
}

static void logs_are_in_order(void **state)
{
    (void)state;
    static struct batch b;
    for (unsigned way = 0; way < 4; way++) { /* by code and by the list, without and with a fragment */
        struct sender s;
        sender_init(&s, "firewall f default drop { log udp port 53; accept udp port 53 }\n", way & 1);
        judge(&s, &b, way & 2);
        assert_int_equal(s.tx.event_count, BATCH);
        for (unsigned i = 0; i < BATCH; i++) assert_int_equal(b.events[i].input, i);
        sender_fini(&s);
    }
}

/* The first five get the tokens. */
static void meters_are_asked_in_order(void **state)
{
    (void)state;
    static struct batch b;
    for (unsigned way = 0; way < 4; way++) { /* by code and by the list, without and with a fragment */
        struct sender s;
        sender_init(&s, "meter m = 1/s burst 5\nfirewall f default drop { accept udp port 53 within m }\n", way & 1);
        judge(&s, &b, way & 2);
        for (unsigned i = 0; i < BATCH; i++)
            assert_int_equal(b.verdicts[i].action, i < 5 ? ACTION_ACCEPT : ACTION_DROP);
        sender_fini(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_are_in_order),
        cmocka_unit_test(meters_are_asked_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
