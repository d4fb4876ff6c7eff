/* Reassembly of one side's bytes (reassemble.h). */
#include "vm/stream/reassemble.h"

#include <string.h>

static bool is_there(const struct reassembly *r, uint32_t at) { return r->there[at / 64] >> at % 64 & 1; }
static void set_there(struct reassembly *r, uint32_t at) { r->there[at / 64] |= UINT64_C(1) << at % 64; }

void reassemble_init(struct reassembly *r, void *memory, uint32_t room, uint32_t seq)
{
    *r = (struct reassembly){.there = memory, .bytes = (uint8_t *)memory + room / 8, .room = room, .seq = seq};
    memset(r->there, 0, room / 8);
}

void reassemble_grow(struct reassembly *r, void *memory, uint32_t room)
{
    const struct reassembly was = *r;
    reassemble_init(r, memory, room, was.seq);
    memcpy(r->bytes, was.bytes, was.highest);
    memcpy(r->there, was.there, was.room / 8);
    r->have = was.have;
    r->highest = was.highest;
    r->end = was.end;
    r->ends = was.ends;
}

/* Store bytes `from` to `to`; `bytes` begins at `from`. Bytes stored before stay. */
static void store_bytes(struct reassembly *r, uint32_t from, uint32_t to, const uint8_t *bytes)
{
    if (to <= r->have) return;
    if (from < r->have) {
        bytes += r->have - from;
        from = r->have;
    }
    if (from >= r->highest) { /* none of the new bytes is stored yet */
        memcpy(r->bytes + from, bytes, to - from);
        for (uint32_t i = from; i < to; i++) set_there(r, i);
    }
    for (uint32_t i = from; i < to && from < r->highest; i++, bytes++) {
        if (is_there(r, i)) continue;
        r->bytes[i] = *bytes;
        set_there(r, i);
    }
    if (to > r->highest) r->highest = to;
    while (r->have < r->highest && is_there(r, r->have)) r->have++;
}

bool reassemble_add(struct reassembly *r, uint32_t seq, const uint8_t *bytes, uint32_t n, bool fin)
{
    const int64_t from = (int32_t)(seq - r->seq), begin = from < 0 ? 0 : from;
    int64_t end = from + n;
    if (fin && !r->ends && end >= r->highest) {
        r->ends = true;
        r->end = (uint32_t)end;
    }
    if (r->ends && end > r->end) end = r->end;
    const bool fits = end <= r->room;
    if (!fits) end = r->room;
    if (begin < end) store_bytes(r, (uint32_t)begin, (uint32_t)end, bytes + (begin - from));
    return fits;
}

/* Move the bits from `n` on to the start. */
static void shift(uint64_t *bits, uint32_t words, uint32_t n)
{
    const uint32_t by = n / 64, rest = n % 64;
    for (uint32_t i = 0; i < words; i++) {
        const uint64_t low = i + by < words ? bits[i + by] : 0, high = i + by + 1 < words ? bits[i + by + 1] : 0;
        bits[i] = rest ? low >> rest | high << (64 - rest) : low;
    }
}

void reassemble_take(struct reassembly *r, uint32_t n)
{
    if (!n) return; /* without a byte there may be no memory */
    memmove(r->bytes, r->bytes + n, r->highest - n);
    shift(r->there, r->room / 64, n);
    r->highest -= n;
    r->have -= n;
    r->end -= n;
    r->seq += n;
}
