/* Rows in two keyed tables. A row's word decides how soon it is replaced: first the number of notes, then the time
 * of the last one. */
#include "runtime/live/control/dropped/drop_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fnv.h"
#include "vm/keyed/keyed.h"

enum { TIME_BITS = 40 /* bits of the word that hold the time, in milliseconds */, NOTES_MOST = (1 << 24) - 1 };
#define KNOWN_WORD (UINT64_C(2) << TIME_BITS) /* least word of a row that was noted twice */

static_assert(sizeof(struct drop_key) % 8 == 0 && sizeof(struct drop_row) % 8 == 0, "whole words");

struct drop_table {
    struct keyed rows, others;
    struct drop_row rest; /* packets for which `others` has no room */
    uint64_t minute;      /* minute of the last sweep */
    unsigned newcomers;   /* rows that were noted once */
};

struct drop_table *drop_table_new(uint64_t seed)
{
    struct drop_table *t = calloc(1, sizeof *t);
    struct keyed_cfg cfg = {.most = DROP_ROWS,
                            .key_words = sizeof(struct drop_key) / 8,
                            .entry_bytes = sizeof(struct drop_row),
                            .seed = seed};
    bool fine = t && keyed_init(&t->rows, &cfg);
    cfg.most = DROP_OTHERS;
    fine = fine && keyed_init(&t->others, &cfg);
    if (fine) {
        t->rest.key.from = DROP_FROM_OTHERS;
        return t;
    }
    drop_table_free(t);
    return NULL;
}

void drop_table_free(struct drop_table *t)
{
    if (!t) return;
    keyed_fini(&t->rows);
    keyed_fini(&t->others);
    free(t);
}

static bool slot_is_taken(const struct keyed *k, uint32_t slot) { return k->tags[slot]; }
static uint32_t slots_of(const struct keyed *k) { return k->groups * GROUP; }

/* Bring a row to a minute: the minutes between are empty. */
static void row_turn(struct drop_row *r, uint64_t minute)
{
    if (minute <= r->minute) return;
    uint64_t from = r->minute + 1;
    if (minute - r->minute > DROP_MINUTES) from = minute - DROP_MINUTES + 1;
    for (uint64_t m = from; m <= minute; m++) {
        r->packets[m % DROP_MINUTES] = 0;
        r->scaled &= (uint16_t) ~(1u << m % DROP_MINUTES);
    }
    r->minute = minute;
}

/* Add a row's counts to another row. */
static void row_fold(struct drop_row *to, const struct drop_row *from)
{
    struct drop_row with = *from;
    row_turn(to, with.minute);
    row_turn(&with, to->minute);
    for (unsigned i = 0; i < DROP_MINUTES; i++) to->packets[i] += with.packets[i];
    to->scaled |= with.scaled;
    to->notes += with.notes;
    if (with.last_ns < to->last_ns) return;
    to->last_ns = with.last_ns;
    to->dst_port = with.dst_port;
    to->has_port = with.has_port;
}

static struct drop_key key_of_others(const struct drop_row *r)
{
    struct drop_key key = r->key;
    memset(key.src, 0, sizeof key.src);
    key.from = DROP_FROM_OTHERS;
    return key;
}

/* Return the row of that key, which is made if it is missing. NULL: no room. */
static struct drop_row *row_at(struct keyed *k, const struct drop_key *key, const char *by, uint32_t *slot)
{
    struct place at;
    keyed_place(k, key, k->key_words, &at);
    *slot = keyed_find(k, &at, key);
    if (*slot != KEYED_NONE) return keyed_at(k, *slot);
    *slot = keyed_add(k, &at, key);
    if (*slot == KEYED_NONE) return NULL;
    struct drop_row *r = keyed_at(k, *slot);
    memcpy(r->by, by, strnlen(by, sizeof r->by - 1));
    return r;
}

static void fold_into_others(struct drop_table *t, const struct drop_row *r)
{
    const struct drop_key key = key_of_others(r);
    struct place at;
    uint32_t slot;
    keyed_place(&t->others, &key, t->others.key_words, &at);
    const bool there = keyed_find(&t->others, &at, &key) != KEYED_NONE;
    struct drop_row *to = there || t->others.used < DROP_OTHERS ? row_at(&t->others, &key, r->by, &slot) : NULL;
    row_fold(to ? to : &t->rest, r);
}

static void row_leave(struct drop_table *t, uint32_t slot)
{
    t->newcomers -= *KEYED_WORD(&t->rows, slot) < KNOWN_WORD;
    keyed_drop(&t->rows, slot);
}

/* Make room for a newcomer. The search reads all 1,536 words, which takes about a microsecond. */
static void rows_make_room(struct drop_table *t)
{
    const uint64_t least = t->newcomers >= DROP_NEWCOMERS ? 0 : KNOWN_WORD;
    uint32_t lowest = KEYED_NONE;
    for (uint32_t i = 0; i < slots_of(&t->rows); i++) {
        const uint64_t word = t->rows.words[i];
        if (!slot_is_taken(&t->rows, i) || word < least) continue;
        if (lowest == KEYED_NONE || word < t->rows.words[lowest]) lowest = i;
    }
    fold_into_others(t, keyed_at(&t->rows, lowest));
    row_leave(t, lowest);
}

