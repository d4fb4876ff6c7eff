/* Segments of spliced connections in the kernel. Segments that leave by a slot equal, byte for byte, the result of
 * splice_pass, the translation and the router's part of the vm; other segments are passed up unchanged. Ends and
 * segments are drawn. Skipped if eBPF programs may not be loaded. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/kernel/asker.h"
#include "tests/lib/compiled.h"
#include "tests/lib/kernel_load.h"
#include "tests/lib/rng.h"
#include "vm/flow/marks.h"
#include "vm/forward/splice/slots.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/edit/translate.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

enum { FRAME_MOST = 1600, GENERATION = 5, SERVICE = 0, MTU = 1400, DIRECTIONS = 64, ROOM = 400 };
static const uint8_t next_mac[6] = {2, 9, 9, 9, 9, 9}, came_to[6] = {2, 0, 0, 0, 0, 1};

static struct kernel *kernel;
static struct asker asker;
static struct splice_slots slots;
static uint64_t now_ns = 1000;

/* One direction: its tuple, its splice, and where its segments leave. */
struct direction {
    struct key key; /* addresses and ports */
    struct translation to;
    struct splice splice;
    struct splice_moves moves;
    uint64_t packets, bytes;
    uint32_t next, acked; /* as tracked */
    uint32_t slot;
    bool v6;
};

static struct splice_end any_end(struct rng *r, uint8_t has)
{
    return (struct splice_end){.in = (uint32_t)rng_next(r),
                               .out = (uint32_t)rng_next(r),
                               .stamp_in = (uint32_t)rng_next(r),
                               .stamp_out = (uint32_t)rng_next(r),
                               .edge = (uint32_t)rng_next(r),
                               .mss = (uint16_t)(rng_one_in(r, 4)   ? 0
                                                 : rng_one_in(r, 4) ? 40
                                                                    : 1200 + rng_below(r, 300)),
                               .scale_in = (uint8_t)rng_below(r, 15),
                               .scale_out = (uint8_t)rng_below(r, 15),
                               .keeps_edge = true,
                               .has = has};
}

static struct splice_slot slot_of(const struct direction *d)
{
    struct splice_slot s = {.moves = d->moves, .edge = d->splice.edge[1], .stamp = d->splice.stamp_sent[1]};
    s.tuple.ports = (uint32_t)d->key.src_port << 16 | d->key.dst_port;
    memcpy(s.tuple.src, d->key.src, sizeof s.tuple.src);
    memcpy(s.tuple.dst, d->key.dst, sizeof s.tuple.dst);
    s.next = d->splice.end[0].in;
    s.acked = d->splice.end[0].out;
    s.recipe = (struct recipe){.generation = GENERATION, .out_if = IFACE_NONE, .service = SERVICE};
    recipe_differ(&s.recipe, &d->key, &d->to);
    memcpy(s.recipe.next_mac, next_mac, sizeof next_mac);
    return s;
}

static void draw_direction(struct rng *r, struct direction *d)
{
    const uint8_t has = (uint8_t)rng_below(r, 8);
    const struct splice_end ends[2] = {any_end(r, has), any_end(r, has)};
    *d = (struct direction){.v6 = rng_one_in(r, 3)};
    for (unsigned i = 0; i < (d->v6 ? 4 : 1); i++) {
        d->key.src[i] = d->to.src[i] = (uint32_t)rng_next(r) | 1;
        d->key.dst[i] = d->to.dst[i] = (uint32_t)rng_next(r) | 1;
        if (rng_one_in(r, 2)) d->to.src[i] = (uint32_t)rng_next(r);
        if (rng_one_in(r, 2)) d->to.dst[i] = (uint32_t)rng_next(r);
    }
    d->key.src[0] = (d->key.src[0] & 0x3fffffff) | 0x20000000; /* unicast addresses */
    d->key.dst[0] = (d->key.dst[0] & 0x3fffffff) | 0x20000000;
    d->key.kind = d->v6 ? KIND_IP6 : KIND_IP4;
    d->key.src_port = (uint16_t)(1 + rng_below(r, 65535));
    d->key.dst_port = (uint16_t)(1 + rng_below(r, 65535));
    d->to.what = TRANSLATE_SRC | TRANSLATE_DST | TRANSLATE_SRC_PORT | TRANSLATE_DST_PORT;
    d->to.src_port = (uint16_t)rng_next(r);
    d->to.dst_port = (uint16_t)rng_next(r);
    splice_join(&d->splice, ends, 0);
    assert_true(splice_slots_moves(&d->splice, 0, d->v6, MTU, &d->moves));
    const struct splice_slot s = slot_of(d);
    d->slot = splice_slots_put(&slots, &s);
    assert_int_not_equal(d->slot, SPLICE_NO_SLOT);
    splice_slots_at(&slots, d->slot)->gate = SPLICE_OPEN;
    d->next = d->splice.end[0].in;
    d->acked = d->splice.end[0].out;
}

