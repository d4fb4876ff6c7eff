/* VLAN stacks as small numbers, see stacks.h: a keyed table from a stack to its counted entry */
#include "vm/flow/stacks.h"

#include <assert.h>

#include "vm/keyed/keyed.h"
#include "vm/packet/parse/fragment.h"
#include "vm/packet/parse/header.h"

enum { COUNTED_AT = 1 + VLAN_VID + 1, COUNTED = STACK_MOST - COUNTED_AT, NO_ENTRY = 0 };
static_assert(COUNTED_AT == 4097 && STACK_MOST < STACK_UNKNOWN && (int)STACK_TAGS == VLAN_TAGS_MOST, "ids by range");

struct stack {
    uint32_t count;
    uint32_t tag[STACK_TAGS]; /* TPID above VID, outermost first; zero past `count` */
    uint32_t reserved;
};
enum { KEY_WORDS = sizeof(struct stack) / 8 };
static_assert(sizeof(struct stack) % 8 == 0, "hashed by words");

/* Entries are numbered from 1; the word of a slot is its entry. */
struct stacks {
    struct keyed table;
    uint32_t slot[COUNTED + 1], refs[COUNTED + 1]; /* by entry; refs: number of flows, 0: free */
    uint16_t next[COUNTED + 1];                    /* list of free entries */
    uint16_t spare, used;                          /* first free entry; highest entry ever used */
};
static_assert(offsetof(struct stacks, table) == 0, "keyed_owner_new");

struct stacks *stacks_new(uint64_t seed)
{
    return keyed_owner_new(sizeof(struct stacks), &(struct keyed_cfg){.most = COUNTED,
                                                                      .key_words = KEY_WORDS,
                                                                      .entry_bytes = sizeof(struct stack),
                                                                      .seed = seed});
}

void stacks_free(struct stacks *s) { keyed_owner_free(s); }

/* Return the slot of a stack, or KEYED_NONE. */
static uint32_t stack_find(const struct stacks *s, const struct stack *k, struct place *at)
{
    keyed_place(&s->table, k, (1 + k->count + 1) / 2, at);
    return keyed_find(&s->table, at, k);
}

static uint16_t id_of_entry(uint16_t entry) { return (uint16_t)(COUNTED_AT - 1 + entry); }

/* Make an entry for a stack that has none; NO_ENTRY: all are in use. */
static uint16_t new_entry(struct stacks *s, const struct place *at, const struct stack *k)
{
    const uint16_t e = s->spare != NO_ENTRY ? s->spare : s->used < COUNTED ? (uint16_t)(s->used + 1) : NO_ENTRY;
    const uint32_t slot = e == NO_ENTRY ? KEYED_NONE : keyed_add(&s->table, at, k);
    if (slot == KEYED_NONE) return NO_ENTRY;
    if (e == s->spare)
        s->spare = s->next[e];
    else
        s->used = e;
    s->table.words[slot] = e;
    s->slot[e] = slot;
    return e;
}

/* Read the stack of a packet. True if it needs a counted entry; otherwise *id follows from its tags. */
static bool is_counted(const struct pkt *pkt, struct stack *k, uint16_t *id)
{
    *id = 0;
    if (!is_tagged(pkt)) return false;
    *k = (struct stack){0};
    k->count = tags_read(pkt, k->tag);
    *id = (uint16_t)(1 + (k->tag[0] & VLAN_VID));
    return k->count != 1 || k->tag[0] >> 16 != ETHER_VLAN;
}

uint16_t stack_of(const struct stacks *s, const struct pkt *pkt)
{
    _Alignas(uint64_t) struct stack k;
    struct place at;
    uint16_t id;
    if (!is_counted(pkt, &k, &id)) return id;
    const uint32_t slot = stack_find(s, &k, &at);
    return slot == KEYED_NONE ? STACK_UNKNOWN : id_of_entry((uint16_t)s->table.words[slot]);
}

uint16_t stack_take(struct stacks *s, const struct pkt *pkt)
{
    _Alignas(uint64_t) struct stack k;
    struct place at;
    uint16_t id;
    if (!is_counted(pkt, &k, &id)) return id;
    const uint32_t slot = stack_find(s, &k, &at);
    const uint16_t e = slot == KEYED_NONE ? new_entry(s, &at, &k) : (uint16_t)s->table.words[slot];
    if (e == NO_ENTRY) return STACK_UNKNOWN;
    s->refs[e]++;
    return id_of_entry(e);
}

