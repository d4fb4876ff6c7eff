/* Later pieces of a datagram that the host sends follow their first (piece.h). */
#include "vm/judge/decided.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/judge/piece.h"
#include "vm/packet/parse/bytes.c"
#include "vm/packet/parse/fragment.c"

extern char map_pieces;

static inline bool name_piece(const struct kpkt *k, struct kernel_piece *piece)
{
    const struct key *key = &k->key;
    struct fragment f;
    if (!fragment_read(&k->pkt, key, &f)) return false;
    *piece = (struct kernel_piece){.id = f.id, .ifindex = k->ifindex};
    for (unsigned i = 0; i < 4; i++) {
        piece->src[i] = key->src[i];
        piece->dst[i] = key->dst[i];
    }
    piece->family = key->kind & KIND_IP4 ? 4 : 6;
    if (key->kind & KIND_IP4) piece->proto = key->proto;
    return true;
}

/* The first piece was judged. */
GLOBAL uint64_t kernel_piece_keep(struct kpkt *k NONNULL)
{
    struct kernel_piece piece;
    const struct kernel_piece_decided decided = {.decision = k->decision, .program = k->program};
    if (name_piece(k, &piece)) bpf_map_update_elem(&map_pieces, &piece, &decided, BPF_ANY);
    return 0;
}

/* A later one: it is decided as its first was, by nobody of this program where that was another's. One whose first is
 * not known is dropped. */
GLOBAL uint64_t kernel_piece_follow(struct kpkt *k NONNULL)
{
    struct kernel_piece piece;
    const struct kernel_piece_decided *first = name_piece(k, &piece) ? bpf_map_lookup_elem(&map_pieces, &piece) : NULL;
    if (!first) {
        k->pkt.reason = REASON_FRAGMENT_ORPHAN;
        return 0;
    }
    const uint64_t d = first->decision;
    k->decision = first->program == k->program ? d : decided_as(RULE_NONE, decided_action(d), PBC_NONE);
    k->flags |= KERNEL_JUDGED;
    return 0;
}
