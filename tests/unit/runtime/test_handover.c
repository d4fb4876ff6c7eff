/* The ring by which a worker hands packets to their owner: order, bytes, keys, its limit, and two threads that use
 * it at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/exchange/handover.h"
#include "runtime/io/io.h"
#include "tests/lib/frame.h"
#include "tests/lib/rng.h"
#include "vm/verdict.h"

enum { LARGEST = 65557, WORLD = 5 };

/* Fill in a packet of `len` bytes that depend on its number. */
static void packet_of(uint32_t number, uint32_t len, uint8_t *bytes, struct pkt *pkt, struct key *key)
{
    for (uint32_t i = 0; i < len; i++) bytes[i] = (uint8_t)(number + i);
    *pkt = (struct pkt){.data = bytes, .head_len = len, .cap_len = len, .wire_len = len, .cookie = number, .l3 = 14};
    *key = (struct key){.src = {number}, .length = (uint16_t)len};
}

static bool is_whole(const struct handed *h, uint32_t number)
{
    const struct pkt *p = &h->pkt;
    if (p->cookie != number || h->key->src[0] != number || p->l3 != 14 || h->key->length != (uint16_t)p->head_len)
        return false;
    for (uint32_t i = 0; i < p->head_len; i++)
        if (p->data[i] != (uint8_t)(number + i)) return false;
    return p->flags & PKT_WRITABLE && p->headroom >= IO_HEADROOM && !p->pool;
}

static void packets_come_in_order_with_all_their_bytes(void **state)
{
    (void)state;
    static uint8_t bytes[LARGEST + 1];
    static const uint32_t lens[] = {0, 1, 64, 1514, 1522, 2045, 2046, 2047, 9018, LARGEST};
    enum { COUNT = sizeof lens / sizeof *lens };
    struct handover h;
    struct handed out[VM_BATCH];
    struct pkt pkt;
    struct key key;
    assert_int_equal(handover_init(&h), 0);
    for (unsigned round = 0; round < 3 * HANDOVER_SLOTS / COUNT; round++) {
        for (unsigned i = 0; i < COUNT; i++) {
            packet_of(i, lens[i], bytes, &pkt, &key);
            assert_true(handover_put(&h, &pkt, &key, WORLD, i & 1 ? HANDOVER_FRAGMENT : HANDOVER_OWNED));
        }
        handover_publish(&h);
        assert_true(handover_waits(&h));
        assert_int_equal(handover_take(&h, out, VM_BATCH), COUNT);
        assert_false(handover_waits(&h));
        for (unsigned i = 0; i < COUNT; i++) {
            assert_int_equal(out[i].pkt.head_len, lens[i]);
            assert_true(is_whole(&out[i], i));
            assert_int_equal(out[i].kind, i & 1 ? HANDOVER_FRAGMENT : HANDOVER_OWNED);
            assert_int_equal(out[i].world, WORLD);
            assert_int_equal(((uintptr_t)out[i].pkt.data + 14) % 16, 0);
            memset(out[i].pkt.data - IO_HEADROOM, 0xee, IO_HEADROOM); /* belongs to the taker */
        }
        handover_release(&h);
    }
    pkt.head_len = LARGEST + 1;
    assert_false(handover_put(&h, &pkt, &key, WORLD, HANDOVER_OWNED));
    handover_fini(&h);
}

static void a_packet_without_a_key_says_so(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct handover h;
    struct handed out[1];
    struct pkt pkt;
    struct key key;
    assert_int_equal(handover_init(&h), 0);
    packet_of(1, sizeof bytes, bytes, &pkt, &key);
    assert_true(handover_put(&h, &pkt, NULL, WORLD, HANDOVER_OWNED));
    handover_publish(&h);
    assert_int_equal(handover_take(&h, out, 1), 1);
    assert_true(out[0].world == HANDED_UNPARSED);
    handover_fini(&h);
}

static bool is_same(const struct pkt *a, const struct pkt *b)
{
    return a->data == b->data && a->head_len == b->head_len && a->cap_len == b->cap_len && a->wire_len == b->wire_len &&
           a->headroom == b->headroom && a->tailroom == b->tailroom && a->iface == b->iface && a->link == b->link &&
           a->tag_count == b->tag_count && a->seg_count == b->seg_count && a->segment == b->segment &&
           a->segs == b->segs && a->pool == b->pool && a->cookie == b->cookie && a->mirrors == b->mirrors &&
           a->offsets == b->offsets && a->outcome == b->outcome && a->way == b->way && a->source == b->source;
}

