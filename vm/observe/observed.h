/* Observed connections of one worker: their memory, by number and by tuple, and the time at which each is checked
 * next.
 *
 * `limits { observed }` sets their number. Their memory is reserved at the start and allocated as it is used. If
 * none is free, a new connection takes the place of one of which only one side was seen, else of one that has been
 * idle for long. */
#pragma once

#include "vm/flow/stacks.h"
#include "vm/keyed/numbered.h"
#include "vm/observe/bytes_window.h"
#include "vm/observe/observe.h"

enum { SCALE_UNKNOWN = 15 };

enum half_flag {
    HALF_SEEN = 1 << 0,
    HALF_SYN = 1 << 1,   /* the side's SYN was seen */
    HALF_FIN = 1 << 2,   /* fin_seq is set */
    HALF_TIMED = 1 << 3, /* timed_seq and timed_us are set */
    HALF_READ = 1 << 4,  /* the side's first bytes are read, or given up */
    HALF_ACKED = 1 << 5, /* acked is set */
    HALF_EDGE = 1 << 6,  /* edge is set */
    HALF_AHEAD = 1 << 7, /* the other side acknowledged missing bytes, since timed_us */
};

enum half_has {
    HALF_HAS_STAMPS = 1 << 0,
    HALF_HAS_SACK = 1 << 1,
    HALF_HAS_SCALE = 1 << 2,
    HALF_HAS_FAR_SYN = 1 << 3, /* `far` would acknowledge a SYN within the connection */
};

/* One half: one side's bytes. Times in microseconds wrap after 71 minutes. */
struct half {
    uint64_t next; /* offset of the next byte in order */
    uint64_t hole_bytes, packets;
    uint32_t next_seq; /* sequence number of that byte */
    uint32_t back;     /* bytes from window.low to `next` */
    uint32_t dir;      /* directory of its window (window.dir) */
    uint32_t ahead;    /* bytes from `next` to the end of the last kept byte; 0: no gap */
    uint32_t acked;    /* number that the other side expects next */
    uint32_t edge;     /* number up to which the other side's window goes */
    uint32_t fin_seq;  /* number of its FIN; without HALF_FIN: number of the held reset (CONN_HELD_RESET) */
    uint32_t far;      /* an acknowledgement beyond the edge, which another one may confirm, or of a SYN; 0: none */
    uint32_t timed_seq, timed_us;
    uint32_t rtt_min, rtt_avg, rtt_max, rtt_count; /* rtt_avg: eight times the average */
    uint32_t holes, retransmissions;
    uint16_t reordered, differs, urgents, keepalives; /* counts, at most 65,535 */
    uint16_t count;                                   /* chunks of its window (window.count) */
    uint16_t iface;                                   /* interface of its first packet */
    uint32_t stamp; /* newest TSval, used only if the program cuts into connections, as are the members up to `tos` */
    uint16_t mss;   /* MSS of its SYN; 0: none */
    uint8_t has;    /* enum half_has: options of its SYN, and the meaning of `far` */
    uint8_t scale;  /* shift of its windows, or SCALE_UNKNOWN */
    uint8_t ttl;    /* hop limit of its newest packet; tos: DSCP byte of that packet */
    uint8_t tos;
    uint8_t flags; /* enum half_flag */
};

enum conn_flag {
    CONN_HIGH = 1 << 0, /* the client is the higher end of its tuple */
    CONN_MIDSTREAM = 1 << 1,
    CONN_HELD_RESET = 1 << 2, /* a reset came that its receiver may have refused */
    CONN_OVER = 1 << 3,       /* the connection's end was reported; it stays for late packets */
    CONN_FROM_SELF = 1 << 4,  /* the client is this machine; in the next row: the server */
    CONN_TO_SELF = 1 << 5,
    CONN_BY_SERVER = 1 << 6, /* the server reset the connection */
};

struct conn {
    struct half half[OBSERVE_HALVES];
    uint64_t number, began_ns, seen_ns;
    uint32_t slot;    /* place of its tuple; KEYED_NONE: the number is free */
    uint32_t observe; /* index in OBSERVES; if the number is free: the next free number */
    uint32_t choice;  /* index in CHOICES; PBC_NONE: undecided */
    uint32_t names;   /* first chunk of its names, or NAME_CHUNK_NONE */
    uint32_t opening; /* chunk with the progress of its readers, or CHUNK_NONE */
    uint32_t handshake_us[OBSERVE_HALVES];
    uint16_t iface, status;
    uint8_t state;   /* enum observe_state */
    uint8_t does;    /* enum pbc_does; PBC_DOES: undecided */
    uint8_t why;     /* enum observe_why */
    uint8_t flags;   /* enum conn_flag */
    uint16_t held;   /* number of its packets in the list (waiting.h) */
    uint8_t holding; /* enum conn_holding */
};
enum conn_holding {
    HOLDING_LET = 1 << 0,   /* packets of the connection are no longer held, for lack of room */
    HOLDING_RESET = 1 << 1, /* both ends have been reset: half.far is the number that the other side expects */
    HOLDING_CUTS = 1 << 2,  /* the connection is being cut into, and is among observers.cuts */
    HOLDING_CUT = 1 << 3,   /* the connection was cut into, or the cut failed */
};

/* A block of memory for names: a session has a list of them. */
enum { NAME_CHUNK_BYTES = 44 };
#define NAME_CHUNK_NONE UINT32_MAX
struct name_chunk {
    uint32_t next;
    uint8_t bytes[NAME_CHUNK_BYTES];
};

/* An idle connection: itself, its tuple in a table with 1.5 times as many slots (tag, word, key), the second of the
 * next check, and names in one chunk. */
static_assert(sizeof(struct conn) + 3 * (2 + 8 + sizeof(struct ends)) / 2 + 4 + sizeof(struct name_chunk) <= 416,
              "bytes of an idle connection");

struct observed {
    struct numbered numbers;
    struct conn *at;  /* [most] connections, as an array of `numbers` */
    uint64_t *cut_ns; /* [most] time of the cut; 0: not cut, or cut by another process. Not archived */
    struct name_chunk *name_chunks;
    struct stacks *stacks;
    uint32_t victim;
    uint32_t name_chunks_most, name_chunks_high, name_chunks_spare;
};

bool observed_init(struct observed *all, uint64_t most, uint64_t seed); /* false: out of memory */
void observed_fini(struct observed *all);

const struct ends *conn_ends(const struct observed *all, const struct conn *c);

/* The connection that a packet belongs to: place of its tuple, or of a new one */
struct sought {
    struct ends ends;
    struct place place;
    bool high; /* the packet's sender is the higher end */
};
/* Find the connection of a packet with that VLAN stack. NULL if there is none. */
struct conn *observed_find(const struct observed *all, const struct key *key, uint16_t stack, struct sought *at);
/* Add that connection, with other fields 0, and a reference to its stack. NUMBER_NONE: no number is free. */
uint32_t observed_add(struct observed *all, const struct sought *at);
/* Remove a connection whose memory of bytes and names the caller has released. */
void observed_remove(struct observed *all, uint32_t number);
/* Return a connection that may make room for a new one, because only one side was seen, or because it has been idle
 * since before `idle_ns`. NUMBER_NONE: none among those checked. */
uint32_t observed_victim(struct observed *all, uint64_t idle_ns);

static inline bool conn_lives(const struct conn *c) { return c->slot != KEYED_NONE; }

/* Take a block of memory for names, or give back a list of them. */
uint32_t name_chunk_take(struct observed *all); /* NAME_CHUNK_NONE: none is left */
void name_chunks_put(struct observed *all, uint32_t first);
