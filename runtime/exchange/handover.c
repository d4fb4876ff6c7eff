/* See handover.h. Memory is the system's zero pages until a slot is used. */
#include "runtime/exchange/handover.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/io/io.h"

struct slot {
    struct pkt pkt;
    uint8_t kind;
    uint8_t headroom[IO_HEADROOM + 54]; /* the frame follows, with its IP header at a multiple of 16 bytes */
};
/* Size for the largest frame; a multiple of 64, but no power of two. */
enum { SLOT_BYTES = (sizeof(struct slot) + 65557 + 63) / 64 * 64 };

static struct slot *slot_at(const struct handover *h, uint32_t at)
{
    return (void *)(h->memory + (size_t)(at % HANDOVER_SLOTS) * SLOT_BYTES);
}

int handover_init(struct handover *h)
{
    *h = (struct handover){0};
    void *at = mmap(NULL, (size_t)HANDOVER_SLOTS * SLOT_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return -ENOMEM;
    h->memory = at;
    return 0;
}

void handover_fini(struct handover *h)
{
    if (h->memory) munmap(h->memory, (size_t)HANDOVER_SLOTS * SLOT_BYTES);
}

bool handover_put(struct handover *h, const struct pkt *pkt, enum handover_kind kind)
{
    const uint32_t put = __atomic_load_n(&h->put, __ATOMIC_RELAXED);
    if (put - __atomic_load_n(&h->taken, __ATOMIC_ACQUIRE) >= HANDOVER_SLOTS) return false;
    if (pkt->head_len > SLOT_BYTES - sizeof(struct slot)) return false;
    struct slot *s = slot_at(h, put);
    s->pkt = *pkt;
    s->pkt.pool = NULL;
    s->pkt.data = (uint8_t *)(s + 1);
    s->pkt.headroom = sizeof s->headroom;
    s->pkt.tailroom = 0;
    s->pkt.flags |= PKT_WRITABLE;
    s->kind = (uint8_t)kind;
    memcpy(s->pkt.data, pkt->data, pkt->head_len);
    __atomic_store_n(&h->put, put + 1, __ATOMIC_RELEASE);
    return true;
}

unsigned handover_take(struct handover *h, struct pkt *pkts[], uint8_t kinds[], unsigned n)
{
    const uint32_t at = __atomic_load_n(&h->taken, __ATOMIC_RELAXED) + h->given;
    const uint32_t there = __atomic_load_n(&h->put, __ATOMIC_ACQUIRE) - at;
    if (there < n) n = there;
    for (unsigned i = 0; i < n; i++) {
        struct slot *s = slot_at(h, at + i);
        pkts[i] = &s->pkt;
        kinds[i] = s->kind;
    }
    h->given += n;
    return n;
}

void handover_release(struct handover *h)
{
    const uint32_t taken = __atomic_load_n(&h->taken, __ATOMIC_RELAXED);
    __atomic_store_n(&h->taken, taken + h->given, __ATOMIC_RELEASE);
    h->given = 0;
}

bool handover_waits(const struct handover *h)
{
    return __atomic_load_n(&h->put, __ATOMIC_ACQUIRE) != __atomic_load_n(&h->taken, __ATOMIC_RELAXED);
}
