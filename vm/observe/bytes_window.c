/* Bytes kept by offset, see bytes_window.h */
#include "vm/observe/bytes_window.h"

#include <string.h>

static uint32_t *entry(const struct window *w, const struct chunks *all, uint64_t at)
{
    uint32_t *dir = (uint32_t *)(void *)chunk_at(all, w->dir)->bytes;
    return &dir[at / CHUNK_BYTES % WINDOW_CHUNKS];
}

/* Return the chunk with that offset; NULL: none. Entries are 1 + the number of a chunk. */
struct chunk *window_chunk(const struct window *w, const struct chunks *all, uint64_t at)
{
    if (w->dir == CHUNK_NONE || at < w->low || at - w->low >= WINDOW_BYTES) return NULL;
    const uint32_t e = *entry(w, all, at);
    return e ? chunk_at(all, e - 1) : NULL;
}

struct chunk *window_reserve(struct window *w, struct chunks *all, uint64_t at)
{
    struct chunk *p = window_chunk(w, all, at);
    return p ? p : chunks_allow(all, w->count) ? window_keep(w, all, at) : NULL;
}

struct chunk *window_keep(struct window *w, struct chunks *all, uint64_t at)
{
    struct chunk *p = window_chunk(w, all, at);
    if (p) return p;
    if (w->dir == CHUNK_NONE) {
        w->dir = chunk_take(all);
        if (w->dir == CHUNK_NONE) return NULL;
        memset(chunk_at(all, w->dir)->bytes, 0, CHUNK_BYTES);
    }
    const uint32_t number = chunk_take(all);
    if (number == CHUNK_NONE) {
        if (!w->count) window_clear(w, all, w->low);
        return NULL;
    }
    *entry(w, all, at) = number + 1;
    w->count++;
    return chunk_at(all, number);
}

static void differs_note(struct differs *d, uint64_t at)
{
    if (d->from == d->to) d->from = at;
    d->to = at + 1;
}

/* Put bytes into places [from, to) of one chunk, the first with offset `at`; some of them may have come before. */
static void merge(struct chunk *p, uint32_t from, uint32_t to, const uint8_t *bytes, uint64_t at, uint64_t kept,
                  struct differs *d)
{
    for (uint32_t i = from; i < to; i++) {
        const uint64_t here = at + (i - from);
        const bool was = bit(p->there, i);
        if (was && p->bytes[i] != bytes[i - from]) differs_note(d, here);
        if (was && here < kept) continue;
        p->bytes[i] = bytes[i - from];
        put_bit(p->there, i);
    }
}

static void bytes_fill(struct chunk *p, uint32_t from, uint32_t to, const uint8_t *bytes)
{
    memcpy(p->bytes + from, bytes, to - from);
    const uint32_t first = from / 64, last = (to - 1) / 64;
    const uint64_t begin = UINT64_MAX << from % 64, end = UINT64_MAX >> (63 - (to - 1) % 64);
    p->there[first] |= first == last ? begin & end : begin;
    for (uint32_t i = first + 1; i < last; i++) p->there[i] = UINT64_MAX;
    if (first < last) p->there[last] |= end;
}

/* Compare reported bytes with the kept ones. */
static void window_compare(const struct window *w, const struct chunks *all, uint64_t at, const uint8_t *bytes,
                           uint32_t n, struct differs *d)
{
    const struct chunk *p = window_chunk(w, all, at);
    const uint32_t in = (uint32_t)(at % CHUNK_BYTES);
    if (!p || (memcmp(p->bytes + in, bytes, n) == 0)) return;
    for (uint32_t i = 0; i < n; i++)
        if (bit(p->there, in + i) && p->bytes[in + i] != bytes[i]) differs_note(d, at + i);
}

uint32_t window_add(struct window *w, struct chunks *all, uint64_t at, const uint8_t *bytes, uint32_t n,
                    enum pbc_overlaps overlaps, uint64_t told, struct differs *d)
{
    const uint64_t to = at + n;
    const bool queued = overlaps == PBC_OVERLAPS_LINUX && at > told; /* a segment in order is reported immediately */
    const struct queue_place q = queued ? queue_look(w, all, told, at, to) : (struct queue_place){.kept = at};
    const uint64_t kept = overlaps == PBC_OVERLAPS_FIRST ? to : q.kept;
    uint32_t done = 0;
    while (done < n) {
        const uint64_t here = at + done;
        const uint32_t in = (uint32_t)(here % CHUNK_BYTES);
        const uint64_t limit = here < told && told < to ? told : to;
        const uint32_t some = limit - here < CHUNK_BYTES - in ? (uint32_t)(limit - here) : CHUNK_BYTES - in;
        if (here < told) {
            window_compare(w, all, here, bytes + done, some, d);
        } else {
            struct chunk *p = window_reserve(w, all, here);
            if (!p) break;
            if (seek(p->there, true, in, in + some) == in + some)
                bytes_fill(p, in, in + some, bytes + done);
            else
                merge(p, in, in + some, bytes + done, here, kept, d);
        }
        done += some;
    }
    if (queued && done == n && q.kept < to) queue_put(w, all, told, at, to, &q);
    return done;
}

const uint8_t *window_run(const struct window *w, const struct chunks *all, uint64_t at, uint32_t *n)
{
    const struct chunk *p = window_chunk(w, all, at);
    const uint32_t in = (uint32_t)(at % CHUNK_BYTES);
    *n = p ? seek(p->there, false, in, CHUNK_BYTES) - in : 0;
    return *n ? p->bytes + in : NULL;
}

uint64_t window_first(const struct window *w, const struct chunks *all, uint64_t at)
{
    if (at < w->low) at = w->low;
    for (uint32_t left = w->count ? WINDOW_CHUNKS : 0; left; left--) {
        const struct chunk *p = window_chunk(w, all, at);
        const uint32_t in = (uint32_t)(at % CHUNK_BYTES),
                       found = p ? seek(p->there, true, in, CHUNK_BYTES) : CHUNK_BYTES;
        if (found < CHUNK_BYTES) return at - in + found;
        at += CHUNK_BYTES - in;
    }
    return UINT64_MAX;
}

void window_clear(struct window *w, struct chunks *all, uint64_t low)
{
    for (uint64_t at = w->low; w->count; at += CHUNK_BYTES) {
        uint32_t *e = entry(w, all, at);
        if (!*e) continue;
        chunk_put(all, *e - 1);
        *e = 0;
        w->count--;
    }
    if (w->dir != CHUNK_NONE) chunk_put(all, w->dir);
    w->dir = CHUNK_NONE;
    w->low = low - low % CHUNK_BYTES;
}

void window_drop(struct window *w, struct chunks *all, uint64_t before)
{
    const uint64_t low = before - before % CHUNK_BYTES;
    if (low <= w->low) return;
    if (low - w->low >= WINDOW_BYTES || !w->count) {
        window_clear(w, all, low);
        return;
    }
    for (; w->low < low && w->count; w->low += CHUNK_BYTES) {
        uint32_t *e = entry(w, all, w->low);
        if (!*e) continue;
        chunk_put(all, *e - 1);
        *e = 0;
        w->count--;
    }
    w->low = low;
    if (!w->count) window_clear(w, all, low);
}
