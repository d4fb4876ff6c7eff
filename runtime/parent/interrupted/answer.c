/* Tuples are sorted, and searched for each segment that comes in */
#include "runtime/parent/interrupted/answer.h"

#include <stdlib.h>
#include <string.h>

#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/pkt.h"
#include "vm/packet/reply/frame.h"

enum { SLOTS = 2, SLOT_BYTES = 2048 };

struct interrupted {
    struct inline_tuple *all; /* tuples, sorted */
    size_t count;
    struct pool *pool;
};

static int tuple_compare(const void *a, const void *b) { return memcmp(a, b, sizeof(struct inline_tuple)); }

struct interrupted *interrupted_new(struct inline_tuple *all, size_t count)
{
    struct interrupted *i = calloc(1, sizeof *i);
    struct pool *pool = pool_new(SLOTS, SLOT_BYTES);
    if (!i || !pool) {
        free(i);
        free(pool);
        free(all);
        return NULL;
    }
    if (count) qsort(all, count, sizeof *all, tuple_compare);
    *i = (struct interrupted){all, count, pool};
    return i;
}

void interrupted_free(struct interrupted *i)
{
    free(i->all);
    free(i->pool);
    free(i);
}

struct pkt *interrupted_answer(struct interrupted *i, const uint8_t *frame, uint32_t len, uint32_t wire_len)
{
    static const struct facts none;
    struct pkt pkt, *rst = NULL;
    struct key key;
    struct inline_tuple t;
    pkt_view(&pkt, frame, len, wire_len, LINK_ETHER, IFACE_NONE);
    if (pkt_parse(&pkt, &none, &key) || !(key.kind & KIND_TCP_FLAGS)) return NULL;
    /* A bare SYN isn't a segment of such a connection, because it opens another */
    if ((key.marks & (TCP_SYN | TCP_ACK)) == TCP_SYN) return NULL;
    inline_tuple_of(&pkt, &key, &t);
    if (!i->count || !bsearch(&t, i->all, i->count, sizeof t, tuple_compare)) return NULL;
    return build_rst(&pkt, &key, i->pool, &rst) ? NULL : rst;
}
