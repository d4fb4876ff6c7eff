/* Inline connections of one worker: the state of each, and the tuples by which packets from the wire find it.
 * Packets from the inline stack name it by number (inline_addr.h).
 *
 * Memory and work are bounded: `limits { proxy_sessions }` connections, made at the start. */
#pragma once

#include "vm/flow/inline_addr.h"
#include "vm/flow/marks.h"
#include "vm/flow/spliced.h"
#include "vm/flow/stacks.h"
#include "vm/flow/tuples.h"
#include "vm/forward/splice/splice.h"
#include "vm/packet/reply/frame.h"
#include "vm/program/program.h"
#include "vm/program/remap.h"
#include "vm/verdict.h"

/* One leg's TCP, as far as a splice must know it: between an end and prey's socket to it. Filled in as segments
 * pass; numbers are those of the wire. */
struct inline_leg {
    uint32_t first, our_first; /* sequence numbers of the end's SYN and of prey's */
    uint32_t top;   /* end of all bytes that the end has sent, in any order, and that prey's socket was given */
    uint32_t acked; /* newest sequence number of prey's that the end has acknowledged */
    uint32_t edge, our_edge;   /* right edges of the end's window and prey's; before the end's SYN, prey's is a width */
    uint32_t stamp, our_stamp; /* newest TSval of the end, and of prey */
    uint16_t mss, our_mss;     /* announced by the end, and by prey; 0: none */
    uint8_t scale, our_scale;  /* shifts, at most 14 */
    uint8_t has, our_has;      /* enum splice_has and LEG_SCALE: what either SYN offered */
    uint8_t odd;               /* 1: options that no splice can translate */
    uint8_t heard;             /* 1: the end's SYN had a right checksum; these are its values */
};
enum { LEG_SCALE = 1 << 7 };

/* Layer 2 of an end, and fields of its IP headers for prey's packets in its name */
struct inline_side {
    uint64_t mac;        /* destination of frames to it; 0: the next hop is resolved */
    uint32_t priorities; /* PCP and DEI of its tags, four bits each, the outermost tag lowest */
    uint32_t next;       /* sequence number of its next segment in order, as far as known */
    uint32_t ours;       /* sequence number of prey's next segment to it */
    uint16_t iface;      /* interface that leads to the end; IFACE_NONE: by its route */
    uint16_t stack;      /* its VLAN stack */
    uint8_t ttl, tos;    /* TTL and DSCP of its last packet; ttl 0: it has sent none */
    uint8_t bridged;     /* 1: the end's packets are bridged: they keep MAC addresses and TTL */
    struct inline_leg leg;
};

/* True if the end has acknowledged all that was sent to it, as far as known. */
static inline bool inline_has_all(const struct inline_side *to) { return to->leg.acked == to->ours; }

enum inline_state {
    INLINE_FREE,
    INLINE_OPENS, /* its SYN went to the inline stack, which has not replied */
    INLINE_SAID,  /* the inline stack's reply has left, and the client has not acknowledged it */
    INLINE_WAITS, /* `server first`: prey's reply to the client waits for the server's */
    INLINE_TOLD,  /* `server first`: that reply has left, and the client has not acknowledged it */
    INLINE_OPEN,
    INLINE_SPLICED, /* its sockets are gone: segments are rewritten (splicing.c) */
    INLINE_RETIRED, /* the connection has ended, but its sockets may still send: its number is not given out yet */
};

/* Ends of both connections, as far as seen */
enum inline_over {
    OVER_CLIENT = 1 << 0, /* FIN of the client */
    OVER_TO_CLIENT = 1 << 1,
    OVER_TO_SERVER = 1 << 2,
    OVER_SERVER = 1 << 3,
    OVER_FINS = 15,
    /* Also after a RST from or to the server: the client may be led to another one */
    OVER_OF_SERVER = OVER_TO_SERVER | OVER_SERVER,
    OVER_RESET = 1 << 4,    /* RST from prey to the client, or the loop has ended the connection */
    OVER_WIRE = 1 << 5,     /* RST from the client at the next number: counts until the client sends more */
    OVER_IN_ORDER = 1 << 6, /* the client's FIN was at the next number */
    OVER_GONE = 1 << 7,     /* its service is gone: both ends must still be reset */
};

