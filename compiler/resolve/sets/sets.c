/* Address set algebra. Both families have the same code on numbers of different width: a macro over the two types. The
 * public functions apply it to each half. */
#include "compiler/resolve/sets/sets.h"

#include <stdlib.h>
#include <string.h>

#include "lang/heap.h"

#define MAX4 UINT32_MAX
#define MAX6 (~(u128)0)

/* Make room for one more entry. */
static void *set_grown(void *r, size_t n, size_t *cap, size_t entry_size)
{
    if (n < *cap) return r;
    const size_t next = *cap ? *cap * 2 : 8;
    *cap = next;
    return heap_resized(r, next, entry_size);
}

/* The algebra over one width. `push_merged` takes ranges in order of lo, and joins those that overlap or touch. */
#define FAMILY(w, num, MAX)                                                                                            \
    static void push##w(struct ranges##w *s, num lo, num hi)                                                           \
    {                                                                                                                  \
        s->r = set_grown(s->r, s->n, &s->cap, sizeof(s->r[0]));                                                        \
        s->r[s->n++] = (struct range##w){lo, hi};                                                                      \
    }                                                                                                                  \
    static void push_merged##w(struct ranges##w *s, num lo, num hi)                                                    \
    {                                                                                                                  \
        struct range##w *last = s->n ? &s->r[s->n - 1] : NULL;                                                         \
        if (!last || (last->hi != (MAX) && lo > last->hi + 1))                                                         \
            push##w(s, lo, hi);                                                                                        \
        else if (hi > last->hi)                                                                                        \
            last->hi = hi;                                                                                             \
    }                                                                                                                  \
    static int compare##w(const void *pa, const void *pb)                                                              \
    {                                                                                                                  \
        const struct range##w *a = pa, *b = pb;                                                                        \
        if (a->lo != b->lo) return a->lo < b->lo ? -1 : 1;                                                             \
        return a->hi == b->hi ? 0 : a->hi > b->hi ? -1 : 1; /* the wider range first, since it holds the other */      \
    }                                                                                                                  \
    static size_t normalise##w(struct ranges##w *s)                                                                    \
    {                                                                                                                  \
        size_t inside = 0, kept = 0;                                                                                   \
        bool sorted = true;                                                                                            \
        for (size_t i = 1; i < s->n && sorted; i++) sorted = compare##w(&s->r[i - 1], &s->r[i]) <= 0;                  \
        if (!sorted) qsort(s->r, s->n, sizeof(s->r[0]), compare##w);                                                   \
        num widest = 0;                                                                                                \
        for (size_t i = 0; i < s->n; i++) {                                                                            \
            const struct range##w r = s->r[i];                                                                         \
            inside += i && r.hi <= widest;                                                                             \
            if (i == 0 || r.hi > widest) widest = r.hi;                                                                \
            struct range##w *last = kept ? &s->r[kept - 1] : NULL;                                                     \
            if (!last || (last->hi != (MAX) && r.lo > last->hi + 1))                                                   \
                s->r[kept++] = r;                                                                                      \
            else if (r.hi > last->hi)                                                                                  \
                last->hi = r.hi;                                                                                       \
        }                                                                                                              \
        s->n = kept;                                                                                                   \
        return inside;                                                                                                 \
    }                                                                                                                  \
    static void unite##w(struct ranges##w *out, const struct ranges##w *a, const struct ranges##w *b)                  \
    {                                                                                                                  \
        for (size_t i = 0, j = 0; i < a->n || j < b->n;) {                                                             \
            const bool first = j == b->n || (i < a->n && a->r[i].lo <= b->r[j].lo);                                    \
            const struct range##w r = first ? a->r[i++] : b->r[j++];                                                   \
            push_merged##w(out, r.lo, r.hi);                                                                           \
        }                                                                                                              \
    }                                                                                                                  \
    static void intersect##w(struct ranges##w *out, const struct ranges##w *a, const struct ranges##w *b)              \
    {                                                                                                                  \
        for (size_t i = 0, j = 0; i < a->n && j < b->n;) {                                                             \
            const num lo = a->r[i].lo > b->r[j].lo ? a->r[i].lo : b->r[j].lo;                                          \
            const num hi = a->r[i].hi < b->r[j].hi ? a->r[i].hi : b->r[j].hi;                                          \
            if (lo <= hi) push##w(out, lo, hi);                                                                        \
            if (a->r[i].hi < b->r[j].hi)                                                                               \
                i++;                                                                                                   \
            else                                                                                                       \
                j++;                                                                                                   \
        }                                                                                                              \
    }                                                                                                                  \
    static void subtract##w(struct ranges##w *out, const struct ranges##w *a, const struct ranges##w *b)               \
    {                                                                                                                  \
        size_t j = 0;                                                                                                  \
        for (size_t i = 0; i < a->n; i++) {                                                                            \
            num lo = a->r[i].lo;                                                                                       \
            const num hi = a->r[i].hi;                                                                                 \
            bool left = true;                                                                                          \
            while (j < b->n && b->r[j].hi < lo) j++;                                                                   \
            for (size_t k = j; left && k < b->n && b->r[k].lo <= hi; k++) {                                            \
                if (b->r[k].lo > lo) push##w(out, lo, b->r[k].lo - 1);                                                 \
                left = b->r[k].hi < hi;                                                                                \
                if (left) lo = b->r[k].hi + 1;                                                                         \
            }                                                                                                          \
            if (left) push##w(out, lo, hi);                                                                            \
        }                                                                                                              \
    }                                                                                                                  \
    static bool overlaps##w(const struct ranges##w *a, const struct ranges##w *b)                                      \
    {                                                                                                                  \
        for (size_t i = 0, j = 0; i < a->n && j < b->n;) {                                                             \
            if (a->r[i].lo <= b->r[j].hi && b->r[j].lo <= a->r[i].hi) return true;                                     \
            if (a->r[i].hi < b->r[j].hi)                                                                               \
                i++;                                                                                                   \
            else                                                                                                       \
                j++;                                                                                                   \
        }                                                                                                              \
        return false;                                                                                                  \
    }                                                                                                                  \
    static bool holds##w(const struct ranges##w *s, num lo, num hi)                                                    \
    {                                                                                                                  \
        size_t from = 0, to = s->n; /* finds the first range that ends at hi or after */                               \
        while (from < to) {                                                                                            \
            const size_t mid = from + (to - from) / 2;                                                                 \
            if (s->r[mid].hi < hi)                                                                                     \
                from = mid + 1;                                                                                        \
            else                                                                                                       \
                to = mid;                                                                                              \
        }                                                                                                              \
        return from < s->n && s->r[from].lo <= lo;                                                                     \
    }

FAMILY(4, uint32_t, MAX4)
FAMILY(6, u128, MAX6)

void set_fini(struct addr_set *s)
{
    if (s->split) {
        set_fini(&s->split->in);
        set_fini(&s->split->out);
        free(s->split);
    }
    free(s->v4.r);
    free(s->v6.r);
    *s = (struct addr_set){0};
}

uint32_t addr_v4(const struct addr *a)
{
    return (uint32_t)a->bytes[0] << 24 | (uint32_t)a->bytes[1] << 16 | (uint32_t)a->bytes[2] << 8 | a->bytes[3];
}

u128 addr_v6(const struct addr *a)
{
    u128 n = 0;
    for (unsigned i = 0; i < 16; i++) n = n << 8 | a->bytes[i];
    return n;
}

void set_add4(struct addr_set *s, uint32_t lo, uint32_t hi)
{
    if (s->split) {
        set_add4(&s->split->in, lo, hi);
        set_add4(&s->split->out, lo, hi);
    }
    push4(&s->v4, lo, hi);
}

void set_add6(struct addr_set *s, u128 lo, u128 hi)
{
    if (s->split) {
        set_add6(&s->split->in, lo, hi);
        set_add6(&s->split->out, lo, hi);
    }
    push6(&s->v6, lo, hi);
}

void set_add(struct addr_set *s, const struct addr *lo, const struct addr *hi)
{
    if (lo->family == 4)
        set_add4(s, addr_v4(lo), addr_v4(hi));
    else
        set_add6(s, addr_v6(lo), addr_v6(hi));
}

void set_add_all(struct addr_set *s)
{
    set_add4(s, 0, MAX4);
    set_add6(s, 0, MAX6);
}

void set_add_set(struct addr_set *s, const struct addr_set *from)
{
    if (from->split) {
        struct addr_set both = {0};
        set_normalise(s);
        set_union(&both, s, from);
        set_fini(s);
        *s = both;
        return;
    }
    for (size_t i = 0; i < from->v4.n; i++) set_add4(s, from->v4.r[i].lo, from->v4.r[i].hi);
    for (size_t i = 0; i < from->v6.n; i++) set_add6(s, from->v6.r[i].lo, from->v6.r[i].hi);
}

size_t set_normalise(struct addr_set *s)
{
    if (s->split) {
        set_normalise(&s->split->in);
        set_normalise(&s->split->out);
    }
    return normalise4(&s->v4) + normalise6(&s->v6);
}

static bool ranges_equal(const struct addr_set *a, const struct addr_set *b)
{
    bool equal = a->v4.n == b->v4.n && a->v6.n == b->v6.n;
    for (size_t i = 0; equal && i < a->v4.n; i++) equal = compare4(&a->v4.r[i], &b->v4.r[i]) == 0;
    for (size_t i = 0; equal && i < a->v6.n; i++) equal = compare6(&a->v6.r[i], &b->v6.r[i]) == 0;
    return equal;
}

static bool set_equal(const struct addr_set *a, const struct addr_set *b)
{
    if (!ranges_equal(a, b) || !a->split != !b->split) return false;
    return !a->split || (a->split->live == b->split->live && set_equal(&a->split->in, &b->split->in) &&
                         set_equal(&a->split->out, &b->split->out));
}

/* Make the empty `out` from both halves, which it then owns. */
static void set_join(struct addr_set *out, uint32_t live, struct addr_set in, struct addr_set elsewhere)
{
    if (set_equal(&in, &elsewhere)) {
        set_fini(&in);
        *out = elsewhere;
        return;
    }
    unite4(&out->v4, &in.v4, &elsewhere.v4);
    unite6(&out->v6, &in.v6, &elsewhere.v6);
    out->split = heap_resized(NULL, 1, sizeof(*out->split));
    *out->split = (struct set_split){live, in, elsewhere};
}

void set_of_live(struct addr_set *s, uint32_t live, const struct addr_set *within)
{
    struct addr_set in = {0};
    set_add_set(&in, within);
    set_join(s, live, in, (struct addr_set){0});
}

/* Return the part of a set for addresses that the live set has, or (`in` false) for others. */
static const struct addr_set *half(const struct addr_set *s, uint32_t live, bool in)
{
    if (!s->split || s->split->live != live) return s;
    return in ? &s->split->in : &s->split->out;
}

typedef void combine_fn(struct addr_set *out, const struct addr_set *a, const struct addr_set *b);

/* Apply an operation to both halves of two sets. False: neither is split. */
static bool by_halves(combine_fn *combine, struct addr_set *out, const struct addr_set *a, const struct addr_set *b)
{
    struct addr_set in = {0}, elsewhere = {0};
    if (!a->split && !b->split) return false;
    uint32_t live = a->split ? a->split->live : b->split->live;
    if (b->split && b->split->live < live) live = b->split->live;
    combine(&in, half(a, live, true), half(b, live, true));
    combine(&elsewhere, half(a, live, false), half(b, live, false));
    set_join(out, live, in, elsewhere);
    return true;
}

void set_union(struct addr_set *out, const struct addr_set *a, const struct addr_set *b)
{
    if (by_halves(set_union, out, a, b)) return;
    unite4(&out->v4, &a->v4, &b->v4);
    unite6(&out->v6, &a->v6, &b->v6);
}

void set_and(struct addr_set *out, const struct addr_set *a, const struct addr_set *b)
{
    if (by_halves(set_and, out, a, b)) return;
    intersect4(&out->v4, &a->v4, &b->v4);
    intersect6(&out->v6, &a->v6, &b->v6);
}

void set_except(struct addr_set *out, const struct addr_set *a, const struct addr_set *b)
{
    if (by_halves(set_except, out, a, b)) return;
    subtract4(&out->v4, &a->v4, &b->v4);
    subtract6(&out->v6, &a->v6, &b->v6);
}

bool set_is_empty(const struct addr_set *s) { return s->v4.n == 0 && s->v6.n == 0; }

bool set_is_all(const struct addr_set *s)
{
    if (s->split) return set_is_all(&s->split->in) && set_is_all(&s->split->out);
    return holds4(&s->v4, 0, MAX4) && holds6(&s->v6, 0, MAX6);
}

bool set_overlaps(const struct addr_set *a, const struct addr_set *b)
{
    return overlaps4(&a->v4, &b->v4) || overlaps6(&a->v6, &b->v6);
}

bool set_within(const struct addr_set *inner, const struct addr_set *outer)
{
    bool within = true;
    if (outer->split) return set_within(inner, &outer->split->in) && set_within(inner, &outer->split->out);
    for (size_t i = 0; within && i < inner->v4.n; i++)
        within = holds4(&outer->v4, inner->v4.r[i].lo, inner->v4.r[i].hi);
    for (size_t i = 0; within && i < inner->v6.n; i++)
        within = holds6(&outer->v6, inner->v6.r[i].lo, inner->v6.r[i].hi);
    return within;
}

bool set_holds(const struct addr_set *s, const struct addr *lo, const struct addr *hi)
{
    if (s->split) return set_holds(&s->split->in, lo, hi) && set_holds(&s->split->out, lo, hi);
    return lo->family == 4 ? holds4(&s->v4, addr_v4(lo), addr_v4(hi)) : holds6(&s->v6, addr_v6(lo), addr_v6(hi));
}

size_t set_size(const struct addr_set *s)
{
    return s->v4.n + s->v6.n + (s->split ? set_size(&s->split->in) + set_size(&s->split->out) : 0);
}

bool prefix_ends(const struct addr *a, unsigned len, struct addr *lo, struct addr *hi)
{
    const unsigned bytes = a->family == 4 ? 4 : 16;
    bool clean = true;
    *lo = *hi = *a;
    for (unsigned i = 0; i < bytes; i++) {
        const unsigned kept = len > i * 8 ? len - i * 8 : 0;
        const uint8_t host = (uint8_t)(kept >= 8 ? 0 : 0xff >> kept);
        clean = clean && (a->bytes[i] & host) == 0;
        lo->bytes[i] = (uint8_t)(a->bytes[i] & ~host);
        hi->bytes[i] = (uint8_t)(a->bytes[i] | host);
    }
    return clean;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
    return memcmp(a->bytes, b->bytes, a->family == 4 ? 4 : 16);
}
