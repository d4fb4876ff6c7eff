/* The parser of vm/packet/parse/ for the first stage: the quick one for ordinary packets, finished inline; the
 * careful one, used if the quick one gives up, in separate functions (parse.bpf.c). */
#pragma once

#include "vm/kernel/addresses/own.bpf.h"

uint64_t kernel_sides4(uint32_t src, uint32_t dst);
uint64_t kernel_sides6(struct kpkt *k NONNULL);
uint64_t kernel_parse_carefully(struct kpkt *k NONNULL);
uint64_t kernel_parse_express(struct kpkt *k NONNULL);

/* Return the sides of a packet by own addresses, for the parser; other code calls own_has4 and own_has6. */
static uint32_t sides_of4(const struct facts *f, uint32_t src, uint32_t dst);
static uint32_t sides_of6(const struct facts *f, const uint32_t src[4], const uint32_t dst[4]);
#include "vm/packet/parse/read.h"

/* Result of the quick parser if the careful one must take over. */
enum { PARSE_CAREFULLY = REASON_COUNT };
#define QUICK_CAREFUL(pkt, facts, key) ((enum pkt_reason)PARSE_CAREFULLY)
#include "vm/packet/parse/express.h"

static uint32_t sides_of4(const struct facts *f, uint32_t src, uint32_t dst)
{
    return (uint32_t)kernel_sides4(src, dst);
}

/* Return the sides of a key. src must be in a packet's key, because the parser asks about no other addresses. */
static uint32_t sides_of6(const struct facts *f, const uint32_t src[4], const uint32_t dst[4])
{
    return (uint32_t)kernel_sides6((struct kpkt *)((char *)(uintptr_t)src - offsetof(struct kpkt, key)));
}

static inline void kernel_parse(struct kpkt *k)
{
    if (kernel_parse_express(k) == PARSE_CAREFULLY) kernel_parse_carefully(k);
}

/* Parse the rest of a frame that express_read4 or express_read6 has read. */
static inline void kernel_parse_rest(struct kpkt *k, bool bad_sum)
{
    const struct facts *facts = &state_world.facts;
    if (!bad_sum && !facts_have_self(facts)) return;
    const unsigned found = k->key.kind & KIND_IP6 ? finish6(facts, &k->key) : finish4(&k->pkt, facts, &k->key, bad_sum);
    if (found == PARSE_CAREFULLY) kernel_parse_carefully(k);
}
