/* A TCP header's numbers and the options that a SYN carries, for those who follow connections. */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

struct tcp_header {
    uint32_t seq, ack; /* as they stand there, whatever the flags */
    uint16_t window;
    uint32_t payload_len; /* bytes of this packet after the header, by the IP length, captured or not */
};

/* Of a packet in which pkt_parse found TCP without a fault, no later fragment. Only in a view that was cut since would
 * bytes be missing: all is 0 then. */
void tcp_header_read(const struct pkt *pkt, const struct key *key, struct tcp_header *out);

struct tcp_syn_options {
    bool has_scale;
    uint8_t scale; /* RFC 7323, 2.2: the shift as it stands there */
    uint16_t mss;  /* RFC 9293, 3.7.1; 0: absent */
    bool sack;     /* SACK permitted (RFC 2018, 2) */
    bool has_stamps;
    uint32_t stamp, echo; /* RFC 7323, 3.2: TSval, TSecr; also where the segment is no SYN */
};

/* The options end at the first that does not fit or is shorter than its own header; what stood before counts. Of two of
 * a kind the later counts; one with another length than its kind's counts for nothing. */
void tcp_syn_options_read(const struct pkt *pkt, struct tcp_syn_options *found);
