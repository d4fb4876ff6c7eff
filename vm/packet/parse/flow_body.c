/* Fields of ICMP and SCTP for flows (read.h). */
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

uint16_t icmp_query_read(const struct pkt *pkt) { return bytes_get16(pkt, pkt->l4 + (uint32_t)ICMP_REST); }

int sctp_chunk_read(const struct pkt *pkt, const struct key *key)
{
    const uint32_t end = (uint32_t)pkt->l3 + key->length;
    uint8_t scratch;
    if (!(key->kind & KIND_SCTP) || pkt->payload == 0 || pkt->payload >= end) return -1;
    const uint8_t *type = bytes_at(pkt, pkt->payload, 1, &scratch);
    return type ? *type : -1;
}
