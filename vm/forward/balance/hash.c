/* Hashes that all machines agree on: SipHash-2-4 under a published key. Only this file defines the bytes hashed. */
#include <string.h>

#include "vm/forward/balance/balance_priv.h"
#include "vm/pbc.h"

struct sip {
    uint64_t a, b, c, d;
};

static inline uint64_t rotate(uint64_t w, unsigned n) { return w << n | w >> (64 - n); }

static inline struct sip mixed(struct sip s)
{
    s.a += s.b, s.c += s.d;
    s.b = rotate(s.b, 13) ^ s.a, s.d = rotate(s.d, 16) ^ s.c;
    s.a = rotate(s.a, 32);
    s.c += s.b, s.a += s.d;
    s.b = rotate(s.b, 17) ^ s.c, s.d = rotate(s.d, 21) ^ s.a;
    s.c = rotate(s.c, 32);
    return s;
}

static inline void absorb(struct sip *s, uint64_t word)
{
    s->d ^= word;
    *s = mixed(mixed(*s));
    s->a ^= word;
}

static inline struct sip sip_begin(struct lb_hash_key k)
{
    return (struct sip){k.k0 ^ 0x736f6d6570736575, k.k1 ^ 0x646f72616e646f6d, k.k0 ^ 0x6c7967656e657261,
                        k.k1 ^ 0x7465646279746573};
}

static inline uint64_t sip_end(struct sip *s)
{
    s->c ^= 0xff;
    *s = mixed(mixed(mixed(mixed(*s))));
    return s->a ^ s->b ^ s->c ^ s->d;
}

static uint64_t load_le(const uint8_t *p, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++) word |= (uint64_t)p[i] << 8 * i;
    return word;
}

uint64_t lb_siphash(struct lb_hash_key key, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    struct sip s = sip_begin(key);
    size_t left = len;
    for (; left >= 8; p += 8, left -= 8) absorb(&s, load_le(p, 8));
    absorb(&s, (uint64_t)(len & 0xff) << 56 | load_le(p, left));
    return sip_end(&s);
}

struct lb_hash_key lb_hash_key(const char *text, size_t len)
{
    uint8_t digest[PBC_DIGEST_LEN];
    pbc_digest(text, len, digest);
    return (struct lb_hash_key){load_le(digest, 8), load_le(digest + 8, 8)};
}

/* Absorb an address as 32-bit words, host order, the first in the lower half; IPv4 is one word, IPv6 four. */
static inline void absorb_v6(struct sip *s, const uint32_t a[4])
{
    absorb(s, (uint64_t)a[1] << 32 | a[0]);
    absorb(s, (uint64_t)a[3] << 32 | a[2]);
}

/* Hash a flow. As in SipHash, the message ends in its length: 16 bytes for IPv4, 40 for IPv6. */
uint64_t lb_hash_flow(struct lb_hash_key key, const struct lb_flow *f)
{
    const uint64_t rest =
        (uint64_t)f->family << 40 | (uint64_t)f->proto << 32 | (uint64_t)f->dst_port << 16 | f->src_port;
    struct sip s = sip_begin(key);
    if (f->family == 6) {
        absorb_v6(&s, f->src);
        absorb_v6(&s, f->dst);
    } else {
        absorb(&s, (uint64_t)f->dst[0] << 32 | f->src[0]);
    }
    absorb(&s, rest);
    absorb(&s, (f->family == 6 ? 40ull : 16ull) << 56);
    return sip_end(&s);
}

/* Hash a source. The message has 8 bytes for IPv4, 24 for IPv6. */
uint64_t lb_hash_source(struct lb_hash_key key, const struct lb_flow *f)
{
    struct sip s = sip_begin(key);
    if (f->family == 6) {
        absorb_v6(&s, f->src);
        absorb(&s, f->family);
        absorb(&s, 24ull << 56);
    } else {
        absorb(&s, (uint64_t)f->family << 32 | f->src[0]);
        absorb(&s, 8ull << 56);
    }
    return sip_end(&s);
}
