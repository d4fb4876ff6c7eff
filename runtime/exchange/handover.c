/* See handover.h. Memory is the system's zero pages until a slot is used. */
#include "runtime/exchange/handover.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/io/io.h"

/* A frame begins two bytes past a line, so its IP header is at a multiple of 16 bytes. Packet, headroom and frame lie
 * together; slots are an odd number of lines apart, so that they share no set of a cache. */
enum {
    HEADROOM = IO_HEADROOM + 2,
    FRAME_AT = sizeof(struct handed) + HEADROOM,
    SLOT_BYTES = 37 * HANDOVER_LINE,
    SLOT_FRAME = SLOT_BYTES - FRAME_AT,
    LARGEST = 65557, /* the largest IP packet, with its link header and a tag */
    LARGE_BYTES = (HEADROOM + LARGEST + HANDOVER_LINE - 1) / HANDOVER_LINE * HANDOVER_LINE,
    ALL_BYTES = HANDOVER_SLOTS * (SLOT_BYTES + LARGE_BYTES),
    AHEAD = 4 /* slots whose lines the sender asks for */
};
static_assert(sizeof(struct handed) % HANDOVER_LINE == 0 && IO_HEADROOM % HANDOVER_LINE == 0, "frames at their places");
static_assert(SLOT_FRAME >= 1522, "frames of Ethernet have room in a slot");

static uint8_t *slot_at(const struct handover *h, uint32_t at)
{
    return h->slots + (size_t)(at % HANDOVER_SLOTS) * SLOT_BYTES;
}

int handover_init(struct handover *h)
{
    *h = (struct handover){0};
    void *at = mmap(NULL, ALL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return -ENOMEM;
    h->slots = at;
    h->large = h->slots + (size_t)HANDOVER_SLOTS * SLOT_BYTES;
    return 0;
}

void handover_fini(struct handover *h)
{
    if (h->slots) munmap(h->slots, ALL_BYTES);
}

static bool has_room(struct handover *h)
{
    if (h->filled - h->taken_seen < HANDOVER_SLOTS) return true;
    h->taken_seen = __atomic_load_n(&h->taken, __ATOMIC_ACQUIRE);
    return h->filled - h->taken_seen < HANDOVER_SLOTS;
}

bool handover_put(struct handover *h, const struct pkt *pkt, const struct key *key, uint64_t world,
                  enum handover_kind kind)
{
    if (pkt->head_len > LARGEST || !has_room(h)) return false;
    uint8_t *const slot = slot_at(h, h->filled), *const next = slot_at(h, h->filled + AHEAD);
    struct handed *s = (void *)slot;
    for (unsigned at = 0; at <= FRAME_AT; at += HANDOVER_LINE) __builtin_prefetch(next + at, 1);
    if (key) s->key = *key;
    s->world = key ? world : HANDED_UNPARSED;
    s->kind = (uint8_t)kind;
    s->pkt = *pkt;
    s->pkt.pool = NULL;
    s->pkt.data = slot + FRAME_AT;
    if (pkt->head_len > SLOT_FRAME)
        s->pkt.data = h->large + (size_t)(h->filled % HANDOVER_SLOTS) * LARGE_BYTES + HEADROOM;
    s->pkt.headroom = HEADROOM;
    s->pkt.tailroom = 0;
    s->pkt.flags |= PKT_WRITABLE;
    memcpy(s->pkt.data, pkt->data, pkt->head_len);
    h->filled++;
    return true;
}

void handover_publish(struct handover *h) { __atomic_store_n(&h->put, h->filled, __ATOMIC_RELEASE); }

unsigned handover_take(struct handover *h, struct handed *packets[], unsigned n)
{
    const uint32_t at = h->given;
    if (h->put_seen - at < n) h->put_seen = __atomic_load_n(&h->put, __ATOMIC_ACQUIRE);
    const uint32_t there = h->put_seen - at;
    if (there < n) n = there;
    for (unsigned i = 0; i < n; i++) {
        uint8_t *slot = slot_at(h, at + i);
        packets[i] = (void *)slot;
        for (unsigned k = 0; k < sizeof(struct handed); k += HANDOVER_LINE) __builtin_prefetch(slot + k, 1);
        __builtin_prefetch(slot + FRAME_AT, 1);
    }
    h->given += n;
    return n;
}

void handover_release(struct handover *h) { __atomic_store_n(&h->taken, h->given, __ATOMIC_RELEASE); }

bool handover_waits(const struct handover *h) { return __atomic_load_n(&h->put, __ATOMIC_ACQUIRE) != h->given; }
