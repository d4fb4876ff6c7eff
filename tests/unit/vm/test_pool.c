/* The pool: accepted memory, separate slots, an empty pool, and copies. */
#include "tests/unit/vm/packet.h"

#include <sys/mman.h>

#include "vm/packet/pool_priv.h"
#include "vm/packet/pkt.h"

enum { SLOTS = 5 };

static struct pool *make(unsigned slots, unsigned slot_bytes, void **memory)
{
    size_t bytes = pool_bytes(slots, slot_bytes);
    *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(*memory);
    struct pool *p = pool_init(*memory, bytes, slots, slot_bytes);
    assert_non_null(p);
    return p;
}

static void test_refused(void **state)
{
    (void)state;
    size_t bytes = pool_bytes(SLOTS, 2048);
    uint8_t *memory = aligned_alloc(64, bytes + 64);
    assert_null(pool_init(NULL, bytes, SLOTS, 2048));
    assert_null(pool_init(memory + 8, bytes, SLOTS, 2048));
    assert_null(pool_init(memory, bytes - 1, SLOTS, 2048));
    assert_null(pool_init(memory, bytes, 0, 2048));
    assert_null(pool_init(memory, bytes, SLOTS, 1000));
    assert_non_null(pool_init(memory, bytes, SLOTS, 2048));
    free(memory);
}

static void test_slots(void **state)
{
    (void)state;
    for (unsigned size = 2048; size <= 4096; size *= 2) {
        void *memory;
        struct pool *p = make(SLOTS, size, &memory);
        struct pkt *got[SLOTS];
        for (unsigned round = 0; round < 3; round++) {
            for (unsigned i = 0; i < SLOTS; i++) {
                assert_int_equal(p->free_count, SLOTS - i);
                got[i] = pool_get(p);
                assert_non_null(got[i]);
                assert_int_equal((uintptr_t)got[i]->data % 64, 0);
                assert_int_equal(got[i]->headroom, POOL_HEADROOM);
                assert_int_equal(got[i]->tailroom, size - POOL_HEADROOM);
                assert_int_equal(got[i]->flags, PKT_WRITABLE);
                assert_int_equal(got[i]->head_len, 0);
                memset(got[i]->data - got[i]->headroom, (int)i, size); /* the whole slot belongs to its owner */
            }
            assert_null(pool_get(p));
            for (unsigned i = 0; i < SLOTS; i++) {
                const uint8_t *first = got[i]->data - POOL_HEADROOM;
                for (unsigned at = 0; at < size; at++) assert_int_equal(first[at], i);
            }
            for (unsigned i = 0; i < SLOTS; i++) pool_put(got[(i * 2 + round) % SLOTS]);
        }
        pool_put(got[0]); /* twice */
        pool_put(NULL);
        assert_int_equal(p->free_count, SLOTS);
        free(memory);
    }
}

static void test_view_is_not_ours(void **state)
{
    (void)state;
    struct pkt view;
    pkt_view(&view, (const uint8_t *)"abc", 3, 3, LINK_RAW, 1);
    pool_put(&view);
    assert_int_equal(view.head_len, 3);
}

static void test_copy(void **state)
{
    (void)state;
    void *memory;
    struct pool *p = make(1, 2048, &memory);
    static uint8_t bytes[2048];
    for (unsigned i = 0; i < sizeof(bytes); i++) bytes[i] = (uint8_t)(i * 7);
    const struct pkt_seg segs[2] = {{bytes + 100, 50}, {bytes + 150, 1770}};
    struct pkt view;
    pkt_view(&view, bytes, 100, 3000, LINK_ETHER, 9);
    view.segs = segs;
    view.seg_count = 2;
    view.cap_len = 1920;
    view.flags = PKT_SNAPPED | PKT_NOT_LINEAR;
    view.cookie = 42;
    struct pkt *copy = pool_copy(p, &view);
    assert_non_null(copy);
    assert_int_equal(copy->head_len, 1920);
    assert_int_equal(copy->cap_len, 1920);
    assert_int_equal(copy->wire_len, 3000);
    assert_int_equal(copy->tailroom, 0);
    assert_int_equal(copy->seg_count, 0);
    assert_int_equal(copy->iface, 9);
    assert_int_equal(copy->cookie, 42);
    assert_int_equal(copy->flags, PKT_SNAPPED | PKT_WRITABLE);
    assert_memory_equal(copy->data, bytes, 1920);
    assert_null(pool_copy(p, &view)); /* empty */
    pool_put(copy);
    const struct pkt_seg longer[2] = {{bytes + 100, 50}, {bytes + 150, 1771}};
    view.segs = longer;
    view.cap_len = 1921;
    assert_null(pool_copy(p, &view)); /* doesn't fit */
    assert_int_equal(p->free_count, 1);
    free(memory);
}

/* Only the first pages of the slots that are taken first are resident. */
static void test_touched(void **state)
{
    enum { ALL = 20, TOUCHED = 8, FIRST = 3, PAGES = (POOL_SLOT_MOST - 1) / 4096 + 1 };
    (void)state;
    const size_t bytes = pool_bytes(ALL, POOL_SLOT_MOST);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    assert_int_equal(madvise(memory, bytes, MADV_NOHUGEPAGE), 0);
    struct pool *p = pool_init(memory, bytes, ALL, POOL_SLOT_MOST);
    assert_non_null(p);
    pool_touch(p, TOUCHED, FIRST * 4096);
    for (unsigned i = 0; i < ALL; i++) {
        unsigned char there[PAGES];
        const struct pkt *pkt = pool_get(p);
        const uint8_t *from = pkt->data - POOL_HEADROOM;
        /* Whole pages of only this slot; the last resident one may be so in part. */
        from += -(uintptr_t)from & 4095;
        assert_int_equal(mincore((void *)(uintptr_t)from, (PAGES - 2) * 4096, there), 0);
        for (unsigned page = 0; page < PAGES - 2; page++)
            if (page != FIRST - 1) assert_int_equal(there[page] & 1, i < TOUCHED && page < FIRST);
    }
    pool_touch(p, 2 * ALL, 2 * POOL_SLOT_MOST);
    munmap(memory, bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refused), cmocka_unit_test(test_slots),
                                       cmocka_unit_test(test_touched), cmocka_unit_test(test_view_is_not_ours),
                                       cmocka_unit_test(test_copy)};
    return cmocka_run_group_tests(tests, NULL, packet_free);
}
