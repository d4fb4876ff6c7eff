/* Connections by number and by tuple, see numbered.h */
#include "vm/keyed/numbered.h"

#include "vm/keyed/large.h"

static size_t due_bytes(const struct numbered *t) { return (size_t)t->most * sizeof *t->due_s; }
static size_t all_bytes(const struct numbered *t) { return (size_t)t->most * t->bytes; }

bool numbered_init(struct numbered *t, const struct numbered_cfg *cfg)
{
    *t = (struct numbered){.bytes = cfg->bytes, .link = cfg->link, .spare = NUMBER_NONE};
    if (!keyed_init(&t->index,
                    &(struct keyed_cfg){.most = cfg->most * cfg->tuples,
                                        .key_words = ENDS_WORDS,
                                        .entry_bytes = sizeof(struct ends) + (cfg->behind ? sizeof(uint64_t) : 0),
                                        .seed = cfg->seed}))
        return false;
    t->most = (uint32_t)cfg->most;
    t->at = large_sparse(all_bytes(t));
    t->due_s = large_sparse(due_bytes(t));
    return t->at && t->due_s;
}

void numbered_fini(struct numbered *t)
{
    if (t->at) large_sparse_free(t->at, all_bytes(t));
    if (t->due_s) large_sparse_free(t->due_s, due_bytes(t));
    keyed_fini(&t->index);
}

/* Return the place in which a free number has the next free number. */
static uint32_t *link_of(const struct numbered *t, uint32_t number)
{
    return (uint32_t *)((uint8_t *)t->at + number * t->bytes + t->link);
}

uint32_t numbered_add(struct numbered *t, const struct ends *e, const struct place *at, uint32_t number)
{
    const uint32_t slot = keyed_add(&t->index, at, e);
    if (slot != KEYED_NONE) *numbered_word(t, slot) = number;
    return slot;
}

uint32_t numbered_begin(struct numbered *t, const struct ends *e, const struct place *at, uint32_t *slot)
{
    const bool again = t->spare != NUMBER_NONE;
    const uint32_t n = again ? t->spare : t->high;
    *slot = n < t->most ? numbered_add(t, e, at, n) : KEYED_NONE;
    if (*slot == KEYED_NONE) return NUMBER_NONE;
    if (again)
        t->spare = *link_of(t, n);
    else
        t->high++;
    t->live++;
    return n;
}

void numbered_end(struct numbered *t, uint32_t number)
{
    *link_of(t, number) = t->spare;
    t->spare = number;
    t->due_s[number] = 0;
    t->live--;
}

bool numbered_archive(struct numbered *t, struct archive *a)
{
    ARCHIVE(a, t->high);
    ARCHIVE(a, t->spare);
    ARCHIVE(a, t->live);
    ARCHIVE(a, t->hand);
    return archive_sound(a, t->high <= t->most && t->hand <= t->high);
}

bool numbered_has(const struct numbered *t, uint32_t slot, uint32_t number)
{
    return slot < t->index.groups * (uint32_t)GROUP && t->index.tags[slot] && *numbered_word(t, slot) == number;
}

bool numbered_sound(const struct numbered *t, uint32_t tuples)
{
    uint32_t live = 0, spare = 0;
    for (uint32_t n = 0; n < t->high; n++) live += t->due_s[n] != 0;
    for (uint32_t n = t->spare; n != NUMBER_NONE; n = *link_of(t, n))
        if (n >= t->high || t->due_s[n] || ++spare > t->high - live) return false;
    return live == t->live && spare == t->high - live && tuples == t->index.used;
}
