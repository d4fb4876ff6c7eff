/* Fuzzes large sets. Each byte gives the next range's distance from the last one and its length, repeated until
 * there are enough ranges for look-up tables. Look-ups of every edge and its neighbours must agree with and without
 * the tables. */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/imgbuild.h"
#include "vm/program/set_index.h"

typedef unsigned __int128 u128;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { RANGES = SET_PLAIN_MAX + 500 };

/* Compute the beginning and end of the next range; false past the last address. */
static bool next_range(uint8_t byte, unsigned width, u128 *lo, u128 *hi)
{
    const u128 top = width == 32 ? UINT32_MAX : ~(u128)0;
    const u128 gap = (u128)2 << (byte & 63) % (width - 12), size = byte & 64 ? gap / 2 : 0;
    if (gap > top - *hi || size > top - *hi - gap) return false;
    *lo = *hi + gap;
    *hi = *lo + size;
    return true;
}

static void add_ranges(struct imgbuild *b, const uint8_t *bytes, size_t len, unsigned width)
{
    u128 lo, hi = 0;
    uint32_t n = 0;
    if (width == 32)
        b->set4 = calloc(RANGES, sizeof *b->set4);
    else
        b->set6 = calloc(RANGES, sizeof *b->set6);
    if (!b->set4 && !b->set6) abort();
    while (n < RANGES) {
        /* Past the last address, steps begin with small ones again. */
        if (!next_range(bytes[n % len], width, &lo, &hi) && !next_range(0, width, &lo, &hi)) break;
        if (width == 32)
            b->set4[n++] = (struct pbc_range){(uint32_t)lo, (uint32_t)hi};
        else
            b->set6[n++] = (struct pbc_range6){(uint64_t)(lo >> 64), (uint64_t)lo, (uint64_t)(hi >> 64), (uint64_t)hi};
    }
    b->set4_count = width == 32 ? n : 0;
    b->set6_count = width == 32 ? 0 : n;
}

static struct program *program_of(const uint8_t *bytes, size_t len)
{
    struct imgbuild b;
    char err[256] = "";
    img_init(&b);
    add_ranges(&b, bytes + 1, len - 1, bytes[0] & 1 ? 32 : 128);
    img_add_sets(&b, (struct pbc_set){.count4 = b.set4_count, .count6 = b.set6_count});
    img_function(&b, "main", &(const struct insn){.op = OP_ACCEPT}, 1);
    struct program *p = img_load(&b, err, sizeof err);
    if (!p) abort();
    img_fini(&b);
    return p;
}

static void check(const struct program *p, const struct key *key)
{
    if (set_has(p, 0, key, false) != set_has_plain(p, 0, key, false)) abort();
}

static void check4(const struct program *p, uint32_t a) { check(p, &(const struct key){.kind = KIND_IP4, .src = {a}}); }

static void check6(const struct program *p, u128 a)
{
    struct key key = {.kind = KIND_IP6};
    for (unsigned i = 0; i < 4; i++) key.src[i] = (uint32_t)(a >> (96 - 32 * i));
    check(p, &key);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2) return 0;
    struct program *p = program_of(bytes, len);
    for (uint32_t i = 0; i < p->set4_count; i++)
        for (uint32_t off = 0; off < 3; off++) check4(p, p->set4[i].lo + off - 1), check4(p, p->set4[i].hi + off - 1);
    for (uint32_t i = 0; i < p->set6_count; i++) {
        const struct pbc_range6 *r = &p->set6[i];
        for (uint32_t off = 0; off < 3; off++) {
            check6(p, ((u128)r->lo_hi << 64 | r->lo_lo) + off - 1);
            check6(p, ((u128)r->hi_hi << 64 | r->hi_lo) + off - 1);
        }
    }
    program_put(p);
    return 0;
}
