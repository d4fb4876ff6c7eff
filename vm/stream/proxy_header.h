/* The PROXY header, versions 1 and 2: who the client of a proxy is (HAProxy's specification of the PROXY protocol,
 * sections 2.1 and 2.2). */
#pragma once

#include "vm/stream/stream.h"

enum {
    PROXY_V1_BEGIN = 6,    /* bytes by which version 1 is known, */
    PROXY_BEGIN_MAX = 12,  /* and version 2 */
    PROXY_V1_MAX = 107,    /* with CRLF */
    PROXY_V2_MAX = 4096,   /* what we accept: addresses and TLVs, most senders stay under 600 */
    PROXY_HEADER_OUT = 107 /* the longest that we write */
};

struct proxy_header {
    uint32_t len;    /* READ_WHOLE: its bytes; READ_MORE: fewer than these in all are not enough */
    uint8_t version; /* 1 or 2 */
    bool known;      /* src and dst are set: not with LOCAL, UNKNOWN, or families other than TCP over IP */
    struct stream_addr src, dst;
};

/* READ_OTHER: no PROXY header begins here. READ_BAD is `proxy-header-malformed`. TLVs are checked and passed over; the
 * CRC32c of one that has it must be right. */
enum stream_read proxy_header_read(struct proxy_header *h, const uint8_t *bytes, uint32_t n);

/* Write a header of that version; returns its length. src and dst are of one family; both NULL: the connection is the
 * sender's own (LOCAL, in version 1 UNKNOWN). */
uint32_t proxy_header_write(uint8_t out[PROXY_HEADER_OUT], unsigned version, const struct stream_addr *src,
                            const struct stream_addr *dst);
