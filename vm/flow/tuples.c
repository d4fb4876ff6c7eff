/* Tuples of inline connections: storing them, and making them from a packet */
#include "vm/flow/tuples.h"

#include <assert.h>
#include <string.h>

#include "vm/packet/key.h"
#include "vm/packet/parse/fragment.h"

static_assert((int)TAGS_MOST == (int)INLINE_TAGS, "a frame's tags fit");

/* True if a packet's source comes before its destination, by address, then port */
static bool is_in_order(const struct key *key)
{
    for (unsigned i = 0; i < 4; i++)
        if (key->src[i] != key->dst[i]) return key->src[i] < key->dst[i];
    return key->src_port < key->dst_port;
}

void inline_tuple_of(const struct pkt *pkt, const struct key *key, struct inline_tuple *t)
{
    const bool in_order = is_in_order(key);
    *t = (struct inline_tuple){.a_port = in_order ? key->src_port : key->dst_port,
                               .b_port = in_order ? key->dst_port : key->src_port,
                               .live = 1,
                               .v6 = (key->kind & KIND_IP6) != 0};
    memcpy(t->a, in_order ? key->src : key->dst, sizeof t->a);
    memcpy(t->b, in_order ? key->dst : key->src, sizeof t->b);
    t->tag_count = (uint8_t)tags_read(pkt, t->tags);
}

void inline_share_drop(const struct inline_share *s, uint32_t number, unsigned which)
{
    if (s->all && number < s->most) __atomic_store_n(&s->all->at[number][which].live, 0, __ATOMIC_RELEASE);
}

void inline_share_put(const struct inline_share *s, uint32_t number, unsigned which, const struct inline_tuple *t)
{
    if (!s->all || number >= s->most) return;
    struct inline_tuple *to = &s->all->at[number][which];
    *to = *t;
    to->live = 0;
    __atomic_store_n(&to->live, 1, __ATOMIC_RELEASE);
    if (number >= s->all->high) __atomic_store_n(&s->all->high, number + 1, __ATOMIC_RELEASE);
}
