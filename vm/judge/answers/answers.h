/* DNS answers whose addresses become members of live sets (`answers` in a set's declaration). A packet is read
 * before it is judged, because its bytes may be gone afterwards; its members are added once the packet has been let
 * through. */
#pragma once

#include "vm/judge/answers/dns_message.h"
#include "vm/judge/asked/questions.h"
#include "vm/judge/lives.h"
#include "vm/packet/pkt.h"

/* Times of members. Clients hold an address for longer than its TTL, so a member stays GRACE longer. */
enum { ANSWER_TTL_LEAST_S = 60, ANSWER_TTL_MOST_S = 86400, ANSWER_GRACE_S = 600 };

enum dns_part {
    DNS_NONE,
    DNS_ASKS,    /* a question to a resolver */
    DNS_GIVES,   /* an answer to a waiting question */
    DNS_UNASKED, /* an answer to no waiting question */
    DNS_BAD,     /* the message can't be read */
};

/* Contents of a packet that matter for answers. */
struct answer_read {
    enum dns_part part;
    uint64_t sets; /* live sets that the packet concerns, one bit each */
    struct message message;
    struct question_id id;
    uint64_t hash; /* hash of the question's section */
    int count;     /* number of addresses in the answer, at most MESSAGE_ADDRESSES of them in `of`; -1: truncated or
                    * malformed */
    struct message_address of[MESSAGE_ADDRESSES];
};

/* Return the live sets of a program that take members from answers, one bit each. */
uint64_t answers_sets(const struct program *p);
/* True for a packet that may be a question or an answer. This first test is cheap, and other packets need no further
 * one. */
static inline bool answers_may(const struct key *key)
{
    return key->kind & KIND_UDP && key->kind & KIND_PORTS && (key->src_port == DNS_PORT || key->dst_port == DNS_PORT);
}
/* Read a well-formed packet, as it arrived, that may be an answer. Packets that this machine sends are not answers. */
enum dns_part answers_read(const struct program *p, const struct key *key, const struct pkt *pkt, uint64_t now_ns,
                           struct answer_read *r);
/* Note the contents of a packet that was let through. key: for a question, the key as the packet leaves. */
void answers_make(const struct program *p, const struct answer_read *r, const struct key *key, uint64_t now_ns);
