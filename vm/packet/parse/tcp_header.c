/* TCP headers (RFC 9293, 3.1) of packets that are parsed already. */
#include "vm/packet/parse/tcp_header.h"

#include "vm/packet/loop.h"
#include "vm/packet/parse/bytes.h"
#include "vm/packet/parse/header.h"

/* Where the IP packet ends: pkt->l3_end, and key->length over IPv6, stop counting at 65535. */
static uint32_t packet_end(const struct pkt *pkt, const struct key *key)
{
    if (pkt->l3_end < UINT16_MAX) return pkt->l3_end;
    if (key->kind & KIND_IP4) return (uint32_t)pkt->l3 + key->length;
    return (uint32_t)pkt->l3 + IP6_LEN + bytes_get16(pkt, (uint32_t)pkt->l3 + IP6_PAYLOAD);
}

void tcp_header_read(const struct pkt *pkt, const struct key *key, struct tcp_header *out)
{
    uint8_t scratch[TCP_LEN];
    const uint8_t *tcp = bytes_at(pkt, pkt->l4, TCP_LEN, scratch);
    *out = (struct tcp_header){0};
    if (!tcp) return;
    const uint32_t end = packet_end(pkt, key);
    *out = (struct tcp_header){
        .seq = wire_get32(tcp + TCP_SEQ),
        .ack = wire_get32(tcp + TCP_ACKNO),
        .window = wire_get16(tcp + TCP_WINDOW),
        .payload_len = end > pkt->payload ? end - pkt->payload : 0,
    };
}

enum { OPTIONS_MASK = 63 }; /* indices of them are below */
static_assert((int)TCP_OPTIONS_MOST <= (int)OPTIONS_MASK, "all of them");

/* One option of `len` bytes, all of them there. */
static void note_option(struct tcp_syn_options *found, const uint8_t *option, uint32_t len)
{
    if (option[0] == TCP_OPT_MSS && len == TCP_OPT_MSS_LEN) found->mss = wire_get16(option + 2);
    if (option[0] == TCP_OPT_SACK_OK && len == TCP_OPT_SACK_OK_LEN) found->sack = true;
    if (option[0] == TCP_OPT_SCALE && len == TCP_OPT_SCALE_LEN) {
        found->has_scale = true;
        found->scale = option[2];
    }
    if (option[0] == TCP_OPT_STAMPS && len == TCP_OPT_STAMPS_LEN) {
        found->has_stamps = true;
        found->stamp = wire_get32(option + 2);
        found->echo = wire_get32(option + 6);
    }
}

void tcp_syn_options_read(const struct pkt *pkt, struct tcp_syn_options *found)
{
    *found = (struct tcp_syn_options){0};
    uint8_t scratch[TCP_OPTIONS_MOST];
    const uint32_t len = pkt->payload > pkt->l4 + TCP_LEN ? (uint32_t)pkt->payload - pkt->l4 - TCP_LEN : 0;
    const uint8_t *options = len <= TCP_OPTIONS_MOST ? bytes_at(pkt, (uint32_t)pkt->l4 + TCP_LEN, len, scratch) : NULL;
    TURNS(TCP_OPTIONS_MOST)
    for (uint32_t at = 0, step; LOOP(options && at < len); at = LOOSE(at + step)) {
        const uint8_t *option = options + (at & OPTIONS_MASK);
        if (option[0] == TCP_OPT_END) break;
        step = 1;
        if (option[0] == TCP_OPT_NOP) continue;
        if (len - at < 2 || option[1] < 2 || option[1] > len - at) break;
        step = option[1];
        note_option(found, option, step);
    }
}
