/* Addresses that user space answers for (shapes.h). */
#include "vm/kernel/addresses/own.bpf.h"
#include "vm/kernel/shapes.h"

extern char map_told;

/* True if user space answers for the address. The host itself answers for addresses that it holds. */
GLOBAL uint64_t kernel_is_told(struct kpkt *k NONNULL, uint64_t at)
{
    const uint8_t *addr = k->head + (at & (KERNEL_HEAD - 1));
    const bool v6 = k->key.kind & KIND_IP6;
    const uint32_t words[4] = {wire_get32(addr), v6 ? wire_get32(addr + 4) : 0, v6 ? wire_get32(addr + 8) : 0,
                               v6 ? wire_get32(addr + 12) : 0};
    const struct facts *facts = &state_world.facts;
    const bool some = v6 ? facts->self6_count : facts->self4_count;
    struct kernel_told key;
    if (some && (v6 ? own_has6(words) : own_has4(words[0]))) return false;
    kernel_told_of(&key, words, v6);
    return state_world.tells_all || bpf_map_lookup_elem(&map_told, &key);
}
