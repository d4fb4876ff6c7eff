/* Random conversations (draw_talk.h). */
#include "tests/lib/draw_talk.h"

#include <string.h>

#include "vm/packet/key.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

bool talk_is_icmp(const struct talk *t) { return t->proto == (t->v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP); }

unsigned talk_pair(const struct talk *t, bool *answers)
{
    static const uint8_t pairs4[][2] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}}, pairs6[][2] = {{128, 129}, {139, 140}};
    const uint8_t(*pairs)[2] = t->v6 ? pairs6 : pairs4;
    for (unsigned i = 0; i < (t->v6 ? 2 : 4); i++)
        for (unsigned k = 0; k < 2; k++)
            if (t->type == pairs[i][k]) {
                *answers = k == 1;
                return i + 1;
            }
    return 0;
}

static uint32_t draw_host(struct talks *r) { return 0x0a000001 + rng_below(r->rng, r->hosts); }

/* Draw a tag stack. A flow record has the VIDs of two tags, so the two VIDs distinguish the stacks. */
static void draw_tags(struct talks *r, struct talk *t)
{
    static const uint16_t tpids[] = {0x8100, 0x8100, 0x88a8, 0x9100};
    t->tag_count = rng_one_in(r->rng, 4) ? (uint8_t)rng_below(r->rng, TALK_TAGS + 1) : 0;
    for (unsigned i = 0; i < t->tag_count; i++) {
        const unsigned k = rng_below(r->rng, 4);
        t->tags[i].tpid = tpids[k];
        t->tags[i].vid = (uint16_t)(10 * k + rng_below(r->rng, 2));
        if (k < 2) t->tags[i].vid = (uint16_t)rng_below(r->rng, 2);
    }
    if (t->tag_count > 2) {
        t->tags[0].tpid = 0x8100;
        t->tags[0].vid = (uint16_t)(100 + t->tags[2].vid);
    }
}

static void draw_tcp(struct talks *r, struct talk *t)
{
    static const uint8_t flags[] = {
        TCP_SYN,           TCP_SYN, TCP_SYN | TCP_ACK, TCP_SYN | TCP_ACK, TCP_ACK,           TCP_ACK, TCP_ACK,
        TCP_ACK | TCP_FIN, TCP_RST, TCP_RST | TCP_ACK, TCP_FIN,           TCP_SYN | TCP_FIN, 0};
    t->proto = IPPROTO_NR_TCP;
    t->flags = flags[rng_below(r->rng, sizeof flags)];
    t->seq = 1000 + rng_below(r->rng, 3);
    t->ack = 1000 + rng_below(r->rng, 4);
    t->window = (uint16_t)(rng_one_in(r->rng, 4) ? rng_below(r->rng, 3) : 65535);
    if (rng_one_in(r->rng, 20)) t->seq = (uint32_t)rng_next(r->rng);
    if (t->flags == TCP_ACK) t->payload = (uint8_t)rng_below(r->rng, 3);
}

static void draw_icmp(struct talks *r, struct talk *t)
{
    static const uint8_t types4[] = {8, 8, 0, 0, 13, 14, 15, 16, 17, 18, 9, 42},
                         types6[] = {128, 129, 139, 140, 135, 143};
    static const uint8_t errors4[] = {3, 4, 5, 11, 12}, errors6[] = {1, 2, 3, 4, 100};
    t->proto = t->v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP;
    t->type = t->v6 ? types6[rng_below(r->rng, sizeof types6)] : types4[rng_below(r->rng, sizeof types4)];
    /* Each of two kinds of queries has two numbers, so a record distinguishes their flows; replies may use a wrong
     * one. */
    bool answers = false;
    const unsigned pair = talk_pair(t, &answers);
    t->id = (uint16_t)(10 * (answers && rng_one_in(r->rng, 5) ? 1 : pair) + rng_below(r->rng, 2));
    if (!r->past_count || rng_one_in(r->rng, 3)) return;
    t->quoted = &r->past[rng_below(r->rng, r->past_count)];
    t->v6 = t->quoted->v6;
    t->proto = t->v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP;
    t->type = t->v6 ? errors6[rng_below(r->rng, 5)] : errors4[rng_below(r->rng, 5)];
    if (!rng_one_in(r->rng, 4)) t->dst = t->quoted->src;
    t->tag_count = t->quoted->tag_count;
    memcpy(t->tags, t->quoted->tags, sizeof t->tags);
}

