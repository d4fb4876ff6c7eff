/* Connections that were only observed, and are cut into (`-> proxy inline` in `mode observe`). While the
 * connection's packets pass, the vm opens two sockets of the inline stack by handshakes, one in the name of each
 * end. Then each leg is a splice (../splice/) of an end on the wire and its socket. So no socket needs to be
 * repaired, and numbers, windows and timestamps fit from the first segment on. */
#pragma once

#include "vm/forward/inline/conns.h"

struct archive;
struct job;
struct packet_ctx;
struct tcp_segment;
struct translation;

/* The known state of an end, by enum inline_at */
struct cut_side {
    uint32_t next;  /* sequence number of its next byte */
    uint32_t stamp; /* its newest TSval */
    uint32_t edge;  /* right edge of the window that the other end has announced; `next`: none */
    uint16_t mss;   /* announced by the end; 0: none */
    uint8_t scale;  /* shift of its windows, valid if `scaled` */
    uint8_t ttl;    /* TTL of its newest packet, and the byte with its DSCP (`tos`) */
    uint8_t tos;
};
struct cut_ends {
    struct cut_side side[2];
    bool stamps, sack, scaled; /* options that both SYNs had */
};

/* Begin to open the sockets for a connection with a packet of its client. INLINE_NUMBERS: impossible. */
uint32_t inline_cut_begin(const struct job *j, const struct packet_ctx *c, uint32_t service,
                          const struct cut_ends *ends);
enum cut_state { CUT_OPENS, CUT_OPENED, CUT_FAILED };
enum cut_state inline_cut_state(const struct job *j, uint32_t number);
/* Join each end with its socket, once everything sent to either is acknowledged. From now on inline_wire takes the
 * connection's packets. */
void inline_cut_join(const struct job *j, uint32_t number, const struct cut_ends *ends);
/* Give up a connection that was not joined; nothing is sent on the wire. */
void inline_cut_drop(const struct job *j, uint32_t number);

/* For this room only */

enum { CUTS_MOST = 4096 };
struct cuts;
struct cuts *cuts_new(void); /* NULL: out of memory */
void cuts_free(struct cuts *all);
void cuts_put(struct cuts *all, uint32_t cut); /* 0 is allowed */
/* Write the legs of a connection that was cut into, or read them. False: the archive is bad. */
bool cuts_archive(struct inlines *all, uint32_t number, struct archive *a);

/* Handle a packet to an end from the socket that represents the other end. */
void inline_cut_said(const struct job *j, struct inline_conn *c, uint32_t number, enum inline_at to, struct pkt *pkt,
                     const struct key *key);
/* Rewrite the numbers in a quotation of a packet that left to an end into those of the socket that sent it. */
void inline_cut_quoted(const struct job *j, const struct inline_conn *c, enum inline_at to, struct translation *inner);
/* Give a packet of an end to its socket. */
void inline_cut_wire(const struct job *j, const struct packet_ctx *ctx, struct inline_conn *c, uint32_t number,
                     enum inline_at from, const struct tcp_segment *s);