/* ---- segments ---- */

/* A drawn segment, and whether the kernel must forward it or must not */
struct segment {
    uint8_t frame[FRAME_MOST];
    uint32_t len;
    bool odd;
};

static uint32_t put_sack(struct rng *r, const struct direction *d, uint8_t *at, unsigned blocks)
{
    wire_put32(at, 0x01010500 | (2 + 8 * blocks));
    for (unsigned i = 0; i < 2 * blocks; i++) wire_put32(at + 4 + 4 * i, d->splice.end[0].out + rng_below(r, 100000));
    return 4 + 8 * blocks;
}

static uint32_t put_options(struct rng *r, const struct direction *d, uint8_t *at)
{
    uint32_t len = 0;
    if (d->moves.has & SPLICE_STAMPS) {
        wire_put32(at, 0x0101080a);
        wire_put32(at + 4, d->splice.end[0].stamp_in + rng_below(r, 5000));
        wire_put32(at + 8, d->splice.end[0].stamp_out + rng_below(r, 5000));
        len = 12;
    }
    const unsigned most = d->moves.has & SPLICE_STAMPS ? 3 : 4;
    if (d->moves.has & SPLICE_SACK && rng_one_in(r, 2)) len += put_sack(r, d, at + len, 1 + rng_below(r, most));
    return len;
}

/* Put valid options that a slot doesn't know, or not in this form. */
static uint32_t put_other_options(struct rng *r, const struct direction *d, uint8_t *at)
{
    uint32_t len = 0;
    switch (rng_below(r, 4)) {
    case 0: /* timestamps last, or without the slot having any */
        wire_put32(at, 0x080a0000);
        wire_put64(at + 2, rng_next(r));
        wire_put16(at + 10, 0x0101);
        return 12;
    case 1: /* blocks first, or without the slot having any */
        len = put_sack(r, d, at, 1);
        wire_put32(at + len, 0x0101080a);
        wire_put64(at + len + 4, rng_next(r));
        return len + 12;
    case 2: /* a different one */ wire_put32(at, 0xfd040102); return 4 + put_options(r, d, at + 4) % 40;
    default: /* none, although there should be one; else no-ops */
        if (d->moves.has & SPLICE_STAMPS) return 0;
        wire_put32(at, 0x01010101);
        return 4;
    }
}

static void put_ip(struct rng *r, const struct direction *d, uint8_t *ip, uint32_t l4_len, uint8_t ttl)
{
    const uint8_t ecn = (uint8_t)rng_below(r, 4), dscp = (uint8_t)rng_below(r, 64);
    if (d->v6) {
        wire_put64(ip, (uint64_t)(0x60000000 | (uint32_t)(dscp << 2 | ecn) << 20 | rng_below(r, 9)) << 32 |
                           (uint64_t)l4_len << 16 | 6u << 8 | ttl);
        for (unsigned i = 0; i < 4; i++) wire_put32(ip + IP6_SRC + 4 * i, d->key.src[i]);
        for (unsigned i = 0; i < 4; i++) wire_put32(ip + IP6_DST + 4 * i, d->key.dst[i]);
        return;
    }
    wire_put64(ip, (uint64_t)(0x4500u | (uint32_t)(dscp << 2 | ecn)) << 48 | (uint64_t)(l4_len + IP4_LEN) << 32 |
                       rng_below(r, 65536) << 16 | 0x4000);
    wire_put64(ip + IP4_TTL, (uint64_t)(ttl << 8 | 6) << 48 | d->key.src[0]);
    wire_put32(ip + IP4_DST, d->key.dst[0]);
    wire_put16(ip + IP4_SUM, csum_of(ip, IP4_LEN));
}

