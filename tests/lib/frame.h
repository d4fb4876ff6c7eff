/* A small Ethernet/IPv4 frame from numbers: for tests that have headers, not packets. */
#ifndef TESTS_LIB_FRAME_H
#define TESTS_LIB_FRAME_H

#include <stdint.h>

struct header {
    uint32_t src, dst; /* host order */
    uint16_t src_port, dst_port;
    uint8_t proto;
};

enum { FRAME_LEN = 60 };

/* Always FRAME_LEN bytes: Ethernet (02:00:00:00:00:02 from 02:00:00:00:00:01), IPv4, then the ports if the protocol has
 * them. Well formed for every protocol; checksums beyond IPv4's header are 0. */
void frame_build(const struct header *h, uint8_t out[FRAME_LEN]);

#endif