/* Once per minute, free rows whose last packet is older than the minutes kept. */
static void rows_sweep(struct drop_table *t, uint64_t minute)
{
    if (minute == t->minute) return;
    t->minute = minute;
    for (uint32_t i = 0; i < slots_of(&t->rows); i++) {
        const struct drop_row *r = keyed_at(&t->rows, i);
        if (slot_is_taken(&t->rows, i) && r->minute + DROP_MINUTES <= minute) row_leave(t, i);
    }
    for (uint32_t i = 0; i < slots_of(&t->others); i++) {
        const struct drop_row *r = keyed_at(&t->others, i);
        if (slot_is_taken(&t->others, i) && r->minute + DROP_MINUTES <= minute) keyed_drop(&t->others, i);
    }
}

void drop_table_add(struct drop_table *t, const struct drop_seen *s)
{
    const uint64_t minute = s->at_ns / DROP_MINUTE_NS;
    struct drop_key key = s->key;
    struct place at;
    uint32_t slot;
    key.by = (uint64_t)fnv_text(s->by) << 32 | fnv(s->by, strlen(s->by) / 2);
    rows_sweep(t, minute);
    keyed_place(&t->rows, &key, t->rows.key_words, &at);
    if (t->rows.used >= DROP_ROWS && keyed_find(&t->rows, &at, &key) == KEYED_NONE) rows_make_room(t);
    struct drop_row *r = row_at(&t->rows, &key, s->by, &slot), single = {.key = key};
    if (!r) { /* the key's two groups are full, though the table is not */
        memcpy(single.by, s->by, strnlen(s->by, sizeof single.by - 1));
        r = &single;
    }
    row_turn(r, minute);
    r->packets[r->minute % DROP_MINUTES] += s->stands;
    if (s->stands > 1) r->scaled |= (uint16_t)(1u << r->minute % DROP_MINUTES);
    r->last_ns = s->at_ns;
    r->dst_port = s->dst_port;
    r->has_port = s->has_port;
    r->notes++;
    if (r == &single) {
        fold_into_others(t, r);
        return;
    }
    const uint64_t notes = r->notes < NOTES_MOST ? r->notes : NOTES_MOST;
    if (notes == 1) t->newcomers++;
    if (notes == 2) t->newcomers--;
    *KEYED_WORD(&t->rows, slot) = notes << TIME_BITS | (s->at_ns / 1000000 & ((UINT64_C(1) << TIME_BITS) - 1));
}

/* True for a sender whose only note represents packets of uncertain origin. */
static bool row_is_vague(const struct drop_row *r) { return r->notes == 1 && r->scaled; }

static void row_tell(struct drop_told *to, unsigned *count, const struct drop_row *r)
{
    to[(*count)++] = (struct drop_told){.row = *r};
}

/* Add a vague row to the row of all other senders among the first rows reported. */
static void tell_vague(struct drop_told *to, unsigned *count, const struct drop_row *r)
{
    const struct drop_key key = key_of_others(r);
    unsigned i = 0;
    while (i < *count && memcmp(&to[i].row.key, &key, sizeof key)) i++;
    if (i == *count) {
        row_tell(to, count, r);
        to[i].row.key = key;
    } else {
        row_fold(&to[i].row, r);
    }
}

/* Sum up a row's counts in the requested minutes. */
static void told_sum(struct drop_told *told, uint64_t minute, unsigned minutes)
{
    struct drop_row *r = &told->row;
    row_turn(r, minute);
    told->packets = 0;
    for (uint64_t back = 0; back <= minutes && back < DROP_MINUTES && back <= minute; back++) {
        const unsigned at = (unsigned)((minute - back) % DROP_MINUTES);
        told->packets += r->packets[at];
        told->scaled |= r->scaled >> at & 1;
    }
}

static int told_compare(const void *a, const void *b)
{
    const struct drop_told *x = a, *y = b;
    if (x->packets != y->packets) return x->packets < y->packets ? 1 : -1;
    return x->row.last_ns < y->row.last_ns ? 1 : x->row.last_ns > y->row.last_ns ? -1 : 0;
}

unsigned drop_table_tell(struct drop_table *t, uint64_t now_ns, unsigned minutes, struct drop_told *to)
{
    const uint64_t minute = now_ns / DROP_MINUTE_NS;
    unsigned count = 0, kept = 0;
    rows_sweep(t, minute);
    for (uint32_t i = 0; i < slots_of(&t->others); i++)
        if (slot_is_taken(&t->others, i)) row_tell(to, &count, keyed_at(&t->others, i));
    row_tell(to, &count, &t->rest);
    for (uint32_t i = 0; i < slots_of(&t->rows); i++) {
        const struct drop_row *r = keyed_at(&t->rows, i);
        if (slot_is_taken(&t->rows, i) && row_is_vague(r)) tell_vague(to, &count, r);
    }
    for (uint32_t i = 0; i < slots_of(&t->rows); i++) {
        const struct drop_row *r = keyed_at(&t->rows, i);
        if (slot_is_taken(&t->rows, i) && !row_is_vague(r)) row_tell(to, &count, r);
    }
    for (unsigned i = 0; i < count; i++) {
        told_sum(&to[i], minute, minutes);
        if (to[i].packets) to[kept++] = to[i];
    }
    qsort(to, kept, sizeof *to, told_compare);
    return kept;
}