static void put_sum(const struct direction *d, uint8_t *tcp, uint32_t len)
{
    const uint64_t pseudo =
        d->v6 ? csum_pseudo6(d->key.src, d->key.dst, 6, len) : csum_pseudo4(d->key.src[0], d->key.dst[0], 6, len);
    wire_put16(tcp + TCP_SUM, 0);
    wire_put16(tcp + TCP_SUM, csum_fold(csum_add(pseudo, tcp, len)));
}

static void draw_segment(struct rng *r, const struct direction *d, struct segment *s)
{
    static const uint8_t odd_flags[] = {TCP_SYN,           TCP_FIN | TCP_ACK, TCP_RST,          TCP_RST | TCP_ACK,
                                        TCP_URG | TCP_ACK, TCP_PSH,           TCP_SYN | TCP_ACK};
    const unsigned why = rng_one_in(r, 3) ? rng_below(r, 6) : UINT32_MAX;
    const uint32_t ip_len = d->v6 ? IP6_LEN : IP4_LEN;
    uint8_t *ip = s->frame + ETHER_LEN, *tcp = ip + ip_len, flags = TCP_ACK, ttl = (uint8_t)(2 + rng_below(r, 254));
    memset(s->frame, 0, sizeof s->frame);
    memcpy(s->frame, came_to, sizeof came_to);
    s->frame[6] = 2;
    wire_put16(s->frame + ETHER_TYPE_AT, d->v6 ? ETHER_IP6 : ETHER_IP4);
    if (rng_one_in(r, 2)) flags |= TCP_PSH;
    if (rng_one_in(r, 4)) flags |= rng_one_in(r, 2) ? TCP_ECE : TCP_CWR;
    if (why == 0) flags = odd_flags[rng_below(r, sizeof odd_flags)];
    if (why == 1) ttl = (uint8_t)rng_below(r, 2);
    const uint32_t options = why == 2 ? put_other_options(r, d, tcp + TCP_LEN) : put_options(r, d, tcp + TCP_LEN);
    const uint32_t header = TCP_LEN + options, most = d->moves.longest - ip_len;
    uint32_t payload = rng_one_in(r, 2) ? 0 : rng_below(r, 1300);
    if (payload + header > most) payload = header < most ? most - header : 0;
    if (why == 3) payload = most + 1;
    for (uint32_t i = 0; i < payload; i++) tcp[header + i] = (uint8_t)rng_next(r);
    wire_put16(tcp, d->key.src_port);
    wire_put16(tcp + 2, d->key.dst_port);
    wire_put32(tcp + TCP_SEQ, d->splice.end[0].in + rng_below(r, rng_one_in(r, 8) ? 1u << 31 : 100000));
    wire_put32(tcp + TCP_ACKNO, d->splice.end[0].out + rng_below(r, rng_one_in(r, 8) ? 1u << 31 : 100000));
    wire_put16(tcp + TCP_OFFSET, (uint16_t)(header / 4 << 12 | flags));
    wire_put16(tcp + TCP_WINDOW, (uint16_t)(rng_one_in(r, 8) ? 0 : rng_next(r)));
    put_ip(r, d, ip, header + payload, ttl);
    put_sum(d, tcp, header + payload);
    if (rng_one_in(r, 20)) tcp[TCP_SUM] ^= 0x40; /* a wrong checksum stays equally wrong */
    s->len = ETHER_LEN + ip_len + header + payload;
    s->odd = why <= 3 || header + payload > most || (flags & (TCP_ECE | TCP_CWR) && !(d->moves.has & SPLICE_ECN));
    if (why == 4) { /* one tag */
        memmove(s->frame + ETHER_LEN + VLAN_LEN, ip, s->len - ETHER_LEN);
        wire_put32(s->frame + ETHER_TYPE_AT, (uint32_t)ETHER_VLAN << 16 | 5);
        wire_put16(s->frame + ETHER_LEN + 2, d->v6 ? ETHER_IP6 : ETHER_IP4);
        s->len += VLAN_LEN;
        s->odd = true;
    }
    if (why == 5) { /* of another connection, and broadcast */
        s->odd = true;
        if (rng_one_in(r, 2))
            s->frame[0] = 0xff;
        else
            wire_put16(tcp, (uint16_t)(d->key.src_port + 1));
    }
}

/* ---- comparing ---- */

