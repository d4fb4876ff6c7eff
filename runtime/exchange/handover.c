/* See handover.h. Memory is the system's zero pages until a slot is used. */
#include "runtime/exchange/handover.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/io/io.h"

/* The first line of a slot: a plain packet in full; for any other packet, only the note that its key and view
 * follow. */
struct first_line {
    uint64_t world;
    struct plain plain;
    uint32_t len; /* length of the frame in bytes */
    uint64_t offsets, cookie;
    uint16_t iface, segment;
    uint8_t flags, kind;
    bool is_plain, asks;
};
static_assert(sizeof(struct first_line) <= HANDOVER_LINE, "one line");

/* A frame begins two bytes past a line, so its IP header is at a multiple of 16 bytes. Packet, headroom and frame
 * are together; slots are an odd number of lines apart, so that they share no set of a cache. */
enum {
    HEADROOM = IO_HEADROOM + 2,
    KEY_AT = HANDOVER_LINE,
    PKT_AT = KEY_AT + sizeof(struct key),
    FRAME_AT = (PKT_AT + sizeof(struct pkt) + HANDOVER_LINE - 1) / HANDOVER_LINE * HANDOVER_LINE + HEADROOM,
    SLOT_BYTES = 37 * HANDOVER_LINE,
    SLOT_FRAME = SLOT_BYTES - FRAME_AT,
    LARGEST = 65557, /* the largest IP packet, with its link header and a tag */
    LARGE_BYTES = (HEADROOM + LARGEST + HANDOVER_LINE - 1) / HANDOVER_LINE * HANDOVER_LINE,
    ALL_BYTES = HANDOVER_SLOTS * (SLOT_BYTES + LARGE_BYTES),
    AHEAD = 8 /* slots whose lines the sender asks for */
};
static_assert(IO_HEADROOM % HANDOVER_LINE == 0, "frames at their places");
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

static bool handover_has_room(struct handover *h)
{
    if (h->filled - h->taken_seen < HANDOVER_SLOTS) return true;
    h->taken_seen = __atomic_load_n(&h->taken, __ATOMIC_ACQUIRE);
    return h->filled - h->taken_seen < HANDOVER_SLOTS;
}

static uint8_t *frame_at(const struct handover *h, uint32_t at, uint32_t len)
{
    if (len <= SLOT_FRAME) return slot_at(h, at) + FRAME_AT;
    return h->large + (size_t)(at % HANDOVER_SLOTS) * LARGE_BYTES + HEADROOM;
}

/* Return the next slot's first line, and ask for those of a slot that follows soon. NULL: no room. */
static struct first_line *slot_begin(struct handover *h, const struct pkt *pkt)
{
    if (pkt->head_len > LARGEST || !handover_has_room(h)) return NULL;
    const uint8_t *const soon = slot_at(h, h->filled + AHEAD);
    __builtin_prefetch(soon, 1);
    __builtin_prefetch(soon + FRAME_AT, 1);
    __builtin_prefetch(soon + FRAME_AT + HANDOVER_LINE - 2, 1);
    return (struct first_line *)slot_at(h, h->filled);
}

static void slot_end(struct handover *h, const struct pkt *pkt)
{
    memcpy(frame_at(h, h->filled, pkt->head_len), pkt->data, pkt->head_len);
    h->filled++;
}

bool handover_put(struct handover *h, const struct pkt *pkt, const struct key *key, uint64_t world,
                  enum handover_kind kind)
{
    struct first_line *f = slot_begin(h, pkt);
    if (!f) return false;
    uint8_t *const slot = (uint8_t *)f;
    f->world = key ? world : HANDED_UNPARSED;
    f->kind = (uint8_t)kind;
    f->is_plain = false;
    if (key) memcpy(slot + KEY_AT, key, sizeof *key);
    memcpy(slot + PKT_AT, pkt, sizeof *pkt);
    slot_end(h, pkt);
    return true;
}

bool handover_put_plain(struct handover *h, const struct pkt *pkt, const struct plain *plain, uint64_t world, bool asks)
{
    struct first_line *f = slot_begin(h, pkt);
    if (!f) return false;
    *f = (struct first_line){.world = world,
                             .plain = *plain,
                             .len = pkt->head_len,
                             .offsets = pkt->offsets,
                             .cookie = pkt->cookie,
                             .iface = pkt->iface,
                             .segment = pkt->segment,
                             .flags = pkt->flags,
                             .kind = HANDOVER_OWNED,
                             .is_plain = true,
                             .asks = asks};
    slot_end(h, pkt);
    return true;
}

void handover_publish(struct handover *h) { __atomic_store_n(&h->put, h->filled, __ATOMIC_RELEASE); }

/* Fill in the view of a packet. at: its slot's number. */
static void frame_see(const struct handover *h, uint32_t at, struct handed *out)
{
    const uint8_t *const slot = slot_at(h, at);
    const struct first_line *f = (const struct first_line *)slot;
    out->world = f->world;
    out->kind = f->kind;
    out->is_plain = f->is_plain;
    out->asks = f->is_plain && f->asks;
    out->key = f->is_plain || f->world == HANDED_UNPARSED ? NULL : (const struct key *)(slot + KEY_AT);
    if (f->is_plain) {
        out->plain = f->plain;
        out->pkt = (struct pkt){.head_len = f->len,
                                .cap_len = f->len,
                                .wire_len = f->len,
                                .iface = f->iface,
                                .link = LINK_ETHER,
                                .segment = f->segment,
                                .cookie = f->cookie,
                                .offsets = f->offsets,
                                .flags = f->flags};
    } else {
        memcpy(&out->pkt, slot + PKT_AT, sizeof out->pkt);
        out->pkt.pool = NULL;
        out->pkt.tailroom = 0;
    }
    out->pkt.data = frame_at(h, at, out->pkt.head_len);
    out->pkt.headroom = HEADROOM;
    out->pkt.flags |= PKT_WRITABLE;
}

unsigned handover_take(struct handover *h, struct handed packets[], unsigned n)
{
    const uint32_t at = h->given;
    if (h->put_seen - at < n) h->put_seen = __atomic_load_n(&h->put, __ATOMIC_ACQUIRE);
    const uint32_t there = h->put_seen - at;
    if (there < n) n = there;
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *slot = slot_at(h, at + i);
        __builtin_prefetch(slot);
        __builtin_prefetch(slot + FRAME_AT, 1);
        __builtin_prefetch(slot + FRAME_AT + HANDOVER_LINE - 2, 1);
    }
    for (unsigned i = 0; i < n; i++) frame_see(h, at + i, &packets[i]);
    h->given += n;
    return n;
}

void handover_release(struct handover *h) { __atomic_store_n(&h->taken, h->given, __ATOMIC_RELEASE); }

bool handover_waits(const struct handover *h) { return __atomic_load_n(&h->put, __ATOMIC_ACQUIRE) != h->given; }
