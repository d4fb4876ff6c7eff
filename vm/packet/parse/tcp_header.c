/* TCP headers (RFC 9293, 3.1) of packets that are parsed already. */
#include <string.h>

#include "vm/packet/loop.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

/* Return the end of the IP packet: pkt->l3_end, and key->length over IPv6, stop counting at 65535. */
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

enum { OPTIONS_MASK = 63 }; /* bounds the options' indices */
static_assert((int)TCP_OPTIONS_MOST <= (int)OPTIONS_MASK, "all of them");

/* Store one option of `len` bytes, all of which exist. */
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

/* Read the option at that place, with `left` bytes of options from there on. Return its length; 0: the options end. */
static uint32_t read_option(struct tcp_syn_options *found, const uint8_t *option, uint32_t left)
{
    if (option[0] == TCP_OPT_END) return 0;
    if (option[0] == TCP_OPT_NOP) return 1;
    if (left < 2 || option[1] < 2 || option[1] > left) return 0;
    note_option(found, option, option[1]);
    return option[1];
}

#ifndef TCP_OPTION
#define TCP_OPTION(pkt, options, at, left, found) read_option(found, (options) + ((at)&OPTIONS_MASK), left)
#endif

void tcp_syn_options_read(const struct pkt *pkt, struct tcp_syn_options *found)
{
    const uint64_t none[2] = {LOOSE(UINT64_C(0)), LOOSE(UINT64_C(0))};
    static_assert(sizeof none == sizeof *found, "all of it");
    memcpy(found, none, sizeof none);
    uint8_t scratch[TCP_OPTIONS_MOST];
    const uint32_t len = pkt->payload > pkt->l4 + TCP_LEN ? (uint32_t)pkt->payload - pkt->l4 - TCP_LEN : 0;
    const uint8_t *options = len <= TCP_OPTIONS_MOST ? bytes_at(pkt, (uint32_t)pkt->l4 + TCP_LEN, len, scratch) : NULL;
    if (!options) return;
    TURNS(TCP_OPTIONS_MOST)
    for (uint32_t at = LOOSE(0u), step = LOOSE(1u); LOOP(step && at < len); at = LOOSE(at + step))
        step = LOOSE(TCP_OPTION(pkt, options, at, len - at, found));
}
