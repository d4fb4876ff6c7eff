/* Find packets of connections that may be observed, in either direction. Endpoints are compared only by address and
 * port; the observers test the rest, and know the connections (vm/observe/). */
#include "vm/kernel/copy/copy.bpf.h"
#include "vm/packet/edit/recipe.h"

extern struct kernel_observe state_observes[];
extern const char mask_observes;

/* True if the endpoint has that address and port. */
inline_whole bool has(const struct kernel_observe *w, const uint32_t addr[4], uint16_t port, uint32_t families,
                      bool own)
{
    if (port < w->port_lo || port > w->port_hi) return false;
    if (w->to == PBC_TO_SELF) return own;
    if (w->to != PBC_TO_ADDRESS) return true;
    return families & (w->family == 4 ? KIND_IP4 : KIND_IP6) && addr[0] == w->addr[0] && addr[1] == w->addr[1] &&
           addr[2] == w->addr[2] && addr[3] == w->addr[3];
}

/* Test one endpoint with both sides. A turn stores its findings in the packet (EACH_TURN). */
inline_whole bool ask(struct kpkt *k, uint32_t turn)
{
    const struct kernel_copies *c = copies_row(k->program);
    const struct kernel_observe *w = &state_observes[(uint64_t)(c->observe + turn) & MASK(observes)];
    const struct key *key = &k->key;
    const struct kernel_asked *a = &k->asked;
    if (turn >= c->observe_count) return true;
    if (has(w, key->dst, key->dst_port, key->kind, key->kind & KIND_DST_SELF) ||
        has(w, a->from, a->from_port, key->kind, a->own))
        k->asked.observed = 1;
    return k->asked.observed;
}

static long ask_turn(uint32_t turn, void *k) { return ask(TURN_OF(struct kpkt, k), turn); }

GLOBAL uint64_t kernel_is_observed(struct kpkt *k NONNULL, uint32_t reply)
{
    const uint32_t wanted = KIND_TCP | KIND_PORTS;
    struct kernel_asked *a = &k->asked;
    const bool other = reply && k->seen.recipe == RECIPE_REWRITE;
    if ((k->key.kind & wanted) != wanted || k->key.kind & KIND_FRAG_LATER) return 0;
    for (unsigned i = 0; i < 4; i++) a->from[i] = other ? k->recipe.src[i] : k->key.src[i];
    a->from_port = other ? k->recipe.src_port : k->key.src_port;
    a->own = other || k->key.kind & KIND_SRC_SELF;
    a->observed = 0;
    EACH_TURN(KERNEL_OBSERVES, ask_turn, k);
    return LOOSE(a->observed);
}
