/* The order of segments that wait behind a hole, as in Linux. If several segments brought a byte, the one that
 * begins first counts. They are sorted by their first byte, and none is within another, so their ends ascend, too,
 * and the n-th that begins is the n-th that ends. For a new segment, the last segment that begins before it or with
 * it decides:
 *
 *      |---before---|                       |---before---|                 |---before---|
 *         |--new--|       is dropped            |---new---|  is added          ...       |---new---|  prolongs it
 *
 *      |---before---|
 *      |-----new------|   takes its place                 those behind it that end within the new one are dropped
 *
 * Linux joins touching segments if their buffers allow it, as those of most drivers do; prey can't see that. Chunks
 * keep a bit where a segment begins, one where its last byte is, and how many cross into the chunk. */
#include "vm/observe/bytes_window.h"

/* A stretch of offsets within one chunk */
struct stretch {
    struct chunk *p; /* the chunk; NULL: none is kept there */
    uint32_t from, to;
};

/* Return the stretch from `at` on, at most up to `to`. */
static struct stretch stretch_at(const struct window *w, const struct chunks *all, uint64_t at, uint64_t to)
{
    const uint32_t from = (uint32_t)(at % CHUNK_BYTES);
    const uint64_t n = to - at < CHUNK_BYTES - from ? to - at : CHUNK_BYTES - from;
    return (struct stretch){window_chunk(w, all, at), from, from + (uint32_t)n};
}

/* Return how many segments begin at `at` or before, and end behind it. */
static uint32_t crossing(const struct window *w, const struct chunks *all, uint64_t told, uint64_t at)
{
    const uint64_t chunk = at - at % CHUNK_BYTES;
    const struct chunk *p = window_chunk(w, all, at);
    if (!p) return 0;
    const uint32_t from = told > chunk ? (uint32_t)(told - chunk) : 0, in = (uint32_t)(at - chunk);
    const uint32_t begun = (from ? 0 : (uint32_t)p->crossing) + count_bits(p->begins, from, in + 1);
    const uint32_t ended = count_bits(p->ends, from, in);
    return begun > ended ? begun - ended : 0;
}

/* Return the end of the count-th segment that ends behind `at`; `to`: none does before that. */
static uint64_t queue_end(const struct window *w, const struct chunks *all, uint64_t at, uint64_t to, uint32_t count)
{
    while (at < to) {
        const struct stretch s = stretch_at(w, all, at, to);
        for (uint32_t i = s.from; s.p && (i = seek(s.p->ends, true, i, s.to)) < s.to; i++)
            if (!--count) return at + (i - s.from) + 1;
        at += s.to - s.from;
    }
    return to;
}

static bool bit_at(const struct window *w, const struct chunks *all, uint64_t at, bool ends)
{
    const struct chunk *p = window_chunk(w, all, at);
    return p && bit(ends ? p->ends : p->begins, (uint32_t)(at % CHUNK_BYTES));
}

struct queue_place queue_look(const struct window *w, const struct chunks *all, uint64_t told, uint64_t at, uint64_t to)
{
    const uint32_t over = crossing(w, all, told, at);
    if (!over)
        return (struct queue_place){
            .kept = at, .behind = at, .prolongs = at - 1 >= told && bit_at(w, all, at - 1, true)};
    const uint64_t end = queue_end(w, all, at, to, over);
    if (end == to) return (struct queue_place){.kept = to, .behind = to};
    if (!bit_at(w, all, at, false)) return (struct queue_place){.kept = end, .behind = end};
    return (struct queue_place){
        .kept = over > 1 ? queue_end(w, all, at, to, over - 1) : at, .behind = end, .replaces = true};
}

/* Clear the bits of [at, to), at most `most`. Return how many were set. */
static uint32_t bits_clear(const struct window *w, const struct chunks *all, uint64_t at, uint64_t to, bool ends,
                           uint32_t most)
{
    uint32_t cleared = 0;
    while (at < to && cleared < most) {
        const struct stretch s = stretch_at(w, all, at, to);
        uint64_t *bits = !s.p ? NULL : ends ? s.p->ends : s.p->begins;
        for (uint32_t i = s.from; bits && cleared < most && (i = seek(bits, true, i, s.to)) < s.to; i++, cleared++)
            take_bit(bits, i);
        at += s.to - s.from;
    }
    return cleared;
}

/* Count again how many segments cross into the chunks that begin in (at, to). */
static void count_crossing(const struct window *w, const struct chunks *all, uint64_t told, uint64_t at, uint64_t to)
{
    for (uint64_t next = at - at % CHUNK_BYTES + CHUNK_BYTES; next < to; next += CHUNK_BYTES) {
        struct chunk *p = window_chunk(w, all, next);
        const uint64_t from = next - CHUNK_BYTES > told ? next - CHUNK_BYTES : told;
        const struct stretch s = stretch_at(w, all, from, next);
        if (!p || !s.p) return;
        const uint32_t begun = (s.from ? 0 : (uint32_t)s.p->crossing) + count_bits(s.p->begins, s.from, s.to);
        const uint32_t ended = count_bits(s.p->ends, s.from, s.to);
        p->crossing = begun > ended ? begun - ended : 0;
    }
}

void queue_put(const struct window *w, const struct chunks *all, uint64_t told, uint64_t at, uint64_t to,
               const struct queue_place *q)
{
    const struct stretch first = stretch_at(w, all, at, to), last = stretch_at(w, all, to - 1, to);
    if (!first.p || !last.p) return;
    if (q->prolongs) bits_clear(w, all, at - 1, at, true, 1);
    if (q->replaces) bits_clear(w, all, q->behind - 1, q->behind, true, 1);
    const uint32_t within = bits_clear(w, all, q->behind, to, true, UINT32_MAX);
    bits_clear(w, all, at + 1, to, false, within);
    if (!q->prolongs) put_bit(first.p->begins, first.from);
    put_bit(last.p->ends, last.from);
    count_crossing(w, all, told, q->prolongs ? at - 1 : at, to);
}
