/* Decide fragments that no process takes up as the first of their datagram (shapes.h). */
#include "vm/judge/decided.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/shapes.h"
#include "vm/packet/parse/bytes.c"
#include "vm/packet/parse/fragment.c"

extern char map_datagrams;

static inline bool name_datagram(const struct kpkt *k, struct kernel_datagram *datagram)
{
    const struct key *key = &k->key;
    struct fragment f;
    if (!fragment_read(&k->pkt, key, &f)) return false;
    *datagram = (struct kernel_datagram){.id = f.id, .ifindex = k->ifindex, .sent = kpkt_is_sent(k)};
    for (unsigned i = 0; i < 4; i++) {
        datagram->src[i] = key->src[i];
        datagram->dst[i] = key->dst[i];
    }
    datagram->family = key->kind & KIND_IP4 ? 4 : 6;
    if (key->kind & KIND_IP4) datagram->proto = key->proto;
    return true;
}

/* Keep the decision about a first fragment. */
GLOBAL uint64_t kernel_later_keep(struct kpkt *k NONNULL)
{
    struct kernel_datagram datagram;
    const struct kernel_datagram_decided decided = {
        .decision = k->decision,
        .would = k->would,
        .mirrors = k->mirrors,
        .program = k->program,
        .said = k->said & (KERNEL_WOULD_JUDGED | KERNEL_WOULD_OTHER | KERNEL_WOULD_CHANGES)};
    if (name_datagram(k, &datagram)) bpf_map_update_elem(&map_datagrams, &datagram, &decided, BPF_ANY);
    return 0;
}

/* Decide a later fragment as its first. If another program decided the first, the decision counts for no rule of
 * this one. Without a known first fragment the packet is dropped. */
GLOBAL uint64_t kernel_later_follow(struct kpkt *k NONNULL)
{
    struct kernel_datagram datagram;
    const struct kernel_datagram_decided *first =
        name_datagram(k, &datagram) ? bpf_map_lookup_elem(&map_datagrams, &datagram) : NULL;
    if (!first) {
        k->pkt.reason = REASON_FRAGMENT_ORPHAN;
        return 0;
    }
    const uint64_t d = first->decision;
    k->decision = first->program == k->program ? d : decided_as(RULE_NONE, decided_action(d), PBC_NONE);
    k->would = first->would;
    if (first->program == k->program) {
        k->said = (uint8_t)first->said;
        k->mirrors = first->mirrors;
    }
    k->flags |= KERNEL_JUDGED;
    return 0;
}
