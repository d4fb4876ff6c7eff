/* The differences that a translation makes to sums, once for a flow. */
#include "vm/packet/edit/recipe.h"

#include "vm/packet/csum.h"

/* In 16 bits; 0 only where nothing was added, since a sum of words that are not all 0 folds to no 0. */
static uint16_t folded(uint64_t sum) { return (uint16_t)~csum_fold(sum); }

static uint64_t address_delta(const uint32_t from[4], const uint32_t to[4], unsigned words)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < words; i++) sum += csum_delta32(from[i], to[i]);
    return sum;
}

void recipe_differ(struct recipe *r, const struct key *key, const struct translation *to)
{
    const unsigned words = key->kind & KIND_IP4 ? 1 : 4;
    const bool src = to->what & TRANSLATE_SRC, dst = to->what & TRANSLATE_DST;
    const bool src_port = to->what & TRANSLATE_SRC_PORT, dst_port = to->what & TRANSLATE_DST_PORT;
    uint64_t sum = 0;
    for (unsigned i = 0; i < 4; i++) {
        r->src[i] = src ? to->src[i] : key->src[i];
        r->dst[i] = dst ? to->dst[i] : key->dst[i];
    }
    r->src_port = src_port ? to->src_port : key->src_port;
    r->dst_port = dst_port ? to->dst_port : key->dst_port;
    if (src) sum += address_delta(key->src, to->src, words);
    if (dst) sum += address_delta(key->dst, to->dst, words);
    r->l3_delta = folded(sum);
    if (src_port) sum += csum_delta16(key->src_port, to->src_port);
    if (dst_port) sum += csum_delta16(key->dst_port, to->dst_port);
    r->l4_delta = folded(sum);
}
