/* Frames made from what they are to say: Ethernet, tags, IP or ARP, every checksum right. Tests of rule files, samples
 * of regions and the trial of a program are made of these; the frames that answer a packet are build.h's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/tables.h"

/* What follows IP: a row of uppers[], or any other protocol; or that it is ARP. */
enum frame_form {
#define UPPERS_ALONE
#define UPPER(ident, ...) FORM_##ident,
#include "vm/proto.def"
    FORM_PROTO,
    FORM_ARP,
    FORM_COUNT
};
/* Of the bits that the form's header adds to key.kind, those that are among `bits`. */
static inline uint32_t form_adds(unsigned form, uint32_t bits) { return form < UPPERS ? uppers[form].there & bits : 0; }
/* The form of a protocol by its number, in IPv6 or not. */
uint8_t frame_form_of(uint8_t proto, bool six);

enum {
    FRAME_MOST = 14 + 8 + 65535,
    FRAME_LATER_OFFSET = 1480, /* of a later fragment that comes before all others of its kind */
};

/* The headers around a frame's IP packet: IP in IP, or GUE. */
struct frame_tunnel {
    uint8_t family;
    bool gue;
    uint16_t port; /* GUE: the destination's */
    uint32_t src[4], dst[4];
};

/* Addresses are as in struct key: host order, IPv4 in word 0 and zeros behind it. Nothing in it can fail to be built
 * but a `length` that is shorter than frame_least. */
struct frame_spec {
    uint8_t form;   /* enum frame_form */
    uint8_t family; /* 4 or 6 */
    uint8_t proto;  /* IP protocol; of FORM_ARP: none */
    uint8_t notes;  /* the caller's own: no byte of the frame */
    uint32_t src[4], dst[4];
    uint16_t src_port, dst_port;
    uint8_t flags;      /* TCP flags as in the header */
    uint8_t type, code; /* ICMP */
    uint8_t ttl;
    uint8_t tags; /* VLAN tags, outermost first */
    uint16_t vid[2];
    uint16_t iface;              /* id in the program, IFACE_NONE */
    uint32_t number[IP_NUMBERS]; /* of the IP header, but its TTL and its length */
    bool options;                /* IPv4: it has some */
    bool ah;                     /* IPv6: AH stands before what it carries */
    bool arp_answer;             /* FORM_ARP: it answers, and asks nothing */
    uint32_t seq, ack;           /* TCP */
    uint32_t rest;               /* ICMP: the second word of its header */
    uint32_t datagram, offset;   /* a fragment: identification, and where it lies, in bytes */
    uint32_t fragment;           /* KIND_FRAG_NO, KIND_FRAG_FIRST, KIND_FRAG_LATER */
    uint32_t length;             /* of the IP packet; 0: what its parts need */
    uint64_t src_mac, dst_mac;   /* 0: as the addresses say */
    struct frame_payload {
        const uint8_t *bytes;
        uint32_t len;
    } payload;
    const struct frame_tunnel *tunnel; /* NULL: it comes bare */
    uint16_t way;                      /* no byte of the frame: as in struct pkt, where it is said */
    uint8_t source;                    /* likewise */
};

struct pkt;

/* Write the frame; returns its length, at most FRAME_MOST. */
uint32_t frame_write(const struct frame_spec *f, uint8_t frame[FRAME_MOST]);
/* A view of what was written, with what is said of its ways. */
void frame_spec_view(const struct frame_spec *f, const uint8_t *frame, uint32_t len, struct pkt *pkt);
/* Bytes of the IP packet without filling: headers and payload; those that it has behind its IP headers; those of the
 * headers of its tunnel. */
uint32_t frame_least(const struct frame_spec *f);
uint32_t frame_carried(const struct frame_spec *f);
uint32_t frame_tunnel_len(const struct frame_spec *f);

/* What a frame has unless something else is said: its TTL; of ICMP the second word, which errors use for an MTU, and
 * queries for identifier and number. */
uint8_t frame_ttl(const struct frame_spec *f);
uint32_t frame_icmp_rest(const struct frame_spec *f);
bool frame_is_icmp_error(const struct frame_spec *f);