/* Write the vm's result for the frame into `to`. */
static uint32_t passed(struct direction *d, const struct segment *s, uint8_t *to)
{
    struct pkt view, *pkt;
    struct splice_out out;
    struct key key;
    struct pool *pool = pool_new(1, 2048);
    pkt_view(&view, s->frame, s->len, s->len, LINK_ETHER, IFACE_NONE);
    pkt = pool_copy(pool, &view);
    assert_non_null(pkt);
    assert_int_equal(pkt_parse(pkt, NULL, &key), REASON_NONE);
    assert_int_equal(splice_pass(&d->splice, 0, pkt, &key, 0, NULL, &out), SPLICE_SENT);
    assert_int_equal(translate(pkt, &key, &d->to), 0);
    assert_true(ttl_decrement(pkt, &key));
    memcpy(pkt->data + 6, pkt->data, 6);
    memcpy(pkt->data, next_mac, 6);
    const uint32_t len = pkt->head_len;
    memcpy(to, pkt->data, len);
    pool_put(pkt);
    free(pool);
    return len;
}

/* Run the stages, alternately on either hook. */
static const struct kpkt *asked(const struct segment *s)
{
    static unsigned turn;
    struct pkt pkt;
    struct kpkt *k;
    pkt_view(&pkt, s->frame, s->len, s->len, LINK_ETHER, IFACE_NONE);
    assert_int_equal(ask_frame(&asker, turn++ & 1 ? KERNEL_IN : KERNEL_XDP, &pkt, now_ns += 1000, &k), 0);
    return k;
}

/* True if a segment's end and acknowledgement are at most 1 MiB behind the newest, and at most the largest window and
 * 64 KiB past them. */
static bool is_near(const struct direction *d, uint32_t end, uint32_t ack)
{
    const int64_t sent = (int64_t)(int32_t)(end - d->next), heard = (int64_t)(int32_t)(ack - d->acked);
    const int64_t sends = 65536 + (INT64_C(65535) << d->splice.end[0].scale_out),
                  hears = 65536 + (INT64_C(65535) << d->splice.end[0].scale_in);
    return sent >= -(1 << 20) && sent <= sends && heard >= -(1 << 20) && heard <= hears;
}

static void check(struct direction *d, const struct segment *s)
{
    uint8_t wanted[FRAME_MOST + 64];
    const struct splice_slot was = *splice_slots_at(&slots, d->slot), *slot = splice_slots_at(&slots, d->slot);
    const struct kpkt *k = asked(s);
    if (s->odd) {
        assert_int_not_equal(k->out, KERNEL_SEND);
        assert_int_equal(asker.len, s->len);
        assert_memory_equal(asker.frame, s->frame, s->len);
        assert_memory_equal(&was, slot, sizeof was);
        return;
    }
    assert_int_equal(k->out, KERNEL_SEND);
    assert_int_equal(k->verdict.action, ACTION_FORWARD);
    assert_int_equal(k->verdict.service, SERVICE);
    const uint32_t ip_len = d->v6 ? IP6_LEN : IP4_LEN,
                   header = (uint32_t)(s->frame[ETHER_LEN + ip_len + TCP_OFFSET] >> 4) * 4;
    const uint32_t payload = s->len - ETHER_LEN - ip_len - header;
    const uint8_t *tcp = s->frame + ETHER_LEN + ip_len;
    const uint32_t end = wire_get32(tcp + TCP_SEQ) + payload, ack = wire_get32(tcp + TCP_ACKNO);
    const bool near = is_near(d, end, ack);
    const struct splice before = d->splice;
    const uint32_t len = passed(d, s, wanted);
    if (!near) d->splice = before; /* it still leaves, but without tracking */
    assert_int_equal(asker.len, len);
    assert_memory_equal(asker.frame, wanted, len);
    assert_int_equal(slot->packets, ++d->packets);
    assert_int_equal(slot->bytes, d->bytes += payload);
    assert_int_equal(slot->seen_ns, now_ns);
    const uint32_t use = slot->use;
    assert_int_equal(slot->edge, splice_number(use, d->splice.edge[1]));
    if (d->moves.has & SPLICE_STAMPS) assert_int_equal(slot->stamp, splice_number(use, d->splice.stamp_sent[1]));
    if (near && (int32_t)(end - d->next) > 0) d->next = end;
    if (near && (int32_t)(ack - d->acked) > 0) d->acked = ack;
    assert_int_equal(slot->next, splice_number(use, d->next));
    assert_int_equal(slot->acked, splice_number(use, d->acked));
}

