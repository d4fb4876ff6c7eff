/* Keep the TCP numbers of a test, so that tests need not write them: each side's next sequence number, by the
 * addresses, ports and tags of the packets that were let through.
 *
 *     handshake, data and FIN       take sequence numbers; `ack` acknowledges all that the other side got through
 *     the same packet again         before the other side has spoken: a retransmission, with the same numbers
 *     a packet not let through      its sender sends the same bytes next
 *     a SYN of a side that spoke    asks for a new connection with other numbers, valid once a SYN ACK answers it
 *
 * A packet that a service or a `nat` sends on belongs to a separate conversation, between its new addresses, and
 * takes its numbers along. */
#include <string.h>

#include "compiler/ruletest/ruletest.h"
#include "vm/packet/parse/header.h"

/* First sequence number of the side that sent first, of the other side, and the step to that of a new connection */
enum { ISN_FIRST = 1, ISN_OTHER = 1000000001, ISN_STEP = 1000000 };

struct test_talk {
    struct test_talk *next;
    struct talk_end {
        uint32_t addr[4];
        uint16_t port;
    } end[2]; /* [0]: the side that sent first */
    uint8_t family, tags;
    uint16_t vid[2];
    struct talk_side {
        bool spoke, again, anew; /* again: the peer has not spoken since; anew: its SYN asks for a new connection */
        uint32_t isn, next;      /* number of its first byte, and of the byte after all it got through */
        uint32_t anew_isn;
        struct frame_spec said; /* last packet of this side */
    } side[2];
};

static bool is_end(const struct talk_end *e, const uint32_t addr[4], uint16_t port)
{
    return e->port == port && memcmp(e->addr, addr, sizeof(e->addr)) == 0;
}

static struct talk_end talk_end_at(const uint32_t addr[4], uint16_t port)
{
    return (struct talk_end){{addr[0], addr[1], addr[2], addr[3]}, port};
}

static unsigned hash_end(const uint32_t addr[4], uint16_t port)
{
    unsigned h = port;
    for (unsigned i = 0; i < 4; i++) h = (h * 31 + addr[i]) * 0x9e3779b1u;
    return h >> 16;
}

/* Return the same bucket for both directions. */
static unsigned bucket_of(const struct frame_spec *p)
{
    return (hash_end(p->src, p->src_port) + hash_end(p->dst, p->dst_port)) % TEST_BUCKETS;
}

static bool is_talk_of(const struct test_talk *t, const struct frame_spec *p, unsigned who)
{
    return is_end(&t->end[who], p->src, p->src_port) && is_end(&t->end[!who], p->dst, p->dst_port) &&
           t->family == p->family && t->tags == p->tags && memcmp(t->vid, p->vid, sizeof(t->vid)) == 0;
}

/* Find the conversation; *who: the side that sends `p`. */
static struct test_talk *talk_find(const struct test_run *r, const struct frame_spec *p, unsigned *who)
{
    for (struct test_talk *t = r->talks[bucket_of(p)]; t; t = t->next)
        for (*who = 0; *who < 2; ++*who)
            if (is_talk_of(t, p, *who)) return t;
    *who = 0;
    return NULL;
}

static bool is_again(const struct talk_side *me, const struct frame_spec *p)
{
    return me->again && me->said.flags == p->flags && me->said.length == p->length &&
           me->said.payload.len == p->payload.len &&
           (p->payload.len == 0 || memcmp(me->said.payload.bytes, p->payload.bytes, p->payload.len) == 0);
}

static uint32_t begin_of(unsigned who) { return who ? ISN_OTHER : ISN_FIRST; }

static uint32_t seq_of(const struct talk_side *me, const struct talk_side *peer, unsigned who,
                       const struct frame_spec *p)
{
    const bool syn = p->flags & TCP_SYN, ack = p->flags & TCP_ACK;
    if (!me->spoke) return begin_of(who);
    if (is_again(me, p)) return me->said.seq;
    if (syn && (!ack || peer->anew)) return me->next + ISN_STEP;
    return syn ? me->isn : me->next;
}

static uint32_t ack_of(const struct talk_side *peer, unsigned who, const struct frame_spec *p)
{
    if (peer->anew && p->flags & (TCP_SYN | TCP_RST)) return peer->anew_isn + 1;
    return peer->spoke ? peer->next : begin_of(!who);
}

void test_talk_number(const struct test_run *r, struct frame_spec *p)
{
    static const struct talk_side silent;
    unsigned who;
    const struct test_talk *t = talk_find(r, p, &who);
    const struct talk_side *me = t ? &t->side[who] : &silent, *peer = t ? &t->side[!who] : &silent;
    if (p->form != FORM_TCP || p->fragment == KIND_FRAG_LATER) return;
    p->seq = seq_of(me, peer, who, p);
    p->ack = ack_of(peer, who, p);
}

static struct test_talk *talk_new(struct test_run *r, const struct frame_spec *p)
{
    struct test_talk *t = arena_alloc(r->c->arena, sizeof(*t)), **bucket = &r->talks[bucket_of(p)];
    t->end[0] = talk_end_at(p->src, p->src_port);
    t->end[1] = talk_end_at(p->dst, p->dst_port);
    t->family = p->family;
    t->tags = p->tags;
    memcpy(t->vid, p->vid, sizeof(t->vid));
    t->next = *bucket;
    *bucket = t;
    return t;
}

static void count_sent(struct talk_side *me, struct talk_side *peer, const struct frame_spec *p)
{
    const bool syn = p->flags & TCP_SYN, ack = p->flags & TCP_ACK, begins = syn && (!me->spoke || (ack && peer->anew));
    const uint32_t end = p->seq + frame_carried(p) - TCP_LEN + syn + !!(p->flags & TCP_FIN);
    if (syn && !ack && me->spoke) {
        me->anew = true;
        me->anew_isn = p->seq;
        return;
    }
    if (syn && ack && peer->anew) {
        /* Take the numbers of the new connection. */
        peer->isn = peer->anew_isn;
        peer->next = peer->anew_isn + 1;
        peer->anew = false;
    }
    me->anew = false;
    if (begins || !me->spoke) me->isn = p->seq;
    if (begins || !me->spoke || (int32_t)(end - me->next) > 0) me->next = end;
    me->spoke = true;
}

/* Note a packet that was let through. again: the same packet once more is a retransmission. */
static void frame_take(struct test_run *r, const struct frame_spec *p, bool again)
{
    unsigned who;
    if (p->form != FORM_TCP || p->fragment == KIND_FRAG_LATER) return;
    struct test_talk *t = talk_find(r, p, &who);
    if (!t) t = talk_new(r, p);
    struct talk_side *me = &t->side[who], *peer = &t->side[!who];
    if (!again || !is_again(me, p)) count_sent(me, peer, p);
    me->said = *p;
    me->again = again;
    peer->again = false;
}

void test_talk_sent(struct test_run *r, const struct frame_spec *p) { frame_take(r, p, true); }

void test_talk_seen(struct test_run *r, const struct frame_spec *p) { frame_take(r, p, false); }