struct inline_conn {
    uint32_t client[4], server[4]; /* as the client wrote them */
    uint32_t to[4];                /* destination of prey's connection to the server */
    uint32_t from[4]; /* source towards the server: the client's address, or one of prey's (conn_source.c) */
    uint16_t client_port, server_port, to_port, from_port;
    uint16_t use;               /* port at INLINE_CLIENT */
    uint16_t own_port;          /* port at INLINE_OWN; 0: no connection to a server has begun */
    uint16_t made_port;         /* port at INLINE_SERVER */
    uint16_t mss;               /* announced by the client; 0: none */
    uint8_t state;              /* enum inline_state */
    uint8_t over;               /* enum inline_over */
    uint8_t v6, server_first;   /* 1: true */
    uint8_t answered;           /* 1: the server has answered prey's SYN */
    uint16_t original_iface;    /* interface that leads to the client's original destination, as in side[AT_SERVER] */
    uint64_t original_mac;      /* MAC on that way */
    struct inline_side side[2]; /* by enum inline_at */
    uint32_t service;           /* PBC_NONE: it is gone */
    uint32_t client_seq;        /* sequence number of the client's SYN */
    uint32_t seq;               /* sequence number of prey's SYN to the client */
    uint32_t own_seq;           /* sequence number of prey's SYN to the server */
    uint16_t window;            /* window of prey's SYN to the client */
    uint16_t client_window;     /* window of the client's SYN */
    struct tcp_options options; /* options of prey's SYN to the client */
    uint32_t client_stamp;
    uint32_t index[2]; /* slots of its tuples: the client's own, and the one to a pool's server */
    uint32_t next;     /* the next free number, or the next half-open connection */
    uint32_t before;   /* the previous half-open connection */
    uint64_t seen_ns;
    uint32_t target[4];   /* next destination by the loop's request, at port INLINE_TARGETS */
    uint16_t target_port; /* 0: the loop has named none */
    uint8_t target_keeps; /* 1: the target sees the client's source, even if the service is not transparent */
    uint8_t leaves;       /* 1: the connection may leave the inline stack, so its legs are followed */
    uint8_t told_over;    /* 1: the loop knows that the spliced connection is over */
    uint8_t former;       /* 1: the connection comes from an earlier process, whose loop may have its sockets */
    uint32_t cut;         /* place of its cut (cut.h); 0: none */
    uint32_t hold;        /* its place among those that hold segments; HOLD_NONE */
    struct splice splice; /* INLINE_SPLICED; ends by enum inline_at */
};
enum { HOLD_NONE = UINT32_MAX };

struct inlines;

/* Make the connections of a program with services that end in the inline stack. NULL: out of memory. */
struct inlines *inlines_new(const struct program *p, uint64_t seed, unsigned worker);
void inlines_free(struct inlines *all); /* NULL is allowed */
size_t inlines_bytes(void);             /* memory of each connection, with its tuples */
/* Count the traffic of spliced connections in `carried`, by number. */
void inlines_carry(struct inlines *all, struct inline_carried *carried);
/* Also store the tuples of future connections in `share`. */
void inlines_share(struct inlines *all, struct inline_share share);
/* Mark the tuples of future connections in that memory, for the kernel executor. */
void inlines_mark(struct inlines *all, struct inline_marks *marks);
/* conn_slots.c: let the kernel executor pass ordinary segments of future spliced connections. False: out of memory. */
struct splice_slots;
bool inlines_slots(struct inlines *all, const struct splice_slots *slots);
/* Take over the counts and numbers of what the kernel has passed of a connection; drop its slots (second function). */
void inlines_take(struct inlines *all, struct inline_conn *c, uint32_t number);
void inlines_drop_slots(struct inlines *all, uint32_t number);
void inlines_leave_kernel(struct inlines *all); /* drop all slots */
/* True if the kernel passes segments of that end. */
bool inlines_in_kernel(const struct inlines *all, uint32_t number, enum inline_at from);
/* Take over those of some connections. Return the next deadline. */
uint64_t inlines_take_some(struct inlines *all, uint64_t now_ns);
/* Note that all packets of vm_tx have left: the kernel may pass later ones. */
void inlines_sent(struct inlines *all);

/* Begin a connection at time `now_ns` with the tuple of a client's first packet. *number is set; NULL: no number is
 * free, or there is no id for the VLAN stack. The caller fills in the rest. */
struct inline_conn *inlines_begin(struct inlines *all, const struct key *key, const struct pkt *pkt, uint64_t now_ns,
                                  uint32_t *number);
