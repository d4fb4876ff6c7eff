/* Sessions outlive a change of program, and an archive (vm.h), whose bytes are checked before they are used: they may
 * come from anybody. */
#include <string.h>

#include "vm/observe/observers_priv.h"
#include "vm/program/swap.h"

/* Most services of a program */
enum { SERVICES_MOST = 256 };

/* Return the service of that name in another program; PBC_NONE: none. */
static uint32_t same_service(const struct program *from, uint32_t i, const struct program *to)
{
    const char *name = program_str(from, from->observes[i].name);
    for (uint32_t k = 0; k < to->observes_count; k++)
        if (strcmp(program_str(to, to->observes[k].name), name) == 0) return k;
    return PBC_NONE;
}

/* Return the branch in the new service that has the place of the old one; its last, if it has fewer. */
static uint32_t same_choice(const struct program *from, uint32_t old, uint32_t choice, const struct program *to,
                            uint32_t new)
{
    const uint32_t at = choice - from->observes[old].choices, count = to->observes[new].choice_count;
    return to->observes[new].choices + (at < count ? at : count - 1);
}

/* Give a connection its service and branch in the new program. The fate of its bytes stays, except for a stream that
 * no longer exists. */
static void rename_conn(struct conn *c, const struct program *from, const struct program *to, const uint32_t map[],
                        const struct remap *r)
{
    const uint32_t old = c->observe;
    c->observe = map[old];
    if (c->choice != PBC_NONE) c->choice = same_choice(from, old, c->choice, to, c->observe);
    if (c->does == PBC_STREAM && !to->observes[c->observe].stream) c->does = PBC_PASS;
    if (c->iface < r->ifaces) c->iface = r->iface[c->iface];
}

void observers_rename(struct observers *o, struct observers *fresh, const struct remap *r, uint64_t now_ns)
{
    uint32_t map[SERVICES_MOST];
    const struct program *from = o->p, *to = r->program;
    if (now_ns > o->now_ns) o->now_ns = now_ns;
    if (!fresh) {
        observers_end(o, now_ns, OBSERVE_WHY_REMOVED);
        return;
    }
    for (uint32_t i = 0; i < from->observes_count && i < SERVICES_MOST; i++) map[i] = same_service(from, i, to);
    for (uint32_t n = 0; n < o->conns.numbers.high; n++) {
        struct conn *c = &o->conns.at[n];
        if (!conn_lives(c)) continue;
        if (map[c->observe] == PBC_NONE)
            conn_remove(o, n, OBSERVE_WHY_REMOVED);
        else
            rename_conn(c, from, to, map, r);
    }
    for (uint32_t i = 0; i < from->observes_count && i < SERVICES_MOST; i++)
        if (map[i] != PBC_NONE) fresh->each[map[i]] = o->each[i];
    SWAP(o->each, fresh->each);
    o->p = to;
    observers_limits(o);
    SWAP(o->opens, fresh->opens);
    for (uint32_t i = 0; i < from->observes_count && i < SERVICES_MOST; i++)
        opening_move(o, fresh->opens[2 * (size_t)i]);
}

enum { COUNTER_LEVEL, COUNTER_COUNT };

