/* Shared by the files of this room: the observers of a worker */
#pragma once

#include "vm/observe/observed.h"
#include "vm/observe/observers.h"
#include "vm/observe/waiting.h"
#include "vm/stream/first.h"

/* Most bytes of the names of a connection, in chunks; most services of a program */
enum { NAMES_MOST = 30 * NAME_CHUNK_BYTES, OBSERVES_MOST = 256 };

enum { CUTS_AT_ONCE = 64 };
#define CUT_NS UINT64_C(500000000) /* longest time for a cut */
/* A connection that is being cut into: its packets pass while two sockets are opened for it; then new bytes of both
 * sides are held until all passed bytes are acknowledged. */
struct cutting {
    uint32_t conn, number;         /* number: number of the inline connection */
    uint32_t from[OBSERVE_HALVES]; /* first sequence number of each half that is held back */
    bool holds;                    /* the server's bytes are held, too: the sockets are open */
    uint64_t until_ns;
};
/* A first fragment of an observed segment (packet.c) */
enum { FRAGMENTS_MOST = 64 };
struct first_fragment {
    uint64_t number; /* number of the segment's connection; 0: none */
    uint32_t src[4], dst[4], id;
    uint32_t place; /* place of the connection in the table */
    uint32_t zero;  /* sequence number of the datagram's first byte */
    uint8_t side, v6;
};

struct observers {
    struct observed conns;
    struct chunks chunks;
    const struct program *p;
    struct {
        uint64_t open_ns, half_open_ns, closing_ns, first_ns; /* timeouts of o->p */
        uint32_t first_bytes;
    } limits;
    struct observe_out out;
    struct observe_counters counters, *each; /* each: [observes_count] counters of each service */
    uint64_t now_ns, ids;                    /* ids: number of the last connection */
    struct first *first;                     /* [OBSERVE_HALVES] facts of the connection at hand */
    uint8_t *scratch;                        /* [OBSERVE_HALVES][STREAM_MAX] first bytes in one chunk */
    uint8_t *names;                          /* [NAMES_MOST] names of the connection at hand */
    uint32_t schedules;                      /* active schedules, as in stream_key */
    uint32_t relief;                         /* place in the table where the next search for memory begins */
    struct waiting_list held;                /* packets held back (waiting.h) */
    uint64_t holds[OBSERVES_MOST / 64]; /* services with a branch that holds (pbc_does_hold), one bit per service */
    bool holding, cutting;              /* holding: there are such services; cutting: some of them cut */
    struct cutting cuts[CUTS_AT_ONCE];  /* connections that are being cut into */
    uint32_t cut_count;
    struct first_fragment fragments[FRAGMENTS_MOST]; /* a ring of first fragments; not archived */
    uint32_t fragments_at;
    uint32_t *opens; /* [observes_count][2] oldest and newest connection still waiting for first bytes */
};

/* Progress of a connection's readers, kept in a chunk. */
struct opening {
    struct first_at at[OBSERVE_HALVES];
    uint64_t deadline_ns;
    uint32_t held_from;      /* number of the client's first held byte, if any */
    uint32_t earlier, later; /* neighbours in the list of its service: places in the table, or NUMBER_NONE */
};

/* Add n to a counter: in total, and for the connection's service. */
#define COUNT(o, c, field, n) ((o)->counters.field += (n), (o)->each[(c)->observe].field += (n))

static inline uint32_t conn_place(const struct observers *o, const struct conn *c)
{
    return (uint32_t)(c - o->conns.at);
}
static inline uint32_t micros(uint64_t ns) { return (uint32_t)(ns / 1000); }

static inline struct window half_window(const struct half *h)
{
    return (struct window){.low = h->next - h->back, .dir = h->dir, .count = h->count};
}
static inline void half_keep_window(struct half *h, const struct window *w)
{
    h->back = (uint32_t)(h->next - w->low);
    h->dir = w->dir;
    h->count = (uint16_t)w->count;
}

/* observers.c: take the limits of o->p. */
void observers_limits(struct observers *o);
/* End a session and report its end; it stays in the table for late packets. */
void conn_end(struct observers *o, struct conn *c, enum observe_why why);
/* Find the connection of a packet; *side: its sender. NULL if there is none. */
struct conn *conn_found(struct observers *o, const struct observe_packet *s, enum observe_half *side);
/* Set the time of the next check of a connection. */
void observers_due(struct observers *o, uint32_t place);
/* Count the sessions that are open. */
void observers_count(struct observers *o);
/* End a connection's session and give back its place. */
void conn_remove(struct observers *o, uint32_t place, enum observe_why why);

