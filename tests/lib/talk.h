/* Frames of conversations, built from numbers: IPv4 or IPv6 behind VLAN tags, TCP, UDP, SCTP, ICMP queries, and ICMP
 * errors that quote such a frame. For tests that draw packets by the million and know their fields without parsing. */
#ifndef TESTS_LIB_TALK_H
#define TESTS_LIB_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/packet/pkt.h"

enum { TALK_TAGS = 3, TALK_FRAME_MAX = 256 };

struct talk {
    bool v6;
    uint32_t src,
        dst; /* IPv4 address; IPv6: the last word of 2001:db8::, or of ff02:: if the IPv4 address is multicast */
    uint8_t proto, ttl;
    uint16_t src_port, dst_port; /* TCP, UDP, SCTP */
    uint8_t flags;               /* TCP */
    uint32_t seq, ack;
    uint16_t window;
    uint8_t payload;           /* bytes, at most 64; SCTP: a chunk of the type `chunk` if there are four or more */
    uint8_t chunk;             /* type of the SCTP chunk */
    bool strange;              /* SCTP: the tag is one that neither side asked for */
    uint16_t tag_src, tag_dst; /* SCTP: ports that tags are derived from if a translator changed them; else 0 */
    uint8_t type;              /* ICMP, by the family's own numbers */
    uint16_t id;               /* ICMP query */
    uint8_t tag_count;
    struct {
        uint16_t tpid, vid;
    } tags[TALK_TAGS];
    uint16_t ip_id;            /* IPv4 */
    uint8_t fragment;          /* 0: none; 1: first; 2: later (IPv4 only) */
    const struct talk *quoted; /* ICMP error: the packet it quotes */
};

/* Write the frame and return its length. */
uint32_t talk_build(const struct talk *t, uint8_t out[TALK_FRAME_MAX]);

/* Return the verification tag of packets to a port: the one that INIT and INIT ACK of that port ask for. */
uint32_t talk_tag(uint16_t port);
/* Return the chunk type of the Nth packet of a new association. The client sends the first and the sides take turns:
 * INIT and INIT ACK, the cookie both ways, then data. */
uint8_t talk_chunk(unsigned nth);

/* Write the address in the form of struct key. */
void talk_addr(const struct talk *t, uint32_t addr, uint32_t out[4]);

/* Write "tcp 10.0.0.1:5 > 10.0.0.2:80 SA seq 5 ack 7", for reports. Returns buf. */
const char *talk_text(const struct talk *t, char *buf, unsigned len);

#endif
