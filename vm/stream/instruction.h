/* An instruction: the first bytes of a connection say where it goes (the forwarder's protocol).
 *
 *      LL IP:PORT CC           20192.168.2.6:666600
 *      LL    two digits: the length of all of it, at most 64
 *      CC    two check characters: with `check sum` the decimal sum of the bytes before them modulo 100
 *
 *      NAT IP PORT             padded with spaces to exactly 32 bytes
 *      NAT   1 keeps the client's address, 2 uses ours
 *
 * An IPv6 address stands in brackets. */
#pragma once

#include "vm/stream/stream.h"

enum { INSTRUCTION_MAX = 64, INSTRUCTION_PADDED = 32 };

enum instruction_nat { INSTRUCTION_NAT_UNSAID, INSTRUCTION_NAT_KEEP, INSTRUCTION_NAT_OURS };

struct instruction {
    uint32_t len; /* READ_WHOLE: its bytes, to be taken off; READ_MORE: fewer than these in all are not enough */
    struct stream_addr target;
    uint8_t nat;    /* enum instruction_nat */
    bool sum_holds; /* the check characters are the sum; always so in the form that has none */
};

/* READ_OTHER: does not begin with a digit. READ_BAD is `instruction-malformed`. A v4 address inside a v6 one is bad: it
 * would reach what a list of v4 addresses forbids. */
enum stream_read instruction_read(struct instruction *i, const uint8_t *bytes, uint32_t n);
