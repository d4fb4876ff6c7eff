/* Packets of a drawn conversation as fields, converted to frames and back */
#ifndef TESTS_DIFF_ROUTERS_PACKET_H
#define TESTS_DIFF_ROUTERS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_MOST = 2048, PAYLOAD_MOST = 1200, QUOTE_MOST = 600 };
enum tcp_flag { FLAG_FIN = 1, FLAG_SYN = 2, FLAG_RST = 4, FLAG_PSH = 8, FLAG_ACK = 16 };

struct frame {
    uint8_t iface; /* by which it arrives or leaves */
    uint16_t len;
    uint8_t bytes[FRAME_MOST];
};

struct packet {
    uint8_t to_mac[6], from_mac[6];
    bool v6;
    uint8_t proto, ttl;
    uint8_t src[16], dst[16];
    uint16_t src_port, dst_port; /* query: both are the identifier */
    uint16_t ip_id;              /* IPv6: of a fragment only */
    uint8_t flags;
    uint32_t seq, ack;
    uint8_t type, code;
    uint16_t mtu;       /* from an ICMP error */
    uint16_t payload;   /* bytes; for queries and protocols with ports */
    uint16_t offset;    /* fragment's offset in bytes */
    bool more;          /* other fragments follow */
    bool no_fragments;  /* DF is set */
    uint16_t quote_len; /* ICMP error: length of the quoted packet */
    uint8_t quote[QUOTE_MOST];
};

bool packet_is_query(const struct packet *p);
bool packet_is_error(const struct packet *p);
/* Return the family's ICMP type: echo request or reply, unreachable, time exceeded. */
uint8_t icmp_echo(bool v6, bool reply);
enum icmp_error { ERROR_PORT, ERROR_HOST, ERROR_TIME, ERROR_TOO_BIG };
void packet_make_error(struct packet *p, enum icmp_error error);

/* Write the complete frame with correct checksums. */
void packet_build(const struct packet *p, uint8_t iface, struct frame *f);
/* Write the fragments of a datagram, each with at most `fragment` bytes after the IP header. Returns their number. */
unsigned packet_fragments(const struct packet *p, uint8_t iface, unsigned fragment, struct frame *f, unsigned most);
/* Parse a frame. Returns false if it is neither IPv4 nor IPv6, or too short. */
bool packet_parse(const struct frame *f, struct packet *p);
/* Write "e1 tcp 10.1.0.2:5 > 10.2.0.3:80 SA ttl 63"; returns buf. */
const char *packet_text(const struct frame *f, char *buf, size_t len);

/* Compute the checksum of an IPv4 header, or of an upper protocol with its payload; 0 if the bytes already contain a
 * right one. The third returns the place of an upper checksum in its header, or 0. */
uint16_t packet_sum_ip(const uint8_t *ip, unsigned head);
uint16_t packet_sum_upper(const uint8_t *ip, const uint8_t *upper, unsigned len, uint8_t proto);
unsigned packet_sum_at(uint8_t proto);

/* Find the header after IP's in an IP packet of `len` bytes, and its protocol. `fragment`: that header isn't in this
 * packet. Returns 0 if the packet isn't IP. */
unsigned packet_upper(const uint8_t *ip, unsigned len, uint8_t *proto, bool *fragment);

#endif
