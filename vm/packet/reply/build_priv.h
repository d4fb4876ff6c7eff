/* Shared by the builders: a reply being built, from link header to checksums. */
#pragma once

#include "vm/packet/edit/write.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/reply/frame.h"

struct reply {
    const struct pkt *request;
    const struct key *key; /* key of the request */
    struct writer w;
    struct key to; /* family, src and dst of the reply: the request's, swapped */
    uint8_t proto;
};

/* Fields of the IP header in which replies differ. */
struct reply_ip {
    uint8_t proto, ttl, tos;
    uint16_t id, frag; /* IPv4 only */
};

/* Take a slot and write the mirrored link header. mac: the source, or 0 for the MAC that the request was sent to.
 * Return 0, or -ENOBUFS: the pool is empty. */
int reply_begin(struct reply *r, const struct pkt *request, const struct key *key, struct pool *pool,
                uint16_t ether_type, uint64_t mac);
/* Write the IP header, from r->to. */
void reply_ip(struct reply *r, const struct reply_ip *ip);
/* Set lengths and checksums, and give the packet to the caller. sum_at: place of the upper layer's checksum in its
 * header. Return 0, or -EMSGSIZE: something did not fit, and the packet was put back. */
int reply_finish(struct reply *r, uint32_t sum_at, struct pkt **out);
/* Do the same for replies that are not IP. */
int reply_finish_plain(struct reply *r, struct pkt **out);

static inline bool reply_is4(const struct reply *r) { return r->key->kind & KIND_IP4; }
static inline uint16_t ether_type_of(const struct key *key) { return key->kind & KIND_IP4 ? ETHER_IP4 : ETHER_IP6; }
