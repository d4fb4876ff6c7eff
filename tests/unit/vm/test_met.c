/* A packet's result from the flow table: a reader that only has it and the packet gets the table's facts about both,
 * and none for another packet. */
#include "tests/lib/draw_talk.h"
#include "tests/unit/vm/sender.h"
#include "vm/context/context.h"
#include "vm/flow/track/track_look.h"
#include "vm/flow/track/met.h"
#include "vm/forward/service.h"
#include "vm/packet/parse/read.h"

/* Hosts of drawn talks are 10.0.0.1 and up, and in 2001:db8::; this machine, 10.0.0.9, isn't one of them. */
#define RULES                                                                                                          \
    "pool farm { source 192.0.2.10; server one 192.0.2.1; server two 192.0.2.2 }\n"                                    \
    "pool near { server near 10.0.0.5:8080 }\n"                                                                        \
    "service web on 10.0.0.2 tcp/1-65535, udp/1-65535 { mode passthrough; -> farm }\n"                                 \
    "service own on 10.0.0.3 tcp/1-65535 { mode passthrough keep source; -> near }\n"                                  \
    "service far on 10.0.0.4 udp/1-65535 { mode dsr rewrite; -> near }\n"                                              \
    "nat edge { source from 10.0.0.6 out on wan to 198.51.100.9 }\n"                                                   \
    "interface wan = \"wan\"\n"                                                                                        \
    "firewall f default accept { drop ttl 9; accept state established; drop state invalid log }\n"

enum { CLASSES = SEEN_ERROR + 1 };

struct seen_so_far {
    unsigned of[CLASSES], twins;
};

static void look(struct sender *s, struct pkt *pkt, struct key *key)
{
    pkt_parse(pkt, &s->facts, key);
    key_settle(s->program, key);
    vm_state(s->vm, &s->in, key, pkt); /* sets the time */
    key->marks &= ~(uint32_t)MARK_STATES;
}

static void same_as_the_table(struct sender *s, struct pkt *pkt, struct seen_so_far *far)
{
    struct key key, other;
    struct track_seen there, here;
    struct flow_met met;
    look(s, pkt, &key);
    if (pkt->reason) return;
    other = key;
    track_met(s->vm->track, &key, pkt, &there, &met);
    met_look(&met, &other, pkt, &here);
    far->of[there.class]++;
    far->twins += there.slot != FLOW_NONE && there.twin;
    assert_int_equal(other.marks & MARK_STATES, there.mark);
    assert_int_equal(here.class, there.class);
    assert_int_equal(here.slot == FLOW_NONE, there.slot == FLOW_NONE);
    assert_int_equal(here.next.reopen, there.next.reopen);
    if (there.slot == FLOW_NONE) return;
    assert_int_equal(here.dir, there.dir);
    assert_int_equal(here.twin, there.twin);
    if (there.mark & (MARK_NEW | MARK_ESTABLISHED) && key.kind & KIND_TCP)
        assert_memory_equal(&here.next.track, &there.next.track, sizeof here.next.track);
}

/* Make the reply to the last frame that left, if there is one; sometimes an error quotes it. */
static bool answer(const struct sender *s, struct rng *rng, struct talk *t)
{
    static struct talk left;
    struct key key;
    if (!s->tx.count || s->entries[0].kind != TX_SEND) return false;
    struct pkt pkt = *s->entries[0].pkt;
    if (pkt_parse(&pkt, NULL, &key) || !(key.kind & KIND_IP4) || !(key.kind & KIND_PORTS)) return false;
    left = (struct talk){.src = key.src[0], .dst = key.dst[0], .proto = (uint8_t)key.proto, .ttl = 60};
    left.src_port = key.src_port;
    left.dst_port = key.dst_port;
    left.flags = (uint8_t)key.marks;
    if (key.kind & KIND_TCP) left.seq = wire_get32(pkt.data + pkt.l4 + 4), left.ack = wire_get32(pkt.data + pkt.l4 + 8);
    left.window = 1000;
    *t = left;
    t->src = left.dst;
    t->dst = left.src;
    if (rng_one_in(rng, 4)) {
        *t = (struct talk){.src = left.dst, .dst = left.src, .proto = 1, .ttl = 60, .type = 3, .quoted = &left};
        return true;
    }
    t->src_port = left.dst_port;
    t->dst_port = left.src_port;
    t->flags = (uint8_t)(left.flags & TCP_SYN ? TCP_SYN | TCP_ACK : TCP_ACK);
    t->seq = left.flags & TCP_SYN ? 77 : left.ack;
    t->ack = left.seq + 1;
    return true;
}

static void one(struct sender *s, const struct talk *t, struct seen_so_far *far)
{
    uint8_t bytes[TALK_FRAME_MAX];
    struct pkt pkt;
    const uint32_t len = talk_build(t, bytes);
    pkt_view(&pkt, bytes, len, len, LINK_ETHER, IFACE_NONE);
    same_as_the_table(s, &pkt, far);
    pkt_view(&pkt, bytes, len, len, LINK_ETHER, IFACE_NONE);
    sender_judge_pkt(s, &pkt);
}

static void says_what_the_table_says(void **state)
{
    enum { SEEDS = 20, PACKETS = 2000 };
    struct seen_so_far far = {0};
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sender s;
        struct rng rng = {seed};
        struct talks talks = {.rng = &rng, .hosts = 7, .ports = 2, .chatty = 4};
        sender_init(&s, RULES, false);
        for (unsigned i = 0; i < PACKETS; i++) {
            struct talk t;
            s.in.mono_ns += rng_one_in(&rng, 200) ? 20 * S : 1000;
            draw_talk(&talks, &t);
            one(&s, &t, &far);
            if (t.ttl != TALK_TTL_DROPPED) talk_remember(&talks, &t);
            while (rng_below(&rng, 3) && answer(&s, &rng, &t)) one(&s, &t, &far);
        }
        sender_fini(&s);
    }
    for (unsigned i = 0; i < CLASSES; i++) {
        if (far.of[i] < 100) fail_msg("class %u was met %u times", i, far.of[i]);
    }
    assert_true(far.twins > 100);
}