static void counters_add(struct observe_counters *to, const struct observe_counters *more)
{
#define OBSERVE_COUNTER(field, kind, object, key, line, words, doc)                                                    \
    if (COUNTER_##kind == COUNTER_COUNT) to->field += more->field;
#include "vm/counter.def"
}

void observers_count_more(struct observers *o, const struct observe_counters *more, const struct observe_counters *each)
{
    counters_add(&o->counters, more);
    for (uint32_t i = 0; i < o->p->observes_count; i++) counters_add(&o->each[i], &each[i]);
}

/* ---- archive ---- */

static bool is_sound_half(const struct half *h)
{
    const bool none = h->dir == CHUNK_NONE;
    return h->next < UINT64_C(1) << 62 && h->back <= h->next && (h->next - h->back) % CHUNK_BYTES == 0 &&
           h->hole_bytes <= h->next && h->scale <= SCALE_UNKNOWN && h->count <= WINDOW_CHUNKS && (!none || !h->count) &&
           h->ahead <= WINDOW_BYTES && (none || (uint64_t)h->back + h->ahead <= WINDOW_BYTES);
}

/* True if a connection's archived fields, except its memory, are in bounds. */
static bool conn_is_sound(const struct observers *o, uint32_t n, uint32_t ifaces)
{
    const struct observed *all = &o->conns;
    const struct conn *c = &all->at[n];
    if (!conn_lives(c)) return true;
    if (!numbered_has(&all->numbers, c->slot, n) || c->observe >= o->p->observes_count) return false;
    const struct pbc_observe *s = &o->p->observes[c->observe];
    const bool chosen = c->does < PBC_DOES, over = c->flags & CONN_OVER;
    if (chosen ? c->choice < s->choices || c->choice - s->choices >= s->choice_count : c->choice != PBC_NONE)
        return false;
    return c->does <= PBC_DOES && !(c->holding & ~(HOLDING_LET | HOLDING_RESET | HOLDING_CUT)) &&
           (over || !(c->holding & HOLDING_RESET)) && c->state <= OBSERVE_CLOSES && c->why < OBSERVE_WHYS &&
           (c->iface == IFACE_NONE || c->iface == IFACE_OTHER || c->iface < ifaces) && is_sound_half(&c->half[0]) &&
           is_sound_half(&c->half[1]) && (!over || (chosen && !c->half[0].ahead && !c->half[1].ahead));
}

/* Write or read the chunks of a half. */
static void archive_window(struct observers *o, struct half *h, struct archive *a)
{
    uint32_t left = h->count;
    struct window w = half_window(h);
    if (a->reads) w.dir = CHUNK_NONE, w.count = 0;
    for (uint16_t at = 0; left && !a->bad; left--, at++) {
        uint8_t *bytes = NULL;
        while (!a->reads && at < WINDOW_CHUNKS && !window_chunk(&w, &o->chunks, w.low + at * (uint64_t)CHUNK_BYTES))
            at++;
        ARCHIVE(a, at);
        if (!archive_sound(a, at < WINDOW_CHUNKS)) break;
        const uint64_t here = w.low + at * (uint64_t)CHUNK_BYTES;
        struct chunk *p = a->reads ? window_keep(&w, &o->chunks, here) : window_chunk(&w, &o->chunks, here);
        if (!archive_sound(a, p)) break;
        bytes = (uint8_t *)p;
        archive_part(a, bytes, a->unordered ? offsetof(struct chunk, ends) : sizeof *p);
    }
    archive_sound(a, w.count == h->count);
    half_keep_window(h, &w);
}

static void archive_conn(struct observers *o, uint32_t n, struct archive *a, uint32_t ifaces)
{
    struct conn *c = &o->conns.at[n];
    uint32_t names = a->reads ? NAME_CHUNK_NONE : c->names;
    ARCHIVE(a, *c);
    if (a->reads) c->names = NAME_CHUNK_NONE, c->opening = CHUNK_NONE, c->held = 0;
    if (!archive_sound(a, conn_is_sound(o, n, ifaces)) || !conn_lives(c)) return;
    for (unsigned side = 0; side < OBSERVE_HALVES && !a->bad; side++) archive_window(o, &c->half[side], a);
    uint32_t *link = &c->names;
    for (unsigned i = 0; i <= NAMES_MOST / NAME_CHUNK_BYTES && !a->bad; i++) {
        uint8_t more = names != NAME_CHUNK_NONE;
        ARCHIVE(a, more);
        if (!more || !archive_sound(a, more == 1 && i < NAMES_MOST / NAME_CHUNK_BYTES)) break;
        if (a->reads) *link = name_chunk_take(&o->conns);
        if (!archive_sound(a, *link != NAME_CHUNK_NONE)) break;
        struct name_chunk *chunk = &o->conns.name_chunks[*link];
        ARCHIVE(a, chunk->bytes);
        link = &chunk->next;
        names = a->reads ? NAME_CHUNK_NONE : chunk->next;
    }
    if (a->reads) observers_due(o, n);
}

bool observers_archive(struct observers *o, struct pool *pool, struct archive *a, uint32_t ifaces)
{
    struct observed *all = &o->conns;
    struct numbered *numbers = &all->numbers;
    if (!keyed_archive(&numbers->index, a) || !stacks_archive(all->stacks, a)) return false;
    ARCHIVE(a, o->now_ns);
    ARCHIVE(a, o->ids);
    ARCHIVE(a, o->relief);
    if (!numbered_archive(numbers, a)) return false;
    ARCHIVE(a, all->victim);
    for (uint32_t n = 0; n < numbers->high && !a->bad; n++) archive_conn(o, n, a, ifaces);
    if (a->bad || !archive_sound(a, numbered_sound(numbers, numbers->live))) return false;
    for (uint32_t i = 0; i < o->p->observes_count && !a->bad; i++) opening_archive(o, i, a);
    if (!a->bad) holding_archive(o, pool, a);
    if (a->reads) observers_count(o);
    return !a->bad;
}