static void test_segments_are_the_vms(void **state)
{
    (void)state;
    enum { ROUNDS = 60, EACH = 12 };
    struct rng r = {7};
    struct direction d[DIRECTIONS];
    struct segment s;
    unsigned sent = 0, up = 0;
    if (!kernel) skip();
    for (unsigned i = 0; i < DIRECTIONS; i++) draw_direction(&r, &d[i]);
    assert_int_equal(slots.head->live, DIRECTIONS);
    for (unsigned round = 0; round < ROUNDS * EACH; round++) {
        struct direction *of = &d[rng_below(&r, DIRECTIONS)];
        draw_segment(&r, of, &s);
        check(of, &s);
        *(s.odd ? &up : &sent) += 1;
    }
    assert_true(sent > ROUNDS && up > ROUNDS);
    for (unsigned i = 0; i < DIRECTIONS; i++) splice_slots_drop(&slots, d[i].slot);
    assert_int_equal(slots.head->live, 0);
    for (uint32_t i = 0; i < slots.groups; i++) assert_int_equal(slots.tags[i], 0);
    for (unsigned i = 0; i < DIRECTIONS; i++) {
        draw_segment(&r, &d[i], &s);
        assert_int_not_equal(asked(&s)->out, KERNEL_SEND);
    }
}

/* Draw an ordinary segment of the direction */
static void draw_ordinary(struct rng *r, const struct direction *d, struct segment *s)
{
    do draw_segment(r, d, s);
    while (s->odd);
}

/* A slot that is stale, being written or without a next hop, or another obstacle on this path, leaves the packet to
 * others. */
static void test_what_does_not_hold_is_not_used(void **state)
{
    (void)state;
    struct rng r = {9};
    struct direction d;
    struct segment s;
    if (!kernel) skip();
    draw_direction(&r, &d);
    struct splice_slot *slot = splice_slots_at(&slots, d.slot);
    struct kernel_world *w = kernel_world(kernel);
    draw_ordinary(&r, &d, &s);
    check(&d, &s);
    uint32_t *const off[] = {&w->watches, &w->renumbers, &w->sample, &w->interrupted};
    for (unsigned i = 0; i < sizeof off / sizeof *off; i++) {
        *off[i] = 1;
        assert_int_not_equal(asked(&s)->out, KERNEL_SEND);
        *off[i] = 0;
    }
    w->recipes = GENERATION + 1;
    assert_int_not_equal(asked(&s)->out, KERNEL_SEND);
    w->recipes = 0;
    assert_int_not_equal(asked(&s)->out, KERNEL_SEND);
    w->recipes = GENERATION;
    slot->change++;
    assert_int_not_equal(asked(&s)->out, KERNEL_SEND);
    slot->change++;
    /* A different tuple with the same tag */
    uint32_t *const words[] = {&slot->tuple.src[0], &slot->tuple.dst[0], &slot->tuple.ports};
    for (unsigned i = 0; i < 3; i++) {
        *words[i] ^= 1;
        assert_int_not_equal(asked(&s)->out, KERNEL_SEND);
        *words[i] ^= 1;
    }
    /* A sender that has moved, which the worker must learn */
    memcpy(slot->recipe.heard_mac, s.frame + 6, 6);
    slot->recipe.heard_if = IFACE_NONE;
    draw_ordinary(&r, &d, &s);
    check(&d, &s);
    slot->recipe.heard_mac[5] ^= 1;
    assert_int_not_equal(asked(&s)->out, KERNEL_SEND);
    slot->recipe.heard_mac[5] ^= 1;
    slot->recipe.heard_if = 3;
    assert_int_not_equal(asked(&s)->out, KERNEL_SEND);
    memset(slot->recipe.heard_mac, 0, 6);
    draw_ordinary(&r, &d, &s);
    check(&d, &s);
    /* The same tuple again: one slot, whose counters continue */
    d.splice.end[1].out += 77;
    assert_true(splice_slots_moves(&d.splice, 0, d.v6, MTU, &d.moves));
    const struct splice_slot again = slot_of(&d);
    assert_int_equal(splice_slots_put(&slots, &again), d.slot);
    draw_ordinary(&r, &d, &s);
    check(&d, &s);
    splice_slots_drop(&slots, d.slot);
}

