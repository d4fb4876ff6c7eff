/* Fields of ICMP and SCTP for flows (read.h). */
#include "vm/packet/loop.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

uint16_t icmp_query_read(const struct pkt *pkt) { return bytes_get16(pkt, pkt->l4 + (uint32_t)ICMP_REST); }

enum {
    SCTP_CHUNKS = 4 /* most chunks that are read */,
    SCTP_REACH = 1024 /* bytes in which these chunks begin */,
    CHUNK_LEN = 4,
    T_BIT = 1
};

/* True for chunks that must be the only ones (RFC 9260, 6.10), or that must be first (5.1; second function). */
static bool is_alone(uint32_t type)
{
    return type == SCTP_INIT || type == SCTP_INIT_ACK || type == SCTP_SHUTDOWN_COMPLETE;
}
static bool is_first(uint32_t type) { return is_alone(type) || type == SCTP_COOKIE_ECHO || type == SCTP_COOKIE_ACK; }

/* Read the chunk at `at`. Return where the next one begins; 0: this chunk is not allowed there. */
static uint32_t chunk_read(const struct pkt *pkt, uint32_t at, uint32_t end, struct sctp_packet *p)
{
    const uint32_t head = bytes_get32(pkt, at), type = head >> 24, len = head & UINT16_MAX;
    const uint32_t known = type < SCTP_OTHER ? type : SCTP_OTHER;
    if (len < CHUNK_LEN || (p->has && is_first(type))) return 0;
    if (type == SCTP_ABORT || type == SCTP_SHUTDOWN_COMPLETE) p->reflected = (uint16_t)(head >> 16 & T_BIT);
    if (type == SCTP_INIT || type == SCTP_INIT_ACK) p->init_tag = bytes_get32(pkt, at + CHUNK_LEN);
    p->has |= (uint16_t)SCTP_HAS(known);
    const uint32_t next = at + ((len + 3) & ~3u);
    return is_alone(type) && next < end ? 0 : next;
}

void sctp_read(const struct pkt *pkt, const struct key *key, struct sctp_packet *p)
{
    const uint32_t end = (uint32_t)pkt->l3 + key->length, reach = (uint32_t)pkt->payload + SCTP_REACH;
    const uint32_t last = end < reach ? end : reach;
    uint32_t at = LOOSE((uint32_t)pkt->payload);
    *p = (struct sctp_packet){.tag = bytes_get32(pkt, pkt->l4 + (uint32_t)SCTP_TAG)};
    if (!(key->kind & KIND_SCTP) || at == 0) return;
    TURNS(SCTP_CHUNKS)
    for (uint32_t n = LOOSE(0u); LOOP(n < SCTP_CHUNKS && at + CHUNK_LEN <= last && !(p->has & 1)); n = LOOSE(n + 1)) {
        at = LOOSE(chunk_read(pkt, at, end, p));
        if (!at) {
            p->has = 0;
            return;
        }
    }
}