/* Draw a chunk, most often the one that follows `last` when an association is opened. */
static void draw_chunk(struct talks *r, uint8_t last, struct talk *t)
{
    static const uint8_t after[] = {[SCTP_DATA] = SCTP_SACK,
                                    [SCTP_INIT] = SCTP_INIT_ACK,
                                    [SCTP_INIT_ACK] = SCTP_COOKIE_ECHO,
                                    [SCTP_HEARTBEAT] = SCTP_HEARTBEAT_ACK,
                                    [SCTP_COOKIE_ECHO] = SCTP_COOKIE_ACK,
                                    [SCTP_SHUTDOWN_ACK] = SCTP_INIT,
                                    [SCTP_SHUTDOWN_COMPLETE] = SCTP_INIT};
    t->chunk = last < sizeof after && rng_one_in(r->rng, 2) ? after[last] : (uint8_t)rng_below(r->rng, 16);
    t->payload = rng_one_in(r->rng, 8) ? (uint8_t)(4 * rng_below(r->rng, 4)) : 20;
    t->strange = rng_one_in(r->rng, 12);
}

/* Draw a possible reply to this packet. */
static void draw_answer(struct talks *r, const struct talk *to, struct talk *t)
{
    *t = *to;
    t->src = to->dst;
    t->dst = to->src;
    t->src_port = to->dst_port;
    t->dst_port = to->src_port;
    t->ttl = 64;
    if (t->proto == IPPROTO_NR_TCP) draw_tcp(r, t);
    if (t->proto == IPPROTO_NR_SCTP) draw_chunk(r, to->chunk, t);
    if (talk_is_icmp(t) && t->type % 2 && t->type > 12 && !t->v6) t->type++;
    if (talk_is_icmp(t) && t->type == 8 && !t->v6) t->type = 0;
    if (talk_is_icmp(t) && t->v6 && (t->type == 128 || t->type == 139)) t->type = t->type == 128 ? 129 : 140;
}

void draw_talk(struct talks *r, struct talk *t)
{
    if (r->past_count && rng_below(r->rng, 8) < r->chatty) {
        draw_answer(r, r->plain ? &r->last : &r->past[rng_below(r->rng, r->past_count)], t);
        return;
    }
    *t = (struct talk){.v6 = rng_one_in(r->rng, 3), .src = draw_host(r), .dst = draw_host(r)};
    t->ttl = rng_one_in(r->rng, 6) ? TALK_TTL_DROPPED : 64;
    t->src_port = (uint16_t)(1 + rng_below(r->rng, r->ports));
    t->dst_port = (uint16_t)(1 + rng_below(r->rng, r->ports));
    if (rng_one_in(r->rng, 30)) t->dst = 0xe0000001;
    draw_tags(r, t);
    switch (r->plain ? 0 : rng_below(r->rng, 8)) {
    case 0: t->proto = IPPROTO_NR_UDP; break;
    case 1:
        t->proto = IPPROTO_NR_SCTP;
        draw_chunk(r, SCTP_SHUTDOWN_ACK, t);
        break;
    case 2:
        t->proto = 47;
        t->payload = 8;
        break;
    case 3:
    case 4: draw_icmp(r, t); break;
    default: draw_tcp(r, t);
    }
}

void talk_remember(struct talks *r, const struct talk *t)
{
    r->last = *t;
    if (!t->quoted) r->past[r->past_count < TALKS_PAST ? r->past_count++ : rng_below(r->rng, TALKS_PAST)] = *t;
}