/* Segments that the worker has seen, and those that wait for it, leave first. Others are passed up with their turns
 * until the newest of them has left, or that many have. */
static void test_the_gate_keeps_the_order(void **state)
{
    (void)state;
    struct rng r = {17};
    struct direction d;
    struct segment s;
    if (!kernel) skip();
    for (unsigned i = 0; i < 8; i++) {
        draw_direction(&r, &d);
        struct splice_slot *slot = splice_slots_at(&slots, d.slot), mine = slot_of(&d);
        do draw_ordinary(&r, &d, &s);
        while (s.odd);
        splice_slots_drop(&slots, d.slot);
        assert_int_equal(splice_slots_put(&slots, &mine), d.slot);
        for (uint32_t turn = 1; turn <= 3; turn++) {
            const struct kpkt *k = asked(&s);
            assert_int_not_equal(k->out, KERNEL_SEND);
            assert_int_equal(k->turn, turn);
        }
        splice_slots_sent(&slots, d.slot, 2); /* another is on its way */
        assert_int_equal(asked(&s)->turn, 4);
        assert_int_equal(splice_slots_put(&slots, &mine), d.slot); /* like each that is passed up */
        assert_int_equal(asked(&s)->turn, 5);
        splice_slots_sent(&slots, d.slot, 5);
        assert_int_equal(asked(&s)->out, KERNEL_SEND);
        assert_int_equal(splice_slots_put(&slots, &mine),
                         d.slot); /* something else was passed up: the gate stays open */
        const struct kpkt *k = asked(&s);
        assert_int_equal(k->out, KERNEL_SEND);
        assert_int_equal(k->turn, 0);
        mine.recipe.generation++; /* segments were passed up until the worker knew the new path */
        assert_int_equal(splice_slots_put(&slots, &mine), d.slot);
        assert_int_equal(slot->gate, 0);
        mine.recipe.generation--;
        splice_slots_drop(&slots, d.slot);
        assert_int_equal(splice_slots_put(&slots, &mine), d.slot);
        slot->gate = SPLICE_GATE + 1; /* one more is on its way, as always */
        splice_slots_sent(&slots, d.slot, SPLICE_GATE - 1);
        assert_int_not_equal(asked(&s)->out, KERNEL_SEND);
        splice_slots_sent(&slots, d.slot, SPLICE_GATE);
        assert_int_equal(asked(&s)->out, KERNEL_SEND);
        splice_slots_drop(&slots, d.slot);
    }
}

/* A run that has copied a slot may write a number after the slot was given to another direction. That direction's
 * segments are passed up unchanged until the worker has written its numbers again, and it never takes the other's. */
static void test_late_numbers_are_nobodys(void **state)
{
    (void)state;
    struct rng r = {13};
    struct direction d;
    struct segment s;
    if (!kernel) skip();
    for (unsigned which = 0; which < 4; which++) {
        draw_direction(&r, &d);
        const uint32_t first = d.slot;
        const uint32_t before = splice_slots_at(&slots, first)->use;
        draw_ordinary(&r, &d, &s);
        check(&d, &s);
        splice_slots_drop(&slots, first);
        d.packets = d.bytes = 0;
        const struct splice_slot again = slot_of(&d);
        assert_int_equal(splice_slots_put(&slots, &again), first);
        d.next = d.splice.end[0].in;
        d.acked = d.splice.end[0].out;
        struct splice_slot *slot = splice_slots_at(&slots, first);
        assert_int_equal(slot->use, before + 1);
        slot->gate = SPLICE_OPEN;
        draw_ordinary(&r, &d, &s);
        check(&d, &s);
        uint64_t *const words[] = {&slot->next, &slot->acked, &slot->edge, &slot->stamp};
        const uint32_t mine = (uint32_t)*words[which];
        *words[which] = splice_number(before, mine + 1000);
        assert_int_equal(splice_slot_most(slot, words[which], mine - 5), mine - 5);
        const struct splice_slot was = *slot;
        assert_int_not_equal(asked(&s)->out, KERNEL_SEND);
        assert_memory_equal(asker.frame, s.frame, s.len);
        assert_memory_equal(&was, slot, sizeof was);
        struct splice_slot renewed = slot_of(&d);
        renewed.next = d.next;
        renewed.acked = d.acked;
        assert_int_equal(splice_slots_put(&slots, &renewed), first);
        assert_int_equal(slot->use, before + 1);
        draw_ordinary(&r, &d, &s);
        check(&d, &s);
        splice_slots_drop(&slots, first);
    }
}