/* Return the entry of an id; NO_ENTRY: it has none. */
static uint16_t entry_of_id(uint16_t id)
{
    return id < COUNTED_AT || id >= STACK_MOST ? NO_ENTRY : (uint16_t)(id - COUNTED_AT + 1);
}

uint16_t stack_again(struct stacks *s, uint16_t id)
{
    const uint16_t e = entry_of_id(id);
    if (e != NO_ENTRY && s->refs[e]) s->refs[e]++;
    return id;
}

uint16_t stack_move(struct stacks *s, const struct stacks *from, uint16_t id)
{
    _Alignas(uint64_t) struct stack k;
    struct place at;
    const uint16_t was = entry_of_id(id);
    if (was == NO_ENTRY) return id;
    if (!from->refs[was]) return STACK_UNKNOWN;
    k = *(const struct stack *)keyed_at(&from->table, from->slot[was]);
    const uint32_t slot = stack_find(s, &k, &at);
    const uint16_t e = slot == KEYED_NONE ? new_entry(s, &at, &k) : (uint16_t)s->table.words[slot];
    if (e == NO_ENTRY) return STACK_UNKNOWN;
    s->refs[e]++;
    return id_of_entry(e);
}

void stack_put(struct stacks *s, uint16_t id)
{
    const uint16_t e = entry_of_id(id);
    if (e == NO_ENTRY) return;
    if (s->refs[e] == 0 || --s->refs[e]) return;
    keyed_drop(&s->table, s->slot[e]);
    s->slot[e] = KEYED_NONE;
    s->next[e] = s->spare;
    s->spare = e;
}

/* Write or read the list of free entries, each once, in order. */
static void archive_spare(struct stacks *s, struct archive *a)
{
    uint16_t e = s->spare, *last = &s->spare;
    for (uint32_t n = 0; n <= COUNTED; n++, e = s->next[e]) {
        ARCHIVE(a, e);
        if (!archive_sound(a, e <= s->used && (!e || !s->refs[e]))) return;
        if (e && a->reads && !archive_sound(a, s->slot[e] != KEYED_NONE)) return;
        if (e) s->slot[e] = KEYED_NONE;
        if (!a->reads && !e) return;
        *last = e;
        last = &s->next[e];
        if (!e) return;
    }
}

bool stacks_archive(struct stacks *s, struct archive *a)
{
    keyed_archive(&s->table, a);
    ARCHIVE(a, s->used);
    archive_sound(a, s->used <= COUNTED);
    for (uint32_t slot = 0; s->table.used && slot < s->table.groups * GROUP && !a->bad; slot++) {
        if (!s->table.tags[slot]) continue;
        const uint64_t e = s->table.words[slot];
        const struct stack *k = keyed_at(&s->table, slot);
        if (!archive_sound(a, e && e <= s->used && k->count <= STACK_TAGS)) break;
        if (!archive_sound(a, !s->refs[e])) break;
        ARCHIVE(a, s->refs[e]);
        archive_sound(a, s->refs[e]);
        s->slot[e] = slot;
    }
    if (!a->bad) archive_spare(s, a);
    return !a->bad;
}

unsigned stack_tags(const struct stacks *s, uint16_t id, struct stack_tag tags[STACK_TAGS])
{
    if (id == 0 || id >= STACK_MOST) return 0;
    if (id < COUNTED_AT) {
        tags[0] = (struct stack_tag){.tpid = ETHER_VLAN, .vid = (uint16_t)(id - 1)};
        return 1;
    }
    const uint32_t e = id - COUNTED_AT + 1u;
    if (s->refs[e] == 0) return 0;
    const struct stack *k = keyed_at(&s->table, s->slot[e]);
    for (unsigned i = 0; i < k->count; i++)
        tags[i] = (struct stack_tag){.tpid = (uint16_t)(k->tag[i] >> 16), .vid = (uint16_t)k->tag[i]};
    return k->count;
}
