/* Later IP fragments of watched segments. What they carry is not put into the stream, but it is known to lie there: a
 * hole, also if nobody acknowledges it. The newest first fragments of a worker are remembered. */
#include <string.h>

#include "vm/observe/observers_priv.h"

void later_expect(struct observers *o, const struct conn *c, enum observe_half side, const struct observe_packet *s)
{
    struct first_fragment *f = &o->fragments[o->fragments_at++ % FRAGMENTS_MOST];
    *f = (struct first_fragment){.number = c->number,
                                 .place = conn_place(o, c),
                                 .id = s->fragment,
                                 .zero = s->zero,
                                 .side = (uint8_t)side,
                                 .v6 = (s->key.kind & KIND_IP6) != 0};
    memcpy(f->src, s->key.src, sizeof f->src);
    memcpy(f->dst, s->key.dst, sizeof f->dst);
}

/* Return the first fragment of a later one's datagram; NULL: it is not remembered. */
static const struct first_fragment *first_of(const struct observers *o, const struct key *key, uint32_t id)
{
    const bool v6 = (key->kind & KIND_IP6) != 0;
    for (unsigned i = 1; i <= FRAGMENTS_MOST; i++) {
        const struct first_fragment *f = &o->fragments[(o->fragments_at - i) % FRAGMENTS_MOST];
        if (f->number && f->id == id && f->v6 == v6 && memcmp(f->src, key->src, sizeof f->src) == 0 &&
            memcmp(f->dst, key->dst, sizeof f->dst) == 0)
            return f;
    }
    return NULL;
}

void observers_see_later(struct observers *o, const struct key *key, const struct fragment *later)
{
    const struct first_fragment *f = first_of(o, key, later->id);
    struct conn *c = f && f->place < o->conns.high ? &o->conns.at[f->place] : NULL;
    if (!c || !conn_lives(c) || c->number != f->number || c->flags & CONN_OVER) return;
    COUNT(o, c, fragments, 1);
    half_lies_ahead(&c->half[f->side], f->zero + later->offset + later->bytes);
}
