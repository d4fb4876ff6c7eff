/* Ethernet/IPv4 frames built from numbers, for benchmarks and for tests that have headers but no packets. */
#ifndef TESTS_LIB_FRAME_H
#define TESTS_LIB_FRAME_H

#include <stdint.h>

struct header {
    uint32_t src, dst; /* host order */
    uint16_t src_port, dst_port;
    uint8_t proto;
};

enum { FRAME_LEN = 60 };

/* Write `len` bytes (54 to 65549): Ethernet (02:00:00:00:00:02 from 02:00:00:00:00:01), IPv4, then the ports if the
 * protocol has them, a UDP header that covers the rest, or a TCP header of 20 bytes with ACK. The rest is 0. Well
 * formed for every protocol; checksums beyond IPv4's header are 0. Return the header after IPv4's. */
uint8_t *frame_fill(const struct header *h, unsigned len, uint8_t *out);
/* The same, always FRAME_LEN bytes. */
void frame_build(const struct header *h, uint8_t out[FRAME_LEN]);
/* Set the sequence number, acknowledgement and flags of a TCP header. */
void frame_segment(uint8_t *tcp, uint32_t seq, uint32_t ack, unsigned flags);

#endif
