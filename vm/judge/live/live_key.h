/* Keys and words of a live set's overlay (live_priv.h), for this process and for the kernel's judge. */
#pragma once

#include "vm/program/set_walk.h"

enum {
    KEY4_WORDS = 1, /* one word: the address, with the length in its low bits */
    KEY6_WORDS = 3, /* two words of the address, one of its length */
    VERSION_BITS = 20,
};
#define WORD_BORN UINT64_MAX

static inline uint64_t word_end(uint64_t word) { return word >> VERSION_BITS; }
/* True for the word of a member. */
static inline bool word_held(uint64_t word) { return word != 0 && word != WORD_BORN; }

/* Return the longest prefix length among those of an overlay (struct live_shown). lengths: not 0. */
static inline unsigned first_length(uint64_t lengths) { return (unsigned)(lengths & 0xff) - 1; }

struct live_key {
    uint64_t word[KEY6_WORDS];
};

/* Return a word with its first n bits set; n: 0 to 64. */
static inline uint64_t first_bits(unsigned n) { return n ? UINT64_MAX << (64 - n) : 0; }

/* Make the key of the network of the address's first `len` bits. */
static inline struct live_key live_key4(uint32_t addr, unsigned len)
{
    return (struct live_key){{((uint64_t)addr << 32 & first_bits(len)) | len}};
}

static inline struct live_key live_key6(const struct wide *addr, unsigned len)
{
    return (struct live_key){
        {addr->hi & first_bits(len < 64 ? len : 64), addr->lo & first_bits(len > 64 ? len - 64 : 0), len}};
}