/* half.c: bytes of a half */

/* Take the payload and FIN of a packet of that half. */
void half_take(struct observers *o, struct conn *c, enum observe_half side, const struct observe_packet *s);
/* Take the acknowledgement and window in a packet of the other side: `side` sent the bytes acknowledged. */
void half_acked(struct observers *o, struct conn *c, enum observe_half side, const struct observe_packet *s);
/* Note that bytes up to that number have passed, without being kept. */
void half_lies_ahead(struct half *h, uint32_t end);
/* Give up waiting for bytes before that offset. */
void half_skip(struct observers *o, struct conn *c, enum observe_half side, uint64_t to, enum observe_hole cause);
/* Give up the missing bytes of a half that ends: acknowledged ones, those before its FIN, or before the number of
 * the reset that ended it (NULL: no reset). */
void half_end(struct observers *o, struct conn *c, enum observe_half side, const uint32_t *reset_seq);
/* Report the bytes kept from offset 0 on, once a branch is chosen. */
void half_tell_kept(struct observers *o, struct conn *c, enum observe_half side);
/* Drop the parts that are no longer needed. */
void half_trim(struct observers *o, struct conn *c, enum observe_half side);
void half_clear(struct observers *o, struct conn *c, enum observe_half side);
/* Note the time at which bytes are sent; an acknowledgement of `seq` covers them. */
void half_time(const struct observers *o, struct half *h, uint32_t seq);

/* packet.c: note a first fragment of that half: later ones follow */
void later_expect(struct observers *o, const struct conn *c, enum observe_half side, const struct observe_packet *s);

/* opening.c: first bytes and branches */

/* Begin the choice of a branch: at once if no branch asks for bytes. */
void opening_begin(struct observers *o, struct conn *c);
/* Read the bytes of that half that came; half.next is behind them. */
void opening_read(struct observers *o, struct conn *c, enum observe_half side);
/* Choose a branch by the known bytes; no more are read. */
void opening_end(struct observers *o, struct conn *c);
/* Choose the branches of connections whose time for first bytes has expired, some per call; return the next
 * deadline. */
uint64_t opening_tick(struct observers *o);
/* Move a list of connections, from `first` on, to the lists of their present services. */
void opening_move(struct observers *o, uint32_t first);
/* Write the list of a service, or read it. */
void opening_archive(struct observers *o, uint32_t service, struct archive *a);

/* True if a branch that holds depends on client bytes that have not come. */
bool opening_hangs(struct observers *o, struct conn *c);
/* Set the time at which waiting ends. False: out of memory. */
bool opening_wait(struct observers *o, struct conn *c);
/* Return the number of the first held byte of a waiting connection. */
uint32_t opening_held_from(const struct observers *o, const struct conn *c);
void opening_hold_from(struct observers *o, struct conn *c, uint32_t seq);

/* holding.c: packets held back */

/* Settle a connection's waiting packets by what its branch does; if undecided, they go on. */
void holding_decided(struct observers *o, struct conn *c);
/* Settle all waiting packets of a connection that ends. */
void holding_ends(struct observers *o, struct conn *c);
/* Note that a connection moves, or ends: its packets no longer belong to it. */
void holding_forget(struct observers *o, const struct conn *c);
/* True if a branch of the connection's service holds. */
bool holding_watches(const struct observers *o, const struct conn *c);
/* Note which services hold packets. */
void holding_services(struct observers *o);
/* Write the packets, or read them. */
void holding_archive(struct observers *o, struct pool *pool, struct archive *a);

/* session.c: events, records, names */

/* Report an event whose kind, half, offset, length, cause and bytes are set. Does nothing after the end was
 * reported; of an ignored connection it reports only the end. */
void session_event(const struct observers *o, const struct conn *c, struct observe_event *e);
/* Report an event without bytes. */
void session_say(const struct observers *o, const struct conn *c, enum observe_kind kind);
void session_ends(const struct observers *o, const struct conn *c, struct observe_ends *ends);
void session_sum(const struct observers *o, const struct conn *c, struct observe_summary *sum);

enum name_kind { NAME_SNI, NAME_ALPN, NAME_HOST, NAME_METHOD, NAME_PATH, NAMES };
/* Keep a name, at most its first 255 bytes; it is left out if there is no room. */
void session_name(struct observers *o, struct conn *c, enum name_kind kind, struct view name);