/* A reply through a translation, and everything that must match for it to be one. */
static void another_tuple_is_not_its_flows(void **state)
{
    (void)state;
    struct sender s;
    struct key key;
    struct track_seen seen;
    struct flow_met met;
    sender_init(&s, RULES, false);
    sender_judge(&s, "eth / ip4 198.51.100.7 > 10.0.0.3 / tcp 1000 > 80 syn seq 4");
    struct packet *p =
        packet_facts("eth / ip4 10.0.0.5 > 198.51.100.7 / tcp 8080 > 1000 syn ack seq 5 ack 5", &s.facts);
    look(&s, &p->pkt, &key);
    track_met(s.vm->track, &key, &p->pkt, &seen, &met);
    met_look(&met, &key, &p->pkt, &seen);
    assert_int_equal(seen.class, SEEN_REPLY);
    const struct flow_met whole = met;
    met.to_dst_port ^= 1;
    met_look(&met, &key, &p->pkt, &seen);
    assert_int_equal(seen.class, SEEN_NEW);
    met = whole;
    met.own.low[0] ^= 1;
    met.own.high[0] ^= 1;
    met_look(&met, &key, &p->pkt, &seen);
    assert_int_equal(seen.class, SEEN_REPLY); /* the other side's tuple decides whose it is */
    met.has &= (uint8_t)~MET_BOUND;
    met_look(&met, &key, &p->pkt, &seen);
    assert_int_equal(seen.class, SEEN_NEW);
    met = whole;
    met.has &= (uint8_t)~MET_FLOW;
    met_look(&met, &key, &p->pkt, &seen);
    assert_int_equal(seen.mark, MARK_INVALID);
    sender_fini(&s);
}

static uint16_t mark_of_met(struct sender *s, const char *text, uint8_t has, enum keep keeps)
{
    const struct flow_met met = {.has = has};
    struct packet *p = packet_facts(text, &s->facts);
    struct track_seen seen;
    struct key key;
    look(s, &p->pkt, &key);
    met_look(&met, &key, &p->pkt, &seen);
    assert_int_equal(keep_what(&seen), keeps);
    return seen.mark;
}

/* A packet from the middle of a connection that this machine opened is established and begins no flow; this
 * machine's packets do. A SYN or RST is treated like any other. */
static void what_the_host_opened_is_established(void **state)
{
    const uint8_t picked = MET_SAID | MET_PICKS_UP, opened = picked | MET_OPENED;
    static const char from[] = "eth / ip4 198.51.100.7 > 10.0.0.9 / tcp 443 > 50000 ack seq 5 ack 5",
                      syn[] = "eth / ip4 198.51.100.7 > 10.0.0.9 / tcp 443 > 50000 syn seq 5",
                      rst[] = "eth / ip4 198.51.100.7 > 10.0.0.9 / tcp 443 > 50000 rst ack seq 5 ack 5",
                      both[] = "eth / ip4 198.51.100.7 > 10.0.0.9 / tcp 443 > 50000 syn ack seq 5 ack 5";
    struct sender s;
    (void)state;
    sender_init(&s, RULES, false);
    assert_int_equal(mark_of_met(&s, from, MET_SAID, KEEP_NOTHING), MARK_INVALID);
    assert_int_equal(mark_of_met(&s, from, picked, KEEP_BEGIN), MARK_NEW);
    assert_int_equal(mark_of_met(&s, from, opened, KEEP_NOTHING), MARK_ESTABLISHED);
    assert_int_equal(mark_of_met(&s, syn, opened, KEEP_BEGIN), MARK_NEW);
    assert_int_equal(mark_of_met(&s, rst, opened, KEEP_NOTHING), MARK_INVALID);
    assert_int_equal(mark_of_met(&s, both, opened, KEEP_NOTHING), MARK_INVALID);
    sender_fini(&s);
}

/* A hostile result: for any bytes, nothing is read outside, and reading ends. */
static void bytes_by_chance(void **state)
{
    (void)state;
    struct rng rng = {5};
    struct talks talks = {.rng = &rng, .hosts = 3, .ports = 2, .chatty = 4};
    struct seen_so_far far = {0};
    struct sender s;
    sender_init(&s, RULES, false);
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t bytes[TALK_FRAME_MAX];
        struct talk t;
        struct pkt pkt;
        struct key key;
        struct track_seen seen;
        struct flow_met met;
        draw_talk(&talks, &t);
        const uint32_t len = talk_build(&t, bytes);
        pkt_view(&pkt, bytes, len, len, LINK_ETHER, IFACE_NONE);
        look(&s, &pkt, &key);
        if (pkt.reason) continue;
        track_met(s.vm->track, &key, &pkt, &seen, &met);
        const struct flow_id own = seen.id;
        for (unsigned at = 0; at < sizeof met; at++) ((uint8_t *)&met)[at] = (uint8_t)rng_next(&rng);
        if (i % 2 && seen.how) met.own = own, met.state %= FLOW_STATES, met.has |= MET_SAID | MET_FLOW;
        met_look(&met, &key, &pkt, &seen);
        far.of[seen.class]++;
    }
    assert_true(far.of[SEEN_UNBOUND] && far.of[SEEN_NEW]);
    sender_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_the_table_says),
        cmocka_unit_test(another_tuple_is_not_its_flows),
        cmocka_unit_test(what_the_host_opened_is_established),
        cmocka_unit_test(bytes_by_chance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
