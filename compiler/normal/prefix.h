/* Address ranges as prefixes, which one instruction (IPv4) or a few (IPv6) can compare. */
#pragma once

#include "compiler/normal/ir.h"

struct prefix {
    uint32_t word[4];
    uint8_t len;
}; /* most significant word first; IPv4: word[0] */
enum { PREFIXES_MAX = 8 };
struct prefixes {
    struct prefix p[PREFIXES_MAX];
    unsigned count;
};

/* Write the prefixes that make up lo..hi, with 32 or 128 bits, or in the lower `bits` bits of word[0] if fewer than 32
 * (`len` then counts from their highest). Return their number; room + 1 if they do not fit. */
uint32_t prefixes_between(unsigned __int128 lo, unsigned __int128 hi, unsigned bits, struct prefix *out, uint32_t room);

/* Find the prefixes of the set's members of a family (IR_V4 or IR_V6), or, `outside`, of all other addresses. False if
 * there are more than PREFIXES_MAX. */
bool prefixes_of(const struct ir_addrs *a, unsigned family, bool outside, struct prefixes *out);
