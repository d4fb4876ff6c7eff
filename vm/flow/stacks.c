/* VLAN stacks as small numbers, see stacks.h: a table of chains over counted entries. */
#include "vm/flow/stacks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vm/flow/hash.h"
#include "vm/packet/parse/fragment.h"
#include "vm/packet/parse/header.h"

enum { COUNTED_AT = 1 + VLAN_VID + 1, COUNTED = STACK_MOST - COUNTED_AT, NO_ENTRY = 0 };
static_assert(COUNTED_AT == 4097 && STACK_MOST < STACK_UNKNOWN && (int)STACK_TAGS == VLAN_TAGS_MOST, "ids by range");

struct stack {
    uint32_t count, refs;     /* tags; flows */
    uint32_t tag[STACK_TAGS]; /* TPID above VID, outermost first */
};

/* Entries are numbered from 1; 0 ends a chain. */
struct stacks {
    struct stack entry[COUNTED + 1];
    uint16_t next[COUNTED + 1]; /* of the same chain, or of those that are free again */
    uint16_t first[COUNTED];    /* by hash */
    uint16_t spare, used;       /* free again; the highest that was ever used */
    uint64_t secret[2];
};

struct stacks *stacks_new(uint64_t seed)
{
    struct stacks *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->secret[0] = hash_draw(&seed);
    s->secret[1] = hash_draw(&seed) | 1;
    return s;
}

void stacks_free(struct stacks *s) { free(s); }

static void read_stack(const struct pkt *pkt, struct stack *k) { k->count = tags_read(pkt, k->tag); }

static bool is_plain(const struct stack *k) { return k->count == 1 && k->tag[0] >> 16 == ETHER_VLAN; }
static uint16_t plain_id(const struct stack *k) { return (uint16_t)(1 + (k->tag[0] & VLAN_VID)); }

/* Folded multiplications, a tag after the other (as in Wang Yi's wyhash). */
static uint32_t chain_of(const struct stacks *s, const struct stack *k)
{
    uint64_t h = s->secret[0] ^ k->count;
    for (unsigned i = 0; i < k->count; i++) {
        hash_sum product = (hash_sum)(h ^ k->tag[i]) * s->secret[1];
        h = ((uint64_t)product ^ (uint64_t)(product >> 64)) + h;
    }
    return (uint32_t)(h >> 32) % COUNTED;
}

static bool same(const struct stack *a, const struct stack *b)
{
    return a->count == b->count && memcmp(a->tag, b->tag, a->count * sizeof a->tag[0]) == 0;
}

static uint16_t entry_of(const struct stacks *s, uint32_t chain, const struct stack *k)
{
    uint16_t e = s->first[chain];
    while (e != NO_ENTRY && !same(&s->entry[e], k)) e = s->next[e];
    return e;
}

static uint16_t id_of(uint16_t entry) { return (uint16_t)(COUNTED_AT - 1 + entry); }

uint16_t stack_of(const struct stacks *s, const struct pkt *pkt)
{
    if (!(pkt->tag_count | pkt->tags_in_frame)) return 0;
    struct stack k;
    read_stack(pkt, &k);
    if (is_plain(&k)) return plain_id(&k);
    const uint16_t e = entry_of(s, chain_of(s, &k), &k);
    return e == NO_ENTRY ? STACK_UNKNOWN : id_of(e);
}

static uint16_t new_entry(struct stacks *s)
{
    const uint16_t e = s->spare;
    if (e == NO_ENTRY) return s->used < COUNTED ? ++s->used : NO_ENTRY;
    s->spare = s->next[e];
    return e;
}

uint16_t stack_take(struct stacks *s, const struct pkt *pkt)
{
    if (!(pkt->tag_count | pkt->tags_in_frame)) return 0;
    struct stack k;
    read_stack(pkt, &k);
    if (is_plain(&k)) return plain_id(&k);
    const uint32_t chain = chain_of(s, &k);
    uint16_t e = entry_of(s, chain, &k);
    if (e == NO_ENTRY) {
        e = new_entry(s);
        if (e == NO_ENTRY) return STACK_UNKNOWN;
        k.refs = 0;
        s->entry[e] = k;
        s->next[e] = s->first[chain];
        s->first[chain] = e;
    }
    s->entry[e].refs++;
    return id_of(e);
}

static struct stack *counted(struct stacks *s, uint16_t id)
{
    return id >= COUNTED_AT && id < STACK_MOST ? &s->entry[id - COUNTED_AT + 1] : NULL;
}

void stack_put(struct stacks *s, uint16_t id)
{
    struct stack *k = counted(s, id);
    if (!k || k->refs == 0 || --k->refs) return;
    const uint16_t e = (uint16_t)(k - s->entry);
    uint16_t *link = &s->first[chain_of(s, k)];
    while (*link != e) link = &s->next[*link];
    *link = s->next[e];
    s->next[e] = s->spare;
    s->spare = e;
}

unsigned stack_tags(const struct stacks *s, uint16_t id, struct stack_tag tags[STACK_TAGS])
{
    if (id == 0 || id >= STACK_MOST) return 0;
    if (id < COUNTED_AT) {
        tags[0] = (struct stack_tag){.tpid = ETHER_VLAN, .vid = (uint16_t)(id - 1)};
        return 1;
    }
    const struct stack *k = &s->entry[id - COUNTED_AT + 1];
    if (k->refs == 0) return 0;
    for (unsigned i = 0; i < k->count; i++)
        tags[i] = (struct stack_tag){.tpid = (uint16_t)(k->tag[i] >> 16), .vid = (uint16_t)k->tag[i]};
    return k->count;
}
