/* Owners of a datagram's fragments, see owner.h: a keyed table whose words are the arrival times of first fragments */
#include <string.h>

#include "vm/flow/fragments/frag.h"
#include "vm/keyed/keyed.h"
#include "vm/packet/parse/fragment.h"
#include "vm/packet/pkt.h"
#include "vm/worker/owner.h"

struct datagram {
    _Alignas(uint64_t) uint32_t src[4];
    uint32_t dst[4], id, kind;
    uint64_t owner;
};
enum { DATAGRAM_WORDS = 5 };
static_assert(offsetof(struct datagram, owner) == DATAGRAM_WORDS * 8, "a key of whole words");

struct datagrams {
    struct keyed table; /* word of each entry: arrival time of the first fragment */
};
static_assert(offsetof(struct datagrams, table) == 0, "keyed_owner_new");

struct datagrams *datagrams_new(const struct program *p, uint64_t seed)
{
    return keyed_owner_new(sizeof(struct datagrams), &(struct keyed_cfg){.most = frags_most(p),
                                                                         .key_words = DATAGRAM_WORDS,
                                                                         .entry_bytes = sizeof(struct datagram),
                                                                         .seed = seed});
}

void datagrams_free(struct datagrams *d) { keyed_owner_free(d); }

unsigned datagram_owner(struct datagrams *d, const struct owners *o, const struct facts *facts, struct pkt *pkt,
                        uint64_t now_ns)
{
    struct key key;
    struct fragment f;
    struct place at;
    if (pkt_parse(pkt, facts, &key) != REASON_NONE || !fragment_read(pkt, &key, &f)) return 0;
    struct datagram mine = {.id = f.id, .kind = key.kind & KIND_IP4 ? 4u | (uint32_t)key.proto << 8 : 6u};
    memcpy(mine.src, key.src, sizeof mine.src);
    memcpy(mine.dst, key.dst, sizeof mine.dst);
    keyed_place(&d->table, &mine, DATAGRAM_WORDS, &at);
    uint32_t slot = keyed_find(&d->table, &at, &mine);
    if (key.kind & KIND_FRAG_FIRST) {
        const unsigned owner = owner_of_whole(o, facts, pkt, &key);
        /* if both groups are full, the oldest entry makes room */
        if (slot == KEYED_NONE) slot = keyed_add(&d->table, &at, &mine);
        if (slot == KEYED_NONE) {
            keyed_drop(&d->table, keyed_lowest(&d->table, &at));
            slot = keyed_add(&d->table, &at, &mine);
        }
        ((struct datagram *)keyed_at(&d->table, slot))->owner = owner;
        d->table.words[slot] = now_ns;
        return owner;
    }
    if (slot == KEYED_NONE || now_ns >= time_after(d->table.words[slot], FRAG_KEEP_NS)) return VM_OWNER_UNKNOWN;
    return (unsigned)((const struct datagram *)keyed_at(&d->table, slot))->owner;
}
