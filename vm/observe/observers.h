/* Watching connections (`mode observe`): each accepted TCP packet is shown to the observers of a worker, which put
 * both halves in order and report their content. Nothing is sent or changed.
 *
 * Work for a packet does not grow with earlier ones: chunks are found in one step, and a hole's cost was paid by the
 * segment that made it. Memory is reserved at the start. */
#pragma once

#include "vm/keyed/archive.h"
#include "vm/observe/observe.h"
#include "vm/observe/waiting.h"
#include "vm/packet/key.h"
#include "vm/packet/parse/fragment.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"
#include "vm/program/remap.h"
#include "vm/verdict.h"

struct observers;

/* Make the observers of a program, which must outlive them. out NULL: no one is notified. Return NULL if out of
 * memory. */
struct observers *observers_new(const struct program *p, const struct observe_out *out, uint64_t seed);
void observers_free(struct observers *o); /* NULL is allowed */

/* A TCP packet as observed; if its flow is rewritten, as the client sees it. The payload must stay in place until
 * the packet has been shown. */
struct observe_packet {
    struct key key;
    uint32_t seq, ack, len; /* len: payload on the wire */
    uint32_t have;          /* captured bytes of the payload in the head */
    const uint8_t *bytes;
    const struct pkt_seg *segs; /* the rest of the payload, behind `skip` bytes */
    uint32_t skip;
    uint16_t window, stack;           /* stack: see flow/stacks.h, with a reference */
    uint8_t seg_count, flags, scale;  /* flags: enum tcp_flag; scale: shift of a SYN's windows */
    bool has_stamps, sack, has_scale; /* set only for a SYN, unless the program cuts in; so are `mss` and `stamp` */
    uint16_t mss;
    uint32_t stamp;
    uint32_t fragment, zero; /* identification of a first fragment, and number of its datagram's first byte */
};

/* Read a packet before it is judged, as it arrived. False: it can't be observed. Otherwise it must be shown or
 * dropped. */
bool observers_read(struct observers *o, const struct key *key, const struct pkt *pkt, struct observe_packet *s);
/* Set the ends and numbers of a packet that left in place of the packet read. False: not TCP. */
bool observe_packet_as(struct observe_packet *s, const struct pkt *left, const struct facts *facts);
/* Show an accepted packet, with its time of arrival; times never run back. */
void observers_see(struct observers *o, uint64_t now_ns, const struct observe_packet *s);
/* Show an accepted later fragment: its bytes count as received, but are not in the stream. */
void observers_see_later(struct observers *o, const struct key *key, const struct fragment *later);
/* Drop a packet that was read and may not go on. */
void observers_drop(struct observers *o, const struct observe_packet *s);

/* True for a packet with bytes or an end, of a connection that a branch may still reset or cut into. Bytes that the
 * receiver would drop for a wrong checksum must not decide about such a connection. */
bool observers_hang_on(struct observers *o, const struct observe_packet *s);
/* Count and drop a packet with a wrong checksum. */
void observers_drop_damaged(struct observers *o, const struct observe_packet *s);
/* Return the fate of a packet that was read, before it is judged. Except with HOLDING_NONE it need not be shown
 * again. */
enum holding_says {
    HOLDING_NONE,   /* the packet is judged, then shown */
    HOLDING_SHOWN,  /* the packet is judged; it was shown */
    HOLDING_WAITS,  /* the packet waits, behind others of its connection */
    HOLDING_REJECT, /* the packet is refused, and both ends are reset, unless `quiet` */
    HOLDING_DROP,   /* the packet is dropped: it would pass unread, or is held already */
};
struct holding {
    uint32_t conn;           /* place of the packet's connection */
    struct both_reset reset; /* HOLDING_REJECT: numbers for the resets */
    bool quiet;
    bool cut;      /* the connection is to be cut into: observers_cut_begun comes next */
    uint32_t from; /* with `cut`: number of the client's first byte that is held */
    bool waits;    /* HOLDING_WAITS: until its connection is decided; else behind packets that go on */
};
enum holding_says observers_holding(struct observers *o, uint64_t now_ns, const struct observe_packet *s,
                                    struct holding *g);
