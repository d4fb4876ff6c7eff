/* What the builders share: a reply in the making, from link header to checksums. */
#pragma once

#include "vm/packet/edit/write.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/reply/frame.h"

struct reply {
    const struct pkt *request;
    const struct key *key; /* of the request */
    struct writer w;
    struct key to; /* family, src and dst of the reply: the request's, exchanged */
    uint8_t proto;
};

/* The fields of the IP header that differ from answer to answer. */
struct reply_ip {
    uint8_t proto, ttl, tos;
    uint16_t id, frag; /* v4 */
};

/* Take a slot and write the mirrored link header. mac: our own address, or 0 for the one the request was sent to. */
int reply_begin(struct reply *r, const struct pkt *request, const struct key *key, struct pool *pool,
                uint16_t ether_type, uint64_t mac);
/* Write the IP header, from r->to. */
void reply_ip(struct reply *r, const struct reply_ip *ip);
/* Set the lengths and checksums; sum_at: where the upper layer's checksum stands in its header. Gives the packet out,
 * or takes it back and returns -EMSGSIZE when something did not fit. */
int reply_finish(struct reply *r, uint32_t sum_at, struct pkt **out);
/* The same for what is not IP. */
int reply_finish_plain(struct reply *r, struct pkt **out);

static inline bool reply_is4(const struct reply *r) { return r->key->kind & KIND_IP4; }
static inline uint16_t ether_type_of(const struct key *key) { return key->kind & KIND_IP4 ? ETHER_IP4 : ETHER_IP6; }
