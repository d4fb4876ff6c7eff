/* What a rejected packet gets back. Two steps, so that the caller takes a token of its limit only for an answer that
 * may be sent: answer_form decides, answer_build writes.
 *
 *     form = answer_form(pkt, key, rule->answer);
 *     if (form != ANSWER_NONE && token) out = answer_build(pkt, key, form, pool);   NULL: no buffer */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/packet/pool.h"
#include "vm/pbc.h"

enum answer_form {
    ANSWER_NONE, /* silent */
    ANSWER_RST,
    ANSWER_PORT_UNREACHABLE,
    ANSWER_ADMIN_PROHIBITED,
};

/* Why a packet gets no answer, neither an error nor a RST, in words; NULL: it may be answered. Not what is not IP or
 * malformed, to or from broadcast and multicast (IP or MAC), from an address that is no single host, a later fragment,
 * an ICMP error or unknown type, a RST (RFC 1122 3.2.2, RFC 4443 2.4 (e), RFC 9293 3.5.2). */
const char *answer_withheld(const struct pkt *pkt, const struct key *key);
bool answer_allowed(const struct pkt *pkt, const struct key *key);

/* The form of the answer: by default a RST for TCP and port-unreachable for the rest. ANSWER_NONE wherever an answer is
 * withheld; and for `with rst` where the packet is not TCP. */
enum answer_form answer_form(const struct pkt *pkt, const struct key *key, enum pbc_answer kind);

/* The packet to send, the caller's to put back; NULL when the pool has no slot for it. */
struct pkt *answer_build(const struct pkt *pkt, const struct key *key, enum answer_form form, struct pool *pool);
