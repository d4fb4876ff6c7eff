/* See heard.h. */
#include "runtime/exchange/heard/heard.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/grown.h"

static_assert(HEARD_RECENT == 256 && HEARD_WORDS < UINT16_MAX, "numbers of eight bits, and of sixteen");

enum { ROWS_MOST = 1 << 20 /* rows of a step; a batch asks for some thousands at most */ };

static unsigned addr_words(bool v6) { return v6 ? 4 : 1; }

/* Mix a question into some bits. A sender who chooses addresses that collide causes only longer tapes. */
static unsigned question_mix(uint32_t live, const uint32_t addr[4], bool v6)
{
    uint32_t h = live * 0x9e3779b1u;
    for (unsigned i = 0; i < addr_words(v6); i++) h = (h ^ addr[i]) * 0x85ebca6bu;
    return h >> 24;
}

/* Return the entry at that word if it gives that answer to that question, or NULL. */
static struct heard_entry *same_answer(struct heard_answers *h, unsigned at, const struct heard_entry *e,
                                       const uint32_t addr[4], unsigned words)
{
    struct heard_entry *const was = (void *)&h->words[at];
    const bool same = was->live == e->live && was->how == e->how && was->times < UINT16_MAX;
    return same && !memcmp(&h->words[at + 1], addr, words * sizeof *addr) ? was : NULL;
}

static bool heard_note(void *arg, uint32_t live, const uint32_t addr[4], bool v6, bool held)
{
    struct heard_answers *const h = arg;
    const struct heard_entry e = {
        .live = (uint8_t)live, .how = (uint8_t)((held ? HEARD_HELD : 0) | (v6 ? HEARD_IP6 : 0)), .times = 1};
    const unsigned words = addr_words(v6), at = question_mix(live, addr, v6);
    struct heard_entry *const was = h->recent[at] ? same_answer(h, h->recent[at] - 1u, &e, addr, words) : NULL;
    if (was) {
        was->times++;
        return held;
    }
    if (h->used + 1 + words > HEARD_WORDS) h->full(h->arg, h);
    h->recent[at] = (uint16_t)(h->used + 1);
    memcpy(&h->words[h->used], &e, sizeof e);
    memcpy(&h->words[h->used + 1], addr, words * sizeof *addr);
    h->used += 1 + words;
    h->count++;
    return held;
}

void heard_init(struct heard_answers *h, void (*full)(void *arg, struct heard_answers *h), void *arg)
{
    h->ear = (struct lives_ear){heard_note, h};
    h->full = full;
    h->arg = arg;
    heard_clear(h);
}

void heard_clear(struct heard_answers *h)
{
    h->used = h->count = 0;
    memset(h->recent, 0, sizeof h->recent);
}

/* Return the place of a question, or the free one where it would be. At least half of the places are free. */
static uint32_t question_place(const struct heard_again *h, uint32_t live, const uint32_t addr[4], bool v6)
{
    const uint32_t most = 2 * h->count;
    const uint64_t question[] = {live, (uint64_t)v6 << 32 | addr[0], v6 ? (uint64_t)addr[1] << 32 | addr[2] : 0,
                                 v6 ? addr[3] : 0};
    uint32_t at = (uint32_t)(hash_words(&h->hash, question, 4) % most);
    for (; h->places[at]; at = (at + 1) % most) {
        const struct heard_row *r = &h->rows[h->places[at] - 1];
        if (r->live == live && !(r->how & HEARD_IP6) == !v6 && !memcmp(r->addr, addr, addr_words(v6) * sizeof *addr))
            break;
    }
    return at;
}

/* Fill in the places. Rows are taken from the last to the first, so that the first row of each question is found. */
static void rows_place(struct heard_again *h)
{
    memset(h->places, 0, 2 * (size_t)h->count * sizeof *h->places);
    for (uint32_t i = h->count; i; i--) {
        struct heard_row *r = &h->rows[i - 1];
        const uint32_t at = question_place(h, r->live, r->addr, r->how & HEARD_IP6);
        r->next = h->places[at];
        h->places[at] = i;
    }
    h->placed = true;
}

static bool heard_give(void *arg, uint32_t live, const uint32_t addr[4], bool v6, bool held)
{
    struct heard_again *const h = arg;
    const uint32_t known = h->same ? h->same[live] : live;
    (void)held; /* the sets of a replay have no members */
    if (known == PBC_NONE || !h->count) {
        h->missing++;
        return false;
    }
    if (!h->placed) rows_place(h);
    const uint32_t at = question_place(h, known, addr, v6);
    if (!h->places[at]) {
        h->missing++;
        return false;
    }
    struct heard_row *const r = &h->rows[h->places[at] - 1];
    /* The last answer still applies to repeated questions: another processor may find rules in another order. */
    if (r->times > 1)
        r->times--;
    else if (r->next)
        h->places[at] = r->next;
    return r->how & HEARD_HELD;
}

void heard_again_init(struct heard_again *h, uint64_t seed)
{
    *h = (struct heard_again){.ear = {heard_give, h}};
    hash_key_init(&h->hash, seed);
}

void heard_again_fini(struct heard_again *h)
{
    free(h->rows);
    free(h->places);
    *h = (struct heard_again){0};
}

void heard_again_clear(struct heard_again *h)
{
    h->count = 0;
    h->placed = false;
}

/* Add a row. False: out of memory. */
static bool row_add(struct heard_again *h, const struct heard_row *r)
{
    const uint32_t had = h->room;
    if (!grow(&h->rows, h->count, &h->room, 64, sizeof *h->rows)) return false;
    if (h->room != had) {
        uint32_t *more = realloc(h->places, 2 * (size_t)h->room * sizeof *more);
        if (!more) {
            h->room = had; /* the rows that are there have places */
            return false;
        }
        h->places = more;
    }
    h->rows[h->count++] = *r;
    return true;
}

int heard_again_add(struct heard_again *h, const uint8_t *bytes, size_t len, uint64_t count)
{
    h->placed = false;
    for (; count; count--) {
        struct heard_entry e;
        struct heard_row r = {0};
        if (len < sizeof e || h->count == ROWS_MOST) return -EINVAL;
        memcpy(&e, bytes, sizeof e);
        const size_t addr = addr_words(e.how & HEARD_IP6) * sizeof *r.addr;
        if (e.live >= PBC_LIVES_MAX || e.how > (HEARD_HELD | HEARD_IP6) || !e.times || len - sizeof e < addr)
            return -EINVAL;
        memcpy(r.addr, bytes + sizeof e, addr);
        r.live = e.live, r.how = e.how, r.times = e.times;
        if (!row_add(h, &r)) return -ENOMEM;
        bytes += sizeof e + addr;
        len -= sizeof e + addr;
    }
    return len < 8 ? 0 : -EINVAL;
}
