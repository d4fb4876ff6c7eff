/* Timestamps and SACK blocks, to and from bytes */
#include "vm/forward/splice/splice_priv.h"
#include "vm/packet/wire.h"

static void read_sack(const uint8_t *option, uint32_t len, struct options *o)
{
    for (uint32_t at = 2; at + TCP_OPT_SACK_BLOCK <= len && o->blocks < SACK_BLOCKS; at += TCP_OPT_SACK_BLOCK) {
        o->sack[o->blocks][0] = wire_get32(option + at);
        o->sack[o->blocks][1] = wire_get32(option + at + 4);
        o->blocks++;
    }
}

void splice_options_read(const uint8_t *bytes, uint32_t len, struct options *o)
{
    *o = (struct options){0};
    for (uint32_t at = 0, step; at < len && bytes[at] != TCP_OPT_END; at += step) {
        step = 1;
        if (bytes[at] == TCP_OPT_NOP) continue;
        if (at + 2 > len || bytes[at + 1] < 2 || at + bytes[at + 1] > len) return;
        step = bytes[at + 1];
        if (bytes[at] == TCP_OPT_SACK) read_sack(bytes + at, step, o);
        if (bytes[at] == TCP_OPT_STAMPS && step == TCP_OPT_STAMPS_LEN) {
            o->has_stamps = true;
            o->stamp = wire_get32(bytes + at + 2);
            o->echo = wire_get32(bytes + at + 6);
        }
    }
}

/* Write two no-ops and the option's first two bytes, so that its numbers are at multiples of 4 (RFC 7323, appendix
 * A). */
static uint32_t option_begin(uint8_t *bytes, uint8_t kind, uint32_t len)
{
    bytes[0] = bytes[1] = TCP_OPT_NOP;
    bytes[2] = kind;
    bytes[3] = (uint8_t)len;
    return 4;
}

uint32_t splice_options_write(const struct options *o, uint8_t bytes[TCP_OPTIONS_MOST])
{
    uint32_t at = 0;
    if (o->has_stamps) {
        at += option_begin(bytes, TCP_OPT_STAMPS, TCP_OPT_STAMPS_LEN);
        wire_put32(bytes + at, o->stamp);
        wire_put32(bytes + at + 4, o->echo);
        at += 8;
    }
    uint32_t most = (TCP_OPTIONS_MOST - at - 4) / TCP_OPT_SACK_BLOCK, blocks = o->blocks < most ? o->blocks : most;
    if (blocks == 0) return at;
    at += option_begin(bytes + at, TCP_OPT_SACK, 2 + blocks * TCP_OPT_SACK_BLOCK);
    for (uint32_t i = 0; i < blocks; i++, at += TCP_OPT_SACK_BLOCK) {
        wire_put32(bytes + at, o->sack[i][0]);
        wire_put32(bytes + at + 4, o->sack[i][1]);
    }
    return at;
}