/* Hold a packet in a slot of the pool, and take over the slot. False: there is no room. */
bool observers_hold(struct observers *o, const struct holding *g, struct pkt *pkt);
/* Let the held packets of a connection go on, because no other can be held, and hold no more of them. */
void observers_let(struct observers *o, struct holding *g);
/* Let a RST in the name of an end go on behind the held packets, and take over its slot. False: there is no room. */
bool observers_send(struct observers *o, struct pkt *rst);
/* State of one end of a connection that is cut into: number of its next byte, newest TSval, options of its SYN (enum
 * half_has). */
struct cut_known {
    uint32_t next, stamp;
    uint32_t edge; /* right edge of the window that the peer has announced; `next`: unknown */
    uint16_t mss;
    uint8_t scale, has;
    uint8_t ttl, tos; /* hop limit and DSCP byte of its newest packet */
};
/* Note the number of the inline connection whose sockets are being opened for a connection. If there is none
 * (CUT_NUMBERS), the connection goes on unchanged, and the function returns false. */
enum { CUT_NUMBERS = 1 << 24 };
bool observers_cut_begun(struct observers *o, const struct holding *g, uint32_t number);
void observers_cut_known(const struct observers *o, const struct holding *g, struct cut_known ends[2]);
/* Return the service that the connection goes to; PBC_NONE: a reload removed the service. */
uint32_t observers_cut_service(const struct observers *o, const struct holding *g);
/* Connections that are being cut into, and the next step of each: its sockets are opened while its packets pass;
 * then new bytes of both ends are held; at last, when all passed bytes are acknowledged, it is joined, or its time
 * has expired. */
enum cut_step { CUT_AWAITS_SOCKETS, CUT_AWAITS_ACKS, CUT_JOINS, CUT_ENDS };
unsigned observers_cut_count(const struct observers *o);
enum cut_step observers_cut_step(const struct observers *o, unsigned i, uint64_t now_ns, uint32_t *number);
void observers_cut_hold(struct observers *o, unsigned i);
void observers_cut_now(const struct observers *o, unsigned i, struct cut_known ends[2]);
/* Release the held packets of a connection, and remove it from the list of those being cut into. */
enum cut_end { CUT_JOINED, CUT_LATE, CUT_NO_SOCKETS };
void observers_cut_over(struct observers *o, unsigned i, uint64_t now_ns, enum cut_end end);
/* Take the next packet that no longer waits. False if there is none (the second function only asks). */
bool observers_leaves(struct observers *o, struct waiting *h);
bool observers_ready(const struct observers *o);

/* Run timers, some numbers per call; return the next deadline, UINT64_MAX: no connections. */
uint64_t observers_tick(struct observers *o, uint64_t now_ns);
/* End all sessions, each for that reason. */
void observers_end(struct observers *o, uint64_t now_ns, enum observe_why why);

/* Describe the next session: *at begins as 0. False: there are no more. Views are valid until the next packet. */
bool observers_next(const struct observers *o, uint32_t *at, struct observe_record *r);
/* Describe the session that a packet belongs to. False: the session is not observed, or over. */
bool observers_of(const struct observers *o, const struct key *key, const struct pkt *pkt, struct observe_record *r);
/* Go on with another program, for which `fresh` was made; NULL: the program observes nothing, and all sessions end. */
void observers_rename(struct observers *o, struct observers *fresh, const struct remap *r, uint64_t now_ns);
/* Write all observers, or read them into new ones (keyed/archive.h); packets that are held are in the pool. ifaces:
 * number of interfaces that the facts know. False: the archive is bad. */
bool observers_archive(struct observers *o, struct pool *pool, struct archive *a, uint32_t ifaces);
const struct observe_counters *observers_counters(const struct observers *o);
/* Add the counters of another process, except levels. */
void observers_count_more(struct observers *o, const struct observe_counters *more,
                          const struct observe_counters *each);
/* Return the counters of each service: [observes_count]. Packets without a known service are not counted; most: peak
 * number of connections of the service. */
const struct observe_counters *observers_each(const struct observers *o);