static void a_plain_packet_needs_no_key(void **state)
{
    (void)state;
    const struct header ends = {0x0a000001, 0x0a000002, 1000, 53, 17};
    uint8_t bytes[64];
    struct handover h;
    struct handed out[1];
    struct pkt pkt;
    struct plain plain;
    assert_int_equal(handover_init(&h), 0);
    for (uint32_t i = 0; i < 2 * HANDOVER_SLOTS; i++) {
        frame_fill(&ends, sizeof bytes, bytes);
        pkt_view(&pkt, bytes, sizeof bytes, sizeof bytes, LINK_ETHER, 7);
        pkt.flags = PKT_CSUM_PARTIAL;
        pkt.cookie = i;
        assert_true(plain_read(&pkt, &plain));
        assert_true(handover_put_plain(&h, &pkt, &plain, WORLD + i, i % 2));
        handover_publish(&h);
        assert_int_equal(handover_take(&h, out, 1), 1);
        assert_true(out[0].is_plain && !out[0].key && out[0].kind == HANDOVER_OWNED && out[0].world == WORLD + i);
        assert_memory_equal(&out[0].plain, &plain, sizeof plain);
        assert_memory_equal(out[0].pkt.data, bytes, sizeof bytes);
        pkt.data = out[0].pkt.data;
        pkt.headroom = out[0].pkt.headroom;
        pkt.flags |= PKT_WRITABLE;
        assert_true(is_same(&out[0].pkt, &pkt));
        assert_true(pkt.headroom >= IO_HEADROOM);
        handover_release(&h);
    }
    handover_fini(&h);
}

static void what_is_not_published_is_not_there_and_a_full_ring_refuses(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct handover h;
    static struct handed out[HANDOVER_SLOTS];
    struct pkt pkt;
    struct key key;
    assert_int_equal(handover_init(&h), 0);
    for (uint32_t i = 0; i < HANDOVER_SLOTS; i++) {
        packet_of(i, sizeof bytes, bytes, &pkt, &key);
        assert_true(handover_put(&h, &pkt, &key, WORLD, HANDOVER_OWNED));
    }
    assert_false(handover_waits(&h));
    assert_int_equal(handover_take(&h, out, 1), 0);
    assert_false(handover_put(&h, &pkt, &key, WORLD, HANDOVER_OWNED));
    handover_publish(&h);
    assert_int_equal(handover_take(&h, out, HANDOVER_SLOTS), HANDOVER_SLOTS);
    assert_false(handover_put(&h, &pkt, &key, WORLD, HANDOVER_OWNED)); /* taken, but not released */
    for (uint32_t i = 0; i < HANDOVER_SLOTS; i++) assert_true(is_whole(&out[i], i));
    handover_release(&h);
    assert_true(handover_put(&h, &pkt, &key, WORLD, HANDOVER_OWNED));
    handover_fini(&h);
}

/* ---- two threads ---- */

enum { PACKETS = 30000 };
struct both {
    struct handover h;
    unsigned wrong;
};

static uint32_t len_of(uint32_t number) { return number % 97 == 0 ? 9000 : number % 700; }

static void *take_all(void *arg)
{
    struct both *b = arg;
    struct rng r = {2};
    struct handed out[VM_BATCH];
    for (uint32_t next = 0; next < PACKETS;) {
        const unsigned n = handover_take(&b->h, out, 1 + rng_below(&r, VM_BATCH));
        for (unsigned i = 0; i < n; i++, next++)
            b->wrong += out[i].pkt.head_len != len_of(next) || !is_whole(&out[i], next);
        for (unsigned i = 0; i < n; i++) memset(out[i].pkt.data, 0xaa, out[i].pkt.head_len);
        if (n) handover_release(&b->h);
        if (!n) sched_yield();
    }
    return NULL;
}

static void two_threads_lose_and_mix_nothing(void **state)
{
    (void)state;
    static uint8_t bytes[9000];
    static struct both b;
    struct rng r = {1};
    pthread_t taker;
    assert_int_equal(handover_init(&b.h), 0);
    assert_int_equal(pthread_create(&taker, NULL, take_all, &b), 0);
    for (uint32_t i = 0; i < PACKETS;) {
        struct pkt pkt;
        struct key key;
        packet_of(i, len_of(i), bytes, &pkt, &key);
        const bool put = handover_put(&b.h, &pkt, &key, WORLD, HANDOVER_OWNED);
        i += put;
        if (!put || i == PACKETS || rng_below(&r, 20) == 0) handover_publish(&b.h);
        if (!put) sched_yield();
    }
    pthread_join(taker, NULL);
    assert_int_equal(b.wrong, 0);
    assert_false(handover_waits(&b.h));
    handover_fini(&b.h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_come_in_order_with_all_their_bytes),
        cmocka_unit_test(a_packet_without_a_key_says_so),
        cmocka_unit_test(a_plain_packet_needs_no_key),
        cmocka_unit_test(what_is_not_published_is_not_there_and_a_full_ring_refuses),
        cmocka_unit_test(two_threads_lose_and_mix_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
