/* This machine's own addresses, in two hash sets that processes fill: what packet/parse/sides.c is natively. */
#ifndef VM_KERNEL_OWN_BPF_H
#define VM_KERNEL_OWN_BPF_H

#include "vm/kernel/bpf.h"
#include "vm/packet/facts.h"

static uint32_t sides_of4(const struct facts *f, uint32_t src, uint32_t dst);
static uint32_t sides_of6(const struct facts *f, const uint32_t src[4], const uint32_t dst[4]);
#include "vm/packet/parse/sides.h"

extern char map_own4, map_own6;

static bool own_has4(uint32_t addr) { return bpf_map_lookup_elem(&map_own4, &addr); }

static bool own_has6(const uint32_t addr[4])
{
    const uint32_t copy[4] = {addr[0], addr[1], addr[2], addr[3]};
    return bpf_map_lookup_elem(&map_own6, copy);
}

static uint32_t sides_of4(const struct facts *f, uint32_t src, uint32_t dst)
{
    (void)f;
    const uint32_t self = (own_has4(src) ? KIND_SRC_SELF : 0) | (own_has4(dst) ? KIND_DST_SELF : 0);
    return sides_direction(self, dst >> 28 == 0xe || dst == UINT32_MAX);
}

static uint32_t sides_of6(const struct facts *f, const uint32_t src[4], const uint32_t dst[4])
{
    (void)f;
    const uint32_t self = (own_has6(src) ? KIND_SRC_SELF : 0) | (own_has6(dst) ? KIND_DST_SELF : 0);
    return sides_direction(self, dst[0] >> 24 == 0xff);
}

#endif
