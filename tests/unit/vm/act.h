/* Packets in slots for the tests of actions: written as notation, changed, and compared with notation. The
 * notation's checksums are computed in full, so equal bytes mean that incremental and full checksums agree. */
#ifndef TESTS_UNIT_VM_ACT_H
#define TESTS_UNIT_VM_ACT_H

#include "tests/lib/rng.h"
#include "tests/unit/vm/packet.h"
#include "vm/packet/pool_priv.h"
#include "vm/packet/pkt.h"

enum { SLOTS = 24 };

static struct pool *pool;
static void *memory;

static inline int setup(void **state)
{
    (void)state;
    size_t bytes = pool_bytes(SLOTS, 4096);
    memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    pool = pool_init(memory, bytes, SLOTS, 4096);
    return pool ? 0 : -1;
}

static inline int teardown(void **state)
{
    free(memory);
    return packet_free(state);
}

/* Put the packet into a slot; packet.key is its key. */
static inline struct pkt *slot_of(const char *notation)
{
    if (packet_of(notation)->reason) fail_msg("%s: %s", notation, reason_name(packet.reason));
    struct pkt *pkt = pool_copy(pool, &packet.pkt);
    assert_non_null(pkt);
    return pkt;
}

/* Check that the packet has these bytes; if not, print the input and the action. */
static inline void check_bytes(const struct pkt *pkt, const char *expected, const char *given)
{
    static char text[20000];
    const struct note *n = packet_note(expected);
    if (pkt->head_len == n->cap_len && pkt->wire_len == n->wire_len && pkt->link == n->link &&
        memcmp(pkt->data, n->bytes, n->cap_len) == 0)
        return;
    note_print(pkt->data, pkt->head_len, pkt->link, text, sizeof(text));
    fail_msg("%s\nbecame   %s\nexpected %s\n(%u and %u bytes)", given, text, expected, pkt->wire_len, n->wire_len);
}

/* Check the packet's offsets against parsing it again. */
static inline void check_offsets(const struct pkt *pkt)
{
    struct pkt again = *pkt;
    struct key key;
    assert_int_equal(pkt_parse(&again, &no_facts, &key), REASON_NONE);
    assert_int_equal(again.l3, pkt->l3);
    assert_int_equal(again.l4, pkt->l4);
    assert_int_equal(again.payload, pkt->payload);
    assert_int_equal(again.l3_end, pkt->l3_end);
    assert_int_equal(again.ext_headers, pkt->ext_headers);
    assert_false(again.flags & PKT_BAD_CSUM);
}

static inline void check_no_slot_lost(void) { assert_int_equal(pool->free_count, SLOTS); }

#endif
