/* The tuple of an inline connection, as one of its packets has it */
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
