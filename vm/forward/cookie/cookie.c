/* Making and proving cookies; cookie.h shows the layout */
#include "vm/forward/cookie/cookie.h"

#include <string.h>

#include "vm/packet/edit/edit.h"

enum {
    MSS_BITS = 3,
    MSS_MASK = (1 << MSS_BITS) - 1,
    STAMP_NO_SCALE = 15,
    STAMP_SCALE = 15,
    STAMP_SACK = 16,
    STAMP_MASK = COOKIE_STAMP_UNIT - 1,
};

/* Ascending: 64 for the few that take less, 536 the IPv4 default, 1220 the IPv6 minimum, 1300 and 1380 tunnels, 1440
 * Ethernet over IPv6, 1452 PPPoE, 1460 Ethernet */
static const uint16_t mss_of[COOKIE_MSS_MOST] = {64, 536, 1220, 1300, 1380, 1440, 1452, 1460};

void cookie_secret(struct cookie_secret *s, uint64_t seed)
{
    const struct lb_hash_key from = {seed, 0};
    s->key.k0 = lb_siphash(from, "cookie 0", 8);
    s->key.k1 = lb_siphash(from, "cookie 1", 8);
    s->clock = (uint32_t)lb_siphash(from, "cookie clock", 12);
}

uint16_t cookie_mss(unsigned index) { return mss_of[index & MSS_MASK]; }

unsigned cookie_mss_index(uint16_t mss)
{
    unsigned i = COOKIE_MSS_MOST - 1;
    while (i > 0 && mss_of[i] > mss) i--;
    return i;
}

void cookie_terms(struct cookie_terms *t, const struct tcp_syn_options *syn, bool v6)
{
    const uint16_t mss = syn->mss ? syn->mss : mss_default(v6);
    *t = (struct cookie_terms){.mss = mss_of[cookie_mss_index(mss)], .has_stamps = syn->has_stamps};
    if (!syn->has_stamps) return;
    t->sack = syn->sack;
    t->has_scale = syn->has_scale;
    if (syn->has_scale) t->scale = syn->scale < COOKIE_SCALE_MOST ? syn->scale : COOKIE_SCALE_MOST;
}

static unsigned stamp_bits(const struct cookie_terms *t)
{
    return (t->has_scale ? t->scale : STAMP_NO_SCALE) | (t->sack ? STAMP_SACK : 0u);
}

static uint64_t step_of(uint64_t now_ns) { return now_ns / COOKIE_STEP_NS; }

/* Hash the message. The families' messages differ in length, so they never collide. */
static uint32_t sign(const struct cookie_secret *s, const struct key *key, uint32_t isn, const struct cookie_terms *t,
                     uint64_t step)
{
    uint64_t message[6];
    unsigned words = 0;
    const unsigned index = cookie_mss_index(t->mss);
    if (key->kind & KIND_IP4) {
        message[words++] = (uint64_t)key->dst[0] << 32 | key->src[0];
    } else {
        for (unsigned i = 0; i < 4; i += 2) message[words++] = (uint64_t)key->src[i + 1] << 32 | key->src[i];
        for (unsigned i = 0; i < 4; i += 2) message[words++] = (uint64_t)key->dst[i + 1] << 32 | key->dst[i];
    }
    message[words++] = (uint64_t)isn << 32 | (uint32_t)key->dst_port << 16 | key->src_port;
    const uint64_t terms = index | stamp_bits(t) << MSS_BITS | (unsigned)t->has_stamps << 8;
    message[words++] = step << 33 | terms << 24 | (uint64_t)(key->vlan_inner & 0xfff) << 12 | (key->vlan_outer & 0xfff);
    const uint64_t hash = lb_siphash(s->key, message, words * sizeof(message[0]));
    return ((uint32_t)hash & ~(uint32_t)MSS_MASK) | index;
}

struct cookie cookie_make(const struct cookie_secret *s, const struct key *key, uint32_t isn,
                          const struct cookie_terms *t, uint64_t now_ns)
{
    const uint32_t clock = cookie_clock(s, now_ns) - COOKIE_STAMP_UNIT;
    return (struct cookie){
        .seq = sign(s, key, isn, t, step_of(now_ns)),
        .stamp = (clock & ~(uint32_t)STAMP_MASK) | stamp_bits(t),
    };
}

static struct cookie_terms terms_of(uint32_t seq, const struct tcp_syn_options *options)
{
    struct cookie_terms t = {.mss = mss_of[seq & MSS_MASK], .has_stamps = options->has_stamps};
    if (!t.has_stamps) return t;
    t.sack = options->echo & STAMP_SACK;
    t.has_scale = (options->echo & STAMP_SCALE) != STAMP_NO_SCALE;
    if (t.has_scale) t.scale = options->echo & STAMP_SCALE;
    return t;
}

bool cookie_prove(const struct cookie_secret *s, const struct key *key, const struct tcp_header *h,
                  const struct tcp_syn_options *options, uint64_t now_ns, struct cookie_proof *proof)
{
    const uint32_t seq = h->ack - 1;
    const uint64_t step = step_of(now_ns);
    proof->terms = terms_of(seq, options);
    for (unsigned probe = 0; probe < (h->payload_len == 0 ? 2u : 1u); probe++) {
        proof->isn = h->seq - 1 + probe;
        for (unsigned back = 0; back < 2 && back <= step; back++)
            if (sign(s, key, proof->isn, &proof->terms, step - back) == seq) return true;
    }
    return false;
}
