/* Own addresses: binary search in the sorted snapshot, and the direction. */
#include "vm/packet/parse/read.h"
#include "vm/pbc.h"

static bool has4(const struct facts *f, uint32_t addr)
{
    unsigned from = 0, count = f->self4_count;
    while (count > 0) {
        unsigned half = count / 2;
        uint32_t probe = f->self4[from + half];
        if (probe == addr) return true;
        if (probe < addr) {
            from += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return false;
}

static bool has6(const struct facts *f, const uint32_t addr[4])
{
    uint64_t hi = (uint64_t)addr[0] << 32 | addr[1], lo = (uint64_t)addr[2] << 32 | addr[3];
    unsigned from = 0, count = f->self6_count;
    while (count > 0) {
        unsigned half = count / 2;
        const struct pbc_range6 *probe = &f->self6[from + half];
        if (probe->lo_hi == hi && probe->lo_lo == lo) return true;
        if (probe->lo_hi < hi || (probe->lo_hi == hi && probe->lo_lo < lo)) {
            from += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return false;
}

uint32_t sides_of4(const struct facts *f, uint32_t src, uint32_t dst)
{
    uint32_t self = (has4(f, src) ? KIND_SRC_SELF : 0) | (has4(f, dst) ? KIND_DST_SELF : 0);
    return sides_direction(self, sides_group4(dst));
}

uint32_t sides_of6(const struct facts *f, const uint32_t src[4], const uint32_t dst[4])
{
    uint32_t self = (has6(f, src) ? KIND_SRC_SELF : 0) | (has6(f, dst) ? KIND_DST_SELF : 0);
    return sides_direction(self, dst[0] >> 24 == 0xff);
}