void inlines_end(struct inlines *all, uint32_t number);
/* End a connection now. Its number rests, because its sockets may still send and must not meet another connection. */
void inlines_retire(struct inlines *all, uint32_t number, uint64_t now_ns);
/* Note that a connection was spliced; that it was cut into (second function). Count a segment of it, with `len`
 * bytes of payload (third). Check again a connection that is over (fourth). */
void inlines_spliced(struct inlines *all, uint32_t number, uint64_t now_ns);
void inlines_cut_into(struct inlines *all, uint32_t number, uint64_t now_ns);
void inlines_count(struct inlines *all, uint32_t number, enum inline_at from, uint32_t len, uint64_t now_ns);
void inlines_over(struct inlines *all, uint32_t number);
struct holds *inlines_holds(struct inlines *all);
/* True if no segment is held, and the loop has got all messages. */
bool inlines_rest(const struct inlines *all);
/* Change the state to INLINE_OPEN, once. */
void inlines_opened(struct inlines *all, uint32_t number);
/* Return the oldest half-open connection if no more may be opened. NULL: there is room. */
struct inline_conn *inlines_too_many(struct inlines *all, uint32_t *number);

/* Find the connection of a packet's tuple, or of the tuple that an error quotes. NULL: none. *from: the end that
 * sent it. */
struct inline_conn *inlines_find(struct inlines *all, const struct key *key, const struct pkt *pkt, uint32_t *number,
                                 enum inline_at *from);
/* True while a connection is being cut into: its packets still pass. */
bool inlines_cut_waits(const struct inlines *all, const struct inline_conn *c);
/* Return the connection of a number. NULL: the number is free, retired or invalid. */
struct inline_conn *inlines_at(struct inlines *all, uint32_t number);

/* True if a connection has that tuple, without tags. */
bool inlines_has(const struct inlines *all, const uint32_t a[4], uint16_t a_port, const uint32_t b[4], uint16_t b_port,
                 bool v6);

/* Let packets of another server's tuple find the connection, too, by conn->from, conn->to and side[AT_SERVER].stack;
 * an earlier such tuple is dropped. False: no room, or the tuple is another connection's. */
bool inlines_also(struct inlines *all, uint32_t number);
/* Set side[AT_SERVER] for the client's original destination, as before its first packet, and the connection's source
 * to the client's. Another server's tuple is dropped. */
void inlines_original(struct inlines *all, uint32_t number);
/* Take a reference to the stack of these tags. STACK_UNKNOWN: no room. Give it to side[AT_SERVER] (second function).
 * Return the number of an end's tags, in tags[] (third). */
uint16_t inlines_stack(struct inlines *all, const struct stack_tag tags[], unsigned count);
void inlines_take_stack(struct inlines *all, uint32_t number, uint16_t stack);
unsigned inlines_tags(const struct inlines *all, const struct inline_conn *c, enum inline_at at,
                      struct stack_tag tags[STACK_TAGS]);
unsigned inlines_worker(const struct inlines *all);

/* End connections that have timed out, some numbers per call. If neither end has ended a connection, its loop is
 * notified first, and it lives on for as long as an ended one. Return the next deadline; UINT64_MAX if none is left. */
typedef void inlines_late_fn(void *arg, struct inline_conn *c, uint32_t number);
uint64_t inlines_tick(struct inlines *all, uint64_t now_ns, inlines_late_fn *late, void *arg);

/* Rename services after a change of program; connections of removed services time out at once. */
void inlines_rename(struct inlines *all, const struct remap *r);

/* to_loop.c: have a message sent to the loop about a connection that has or had that number and that port at
 * INLINE_CLIENT. */
void inlines_tell_loop(struct inlines *all, const struct inline_told *told);
/* Take the oldest message to the loop. False if none waits. */
bool inlines_told(struct inlines *all, struct inline_told *told);

/* Note for all connections that they come from an earlier process. Return the highest number plus 1. */
uint32_t inlines_former(struct inlines *all);
/* Describe a connection. False: the number is free. */
bool inlines_tell(struct inlines *all, uint32_t number, struct inline_open *o);
/* Return how a connection's packets go on. False: its service is gone, or its packets still pass. */
bool inlines_goes(const struct inlines *all, uint32_t number, struct inline_goes *goes);

/* Write all connections, or read them into new ones (keyed/archive.h). ifaces: number of interfaces that the facts
 * know. */
bool inlines_archive(struct inlines *all, struct archive *a, uint32_t services, uint32_t ifaces);