static void test_ends_that_differ_get_none(void **state)
{
    (void)state;
    struct rng r = {11};
    struct splice s;
    struct splice_moves m;
    for (uint8_t a = 0; a < 8; a++) {
        for (uint8_t b = 0; b < 8; b++) {
            const struct splice_end ends[2] = {any_end(&r, a), any_end(&r, b)};
            splice_join(&s, ends, 0);
            assert_int_equal(splice_slots_moves(&s, 0, false, MTU, &m), a == b);
            assert_int_equal(splice_slots_moves(&s, 1, true, MTU, &m), a == b);
        }
    }
}

/* As many as the table is made for find room, or nearly, and finally every slot is used. */
static void test_room(void **state)
{
    (void)state;
    enum { CONNECTIONS = 1000 };
    struct splice_head head = {0};
    struct splice_slots all = {.head = &head, .groups = splice_groups_for(CONNECTIONS)};
    struct splice_slot s = {0};
    uint32_t put = 0;
    hash_key_init(&head.key, 3);
    all.tags = calloc(all.groups, sizeof *all.tags);
    all.slots = calloc((size_t)all.groups * SPLICE_GROUP, sizeof *all.slots);
    assert_non_null(all.tags);
    assert_non_null(all.slots);
    for (uint32_t i = 0; i < 2 * CONNECTIONS; i++) {
        s.tuple.src[0] = i;
        put += splice_slots_put(&all, &s) != SPLICE_NO_SLOT;
    }
    assert_true(put > 2 * CONNECTIONS - CONNECTIONS / 100);
    for (uint32_t i = 2 * CONNECTIONS; put < all.groups * SPLICE_GROUP && i < 200 * CONNECTIONS; i++) {
        s.tuple.src[0] = i;
        put += splice_slots_put(&all, &s) != SPLICE_NO_SLOT;
    }
    assert_int_equal(put, head.live);
    for (uint32_t i = 0; i < all.groups * SPLICE_GROUP; i++) splice_slots_drop(&all, i);
    assert_int_equal(head.live, 0);
    free(all.tags);
    free(all.slots);
}

static const char rules[] = "limits { proxy_sessions 2000 }\n"
                            "service s on 203.0.113.1 tcp/80 { mode proxy inline }\n";

int main(void)
{
    char err[300] = "";
    struct program *program = compiled_text(rules);
    if (!program) return 1;
    struct pbc_proxy leaves = program->proxies[0];
    leaves.flags |= PBC_PROXY_LEAVES; /* as `splice packets` does */
    program->proxies = &leaves;
    kernel = kernel_new(program, &(struct kernel_cfg){.hooks = KERNEL_XDP | KERNEL_TC, .live = true, .seed = 5}, err,
                        sizeof err);
    if (!kernel) print_message("# %s\n", err);
    if (!kernel && errno != EPERM && errno != ENOTSUP) return 1;
    if (kernel && kernel_load(kernel, program, err, sizeof err)) {
        print_error("# %s\n", err);
        return 1;
    }
    if (kernel) {
        asker_init(&asker, kernel, 1);
        kernel_world(kernel)->recipes = GENERATION;
        slots = (struct splice_slots){.head = kernel_map(kernel, KERNEL_MAP_splices)->memory,
                                      .tags = kernel_map(kernel, KERNEL_MAP_splice_tags)->memory,
                                      .slots = kernel_map(kernel, KERNEL_MAP_splice_slots)->memory,
                                      .groups = kernel_map(kernel, KERNEL_MAP_splice_tags)->entries};
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_are_the_vms),      cmocka_unit_test(test_what_does_not_hold_is_not_used),
        cmocka_unit_test(test_the_gate_keeps_the_order),  cmocka_unit_test(test_late_numbers_are_nobodys),
        cmocka_unit_test(test_ends_that_differ_get_none), cmocka_unit_test(test_room),
    };
    const int status = cmocka_run_group_tests(tests, NULL, NULL);
    kernel_free(kernel);
    program_put(program);
    return status;
}
