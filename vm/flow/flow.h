/* A flow: what the vm remembers of one conversation, in one cache line (IPv4) or two (IPv6).
 *
 * Both directions find the same slot: the tuple's sides are sorted by (address, port), low before high, and the flow
 * records which of them opened it. The tuple and the VLAN stack identify a flow (docs/semantics.md). */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/flow/inline_addr.h"
#include "vm/flow/spliced.h"
#include "vm/flow/tuples.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/pbc.h"

struct program;

/* The order in which flows make way when there is no room (README.md, What makes way) */
enum flow_class {
    FLOW_HALF_OPEN,
    FLOW_ONE_WAY,  /* one side has spoken */
    FLOW_ANSWERED, /* both sides have spoken, but one of them fewer than FLOW_LASTS times */
    FLOW_CLOSING,
    FLOW_LASTING,     /* each side has sent FLOW_LASTS packets or more, or replies do not pass prey (DSR) */
    FLOW_ESTABLISHED, /* a handshake has proved both sides */
    FLOW_CLASSES
};
/* Packets of each side after which a flow without a handshake is lasting */
enum { FLOW_LASTS = 3 };

enum flow_state {
#define FLOW_STATE(ident, name, class, timeout, doc) FLOW_STATE_##ident,
#include "vm/flow/flow_state.def"
    FLOW_STATES
};
enum flow_end {
#define FLOW_END(ident, name, doc) FLOW_END_##ident,
#include "vm/flow/flow_end.def"
    FLOW_ENDS
};
const char *flow_state_name(enum flow_state s);
const char *flow_end_name(enum flow_end e);
static inline enum flow_class flow_state_class(enum flow_state s)
{
    /* Bits of the classes, not a table, because the kernel executor would have to load a table */
    const uint64_t low = 0
#define FLOW_STATE(ident, name, class, timeout, doc) | (uint64_t)(FLOW_##class & 3) << 2 * FLOW_STATE_##ident
#include "vm/flow/flow_state.def"
        ;
    const uint64_t high = 0
#define FLOW_STATE(ident, name, class, timeout, doc) | (uint64_t)(FLOW_##class >> 2) << FLOW_STATE_##ident
#include "vm/flow/flow_state.def"
        ;
    static_assert(FLOW_STATES <= 32 && FLOW_CLASSES <= 8, "two bits of each state in one word, one in the other");
    return s < FLOW_STATES ? (enum flow_class)((low >> 2 * s & 3) | (high >> s & 1) << 2) : FLOW_HALF_OPEN;
}
/* True if both sides have spoken, and neither has ended the flow. */
static inline bool flow_class_is_open(enum flow_class c) { return c == FLOW_ANSWERED || c >= FLOW_LASTING; }

/* The sender: the side that opened the flow, or the other */
enum flow_dir { FLOW_ORIGINAL, FLOW_REPLY };

/* The tuple, with its sides in order. Two packets belong to one flow if their ids have equal bytes. */
enum flow_id_kind {
    FLOW_ID_IP6 = 1 << 0,
    FLOW_ID_ASKS_HIGH = 1 << 1, /* ICMP queries: the high side asks (pings both ways with one id are two flows) */
    FLOW_ID_QUERY = 1 << 2,     /* 2 bits: the pair of ICMP types, so a reply matches only a query of its kind */
};
struct flow_id {
    uint32_t low[4], high[4]; /* as in struct key; IPv4: word 0, the others 0 */
    union {
        struct {
            uint16_t low_port, high_port; /* ICMP queries: the identifier on both sides; protocols without ports: 0 */
            uint16_t stack;               /* id of the VLAN stack (stacks.h) */
            uint8_t proto;                /* IP protocol */
            uint8_t kind;                 /* enum flow_id_kind */
        };
        uint64_t rest; /* the fields above as one word, always written as one, because a load of a word just stored in
                          parts stalls */
    };
};
static_assert(sizeof(struct flow_id) == 40, "compared as bytes: no padding");

/* A tuple for which a slot is made */
struct flow_tuple {
    struct flow_id id;
    uint64_t hash;       /* flow_hash of the id */
    int32_t room;        /* a slot found by table_ask_room, or any; used if it is still free */
    bool opened_by_high; /* the high side opened the flow; twin: the high side takes the opener's place */
};

/* Sequence numbers sent and acknowledged by one TCP side, as on the wire */
struct tcp_side {
    uint32_t end;   /* one past the highest sequence number sent, counting SYN and FIN */
    uint32_t acked; /* highest acknowledgement sent; before the first ACK, the lowest possible number */
};
enum tcp_track_flag {
    TCP_TRACK_FIN_ORIGINAL = 1 << 0, /* the opener has sent its FIN */
    TCP_TRACK_FIN_REPLY = 1 << 1,
    TCP_TRACK_NO_WINDOW = 1 << 2,   /* windows are not checked: one side is not seen (DSR), or not yet (pick-up) */
    TCP_TRACK_SCALED = 1 << 3,      /* both SYNs had the window scale option; pick-up: the largest scale is assumed */
    TCP_TRACK_HEARD_REPLY = 1 << 4, /* side[FLOW_REPLY] is known */
    TCP_TRACK_ACK_ORIGINAL =
        1 << 5, /* the opener has acknowledged the other's SYN; both flags: the handshake is complete */
    TCP_TRACK_ACK_REPLY = 1 << 6,
    TCP_TRACK_LOOSE = 1 << 7, /* a side may have sent more than `end`: pick-up, or the first fragment of a segment */
};
enum sctp_track_flag {
    SCTP_TRACK_UNSEEN = 1 << 0,        /* the association began unseen, so each side's first packet shows its tag */
    SCTP_TRACK_ECHO_ORIGINAL = 1 << 1, /* the opener has sent the cookie back */
    SCTP_TRACK_ECHO_REPLY = 1 << 2,
    SCTP_TRACK_STRANGE_ORIGINAL = 1 << 3, /* the opener's last HEARTBEAT had another tag */
    SCTP_TRACK_STRANGE_REPLY = 1 << 4,
    SCTP_TRACK_ASTRAY = 1 << 5, /* a reply of the handshake did not prove its sender */
};
/* Counts and tags in place of sequence numbers, for a flow that has none; by enum flow_dir */
struct plain_track {
    union {
        uint32_t tag[2];   /* SCTP: verification tag of that direction's packets; 0: not known yet */
        uint32_t opens_by; /* other protocols: origin of the opener's last packet (track_look.c, origin_of) */
    };
    uint32_t new_tag[2]; /* the tag that a handshake asks for, until its cookie comes; 0: none */
    union {
        uint8_t packets[2];     /* number of that direction's packets that prove their sender, at most FLOW_LASTS */
        uint16_t sctp_opens_by; /* SCTP: the same as opens_by */
    };
    uint8_t sctp;   /* enum sctp_track_flag */
    uint8_t astray; /* number of the other side's packets that do not prove their sender, at most FLOW_LASTS */
};
struct tcp_track {
    union {
        struct {
            struct tcp_side side[2]; /* numbers of each side, by enum flow_dir */
            uint16_t window[2];      /* largest window each side announced, rounded up to a multiple of its scale */
        };
        struct plain_track plain; /* track of all protocols but TCP */
    };
    uint8_t scale;    /* window shifts: bits 0-3 for the original side, bits 4-7 for the other. At most 14 (RFC
                       * 7323); 15: the side's SYN had no window scale option. Valid only with TCP_TRACK_SCALED */
    uint8_t flags;    /* enum tcp_track_flag */
    uint16_t ignored; /* hash of the last SYN that changed nothing, until a segment is accepted (tcp.c); 0: none */
};
static_assert(sizeof(struct tcp_track) == 24, "no padding");

enum flow_flag {
    FLOW_OPENED_BY_HIGH = 1 << 0, /* the high side opened the flow */
    FLOW_COUNTED = 1 << 1,        /* the opener is counted for `flows over` (sources.h) */
    FLOW_TWIN = 1 << 2,           /* not a flow: a slot that leads from the other side's tuple to a flow (bind.h) */
    FLOW_PAIRED = 1 << 3,         /* the flow has a twin */
    FLOW_BOUND = 1 << 4,          /* the flow is sent on by the binding in its third line (bind.h) */
    FLOW_ONE_SIDED = 1 << 5,      /* replies do not pass prey (DSR) */
    FLOW_OWN_IDLE = 1 << 6,       /* while open, the flow may be silent for cold.idle_ns */
    FLOW_IDLE_ONE_WAY = 1 << 7,   /* cold.idle_ns also holds before the other side has spoken */
};
/* Return the class of a flow. A handshake proves nothing if its replies are not seen, or arrive by a wrong interface
 * (`astray`). */
static inline enum flow_class flow_class_of(enum flow_state s, uint32_t flags, bool astray)
{
    const enum flow_class class = flow_state_class(s);
    if (class != FLOW_ESTABLISHED) return class;
    return flags & FLOW_ONE_SIDED ? FLOW_LASTING : astray ? FLOW_ANSWERED : class;
}
/* State of a flow if audited rules decided (vm/worker/audit.h). Flows that exist only under audit are not recorded. */
enum flow_would {
    FLOW_WOULD_SAME,
    FLOW_WOULD_NOT,      /* there would be no flow */
    FLOW_WOULD_ORIGINAL, /* flow without sequence numbers: only the side that opened it has spoken */
    FLOW_WOULD_REPLY,    /* only the other side has spoken, so it has opened the flow */
    FLOW_WOULD_BOTH,     /* both sides have spoken, while in fact one has done so */
    FLOW_WOULDS,
    FLOW_WOULD_STATE = 7, /* mask of the values above */
    FLOW_WOULD_TOLD = 8,  /* the flow is counted among the flows that audit would change */
};

struct flow {
    union {
        uint64_t taken; /* 0: free; taken by one compare-and-swap (docs/kernel.md) */
        struct {
            uint32_t hash;  /* upper half of the id's hash, never 0 */
            uint8_t state;  /* enum flow_state */
            uint8_t flags;  /* enum flow_flag */
            uint16_t epoch; /* epoch of the remembered verdicts, which hold while the worker's is equal */
        };
    };
    uint32_t low, high; /* IPv4 addresses; IPv6: their last words, because the second line has all */
    uint16_t low_port, high_port;
    uint16_t stack;
    uint8_t proto, kind; /* as in struct flow_id */
    union {
        uint64_t seen_ns; /* time when a packet of the flow was last accepted */
        int32_t flow;     /* FLOW_TWIN: slot of the flow */
    };
    struct tcp_track tcp;
    union {
        uint16_t memo[2];   /* remembered verdict of each direction: index in MEMOS + 1, 0: none */
        uint32_t published; /* shared table: number of the recipe written for this tuple; 0: none, or being written
                             * (table/shared.h) */
    };
    uint8_t memo_iface[2]; /* interface for which each remembered verdict holds (remember.c) */
    uint8_t joined : 1;    /* a cookie answered the client, whose numbers differ from the server's (joined.h) */
    uint8_t would : 4;     /* enum flow_would, and FLOW_WOULD_TOLD */
    uint8_t astray : 1;    /* TCP: the handshake's reply came by a wrong interface, so it proves nothing (README.md) */
    uint8_t recipe;        /* enum recipe_kind: recipe for ordinary packets from this tuple's side (bind.h) */
};
static_assert(sizeof(struct flow) == 64, "one cache line (docs/kernel.md)");

/* True for an SCTP association that was shut down or aborted. */
static inline bool flow_has_ended(const struct flow *f)
{
    return f->state == FLOW_STATE_SCTP_CLOSING || f->state == FLOW_STATE_SCTP_RESET;
}

/* Return the part of a tuple's hash that is in its taken word. */
static inline uint32_t flow_taken_hash(uint64_t hash)
{
    const uint32_t upper = (uint32_t)(hash >> 32);
    return upper ? upper : 1;
}

/* True if the line still belongs to the tuple with that hash. In a shared table a slot may get another flow between the
 * look-up and the copy, or the lock, of its line. */
static inline bool flow_has_hash(const struct flow *f, uint64_t hash) { return f->hash == flow_taken_hash(hash); }

/* Options agreed on by both sides of a joined flow; the offset of their numbers is seq_delta (bind.h) */
struct flow_joint {
    uint32_t stamp_delta;  /* server's timestamps minus those that the client gets */
    uint32_t stamp_recent; /* the client's newest timestamp, to be echoed */
    uint16_t mss;          /* MSS that the server announced; 0: none */
    uint8_t has;           /* enum joint_has */
    uint8_t client_mss;    /* index in the cookies' MSS table */
};

/* The second line: used for IPv6, for every flow if begin times are wanted, and for rare attributes */
struct flow_cold {
    uint32_t low[4], high[4]; /* IPv6 addresses */
    uint64_t began_ns;
    uint64_t idle_ns;        /* timeout, with FLOW_OWN_IDLE */
    int32_t twin;            /* FLOW_PAIRED: slot of the twin */
    struct flow_joint joint; /* options of a joined flow */
};
static_assert(sizeof(struct flow_cold) == 64, "one line");

/* Pure functions that follow TCP as a stateful firewall does, from both sides' segments to a verdict on the window.
 *
 * After RFC 9293 (states), RFC 7323 (window scale), RFC 5961 (RST and SYN), and Guido van Rooij, "Real Stateful TCP
 * Packet Filtering in IP Filter" (2001), whose four bounds define the window. */

struct tcp_segment {
    uint32_t seq, ack;   /* ack: 0 without the ACK flag */
    uint32_t len;        /* sequence numbers taken: payload, SYN, FIN */
    uint16_t window;     /* window as on the wire */
    uint8_t flags;       /* enum tcp_flag */
    uint8_t scale;       /* window scale option, at most 14; SCALE_ABSENT: none */
    uint16_t mss;        /* MSS option; 0: absent */
    bool first_fragment; /* more payload follows in later fragments, so the end is unknown */
};
enum { SCALE_ABSENT = 255, SCALE_MOST = 14 };

/* Read the segment of a parsed TCP packet (not a later fragment). An option with a false length ends the list. */
void tcp_read(const struct pkt *pkt, const struct key *key, struct tcp_segment *s);

/* State and track of the flow after a segment, or a packet of another protocol */
struct tcp_step {
    struct tcp_track track;
    uint8_t state; /* enum flow_state */
    bool refresh;  /* the segment keeps the flow alive */
    bool reopen; /* once the segment is accepted, a new flow replaces this one: a new SYN on a closing flow, or by_other
                  */
    bool by_other; /* the segment answers an ignored SYN: the other side opened the new flow */
    bool astray;   /* TCP: as in struct flow */
};

/* Follow a segment of direction `dir` on a flow. Return its `state`, and in *next the flow after the segment is
 * accepted. MARK_INVALID: *next is the flow unchanged. */
enum flow_mark tcp_follow(enum flow_state state, const struct tcp_track *now, enum flow_dir dir,
                          const struct tcp_segment *s, struct tcp_step *next);

/* Judge a segment without a flow: MARK_NEW for a SYN without ACK (and, while `pickup` lasts, for mid-stream segments:
 * with ACK, without SYN and RST), else MARK_INVALID. *next: the flow that begins. */
enum flow_mark tcp_begin(const struct tcp_segment *s, bool pickup, struct tcp_step *next);

/* The halves of tcp_follow for a segment that changes no state: only ACK and data, on an open flow without FINs.
 * tcp_within tests if the segment is within the window, tcp_take takes its numbers. */
bool tcp_within(const struct tcp_track *t, enum flow_dir dir, const struct tcp_segment *s);
void tcp_take(struct tcp_track *t, enum flow_dir dir, const struct tcp_segment *s);

/* Loosen the track of an open flow whose numbers were true some time ago: windows and shifts are the largest
 * possible from now on, as for a picked-up flow. */
void tcp_loosen(struct tcp_track *t);

/* True if an ICMP error may quote this sequence number of direction `dir`: one that this side has sent, at most one
 * window before its newest (RFC 5927, 4.1). Always true if no window is checked. */
bool tcp_quoted(const struct tcp_track *t, enum flow_dir dir, uint32_t seq);

/* `state` as far as the header shows it (README.md): a SYN without ACK is never invalid; only errors, UDP and router
 * advertisements can be related; UDP is never invalid. The tracker gives one of the returned states; the compiler
 * and the frames drawn from rules rely on that. For an ambiguous header all possible states are returned. */

/* Return the possible states of a complete IP packet or first fragment, as bits MARK_NEW .. MARK_INVALID. proto:
 * after the IPv6 chain; flags: TCP flags; type: ICMP type; picks_up: TCP without a SYN may open a flow. */
uint32_t flow_states(uint8_t proto, bool v6, uint32_t flags, uint32_t type, bool picks_up);
/* Return the possible states of all packets of the protocol. */
uint32_t flow_states_of_protocol(uint8_t proto, bool v6);
/* True if TCP without a SYN can be new. settings: NULL if the program has none. */
bool flow_picks_up(const struct pbc_settings *settings);
/* Return the time in ns after the start for which TCP without a SYN can be new. If the file does not set it: 0, or if
 * `live` the timeout of an open connection, so that a start stalls no connection. */
uint64_t flow_pickup_ns(const struct pbc_settings *settings, bool live);

/* Configuration of a flow table (flow_table.h) */

/* Called for each flow that is released, before its slot is cleared; if the kernel clears it, with copies of its lines.
 * Must not call back into the table. */
typedef void flow_ended_fn(void *arg, int32_t slot, const struct flow *f, const struct flow_cold *cold,
                           enum flow_end how, uint64_t now_ns);

/* Called when flows begin and memory for more should be allocated (flow_table_ahead). Must be short. */
typedef void flow_grows_fn(void *arg);

struct flow_table_cfg {
    uint64_t flows, half_open; /* bounds, from `limits` */
    uint64_t seed;
    uint64_t timeout_ns[FLOW_STATES];
    bool bound;           /* flows may have a third line (flow_bind_at), and each slot a recipe */
    bool paired;          /* flows may have twins, so the table has room for both */
    bool prefault;        /* allocate memory for the first flows at the start */
    bool begins;          /* record when flows began: IPv4 flows have a second line too */
    flow_ended_fn *ended; /* NULL: ends are not reported */
    void *arg;
    flow_grows_fn *grows; /* NULL: memory is allocated as flows touch it */
    void *grows_arg;
};

/* Return the configuration that follows from a program: bounds, timeouts, `bound` and `paired`. The caller sets the
 * seed and the callbacks. */
struct flow_table_cfg flow_table_cfg_of(const struct pbc_settings *s, const struct pbc_service *services,
                                        uint32_t service_count, uint32_t nat_count);
/* Return the configuration for a worker of the program; live: as in cfg. */
struct flow_table_cfg track_table_cfg(const struct program *p, bool live);
/* Return the bytes of memory that a table of that configuration reserves. */
uint64_t flow_table_reserves(const struct flow_table_cfg *cfg);
/* Return the number of keys that a table of `flows` flows may need: each flow may have its own networks. */
static inline uint64_t grain_keys(uint64_t flows, uint32_t grains) { return flows * grains; }

struct flow_counters {
    uint64_t live[FLOW_CLASSES]; /* flows that are live now */
    uint64_t ended[FLOW_ENDS];   /* each flow ends once, so added == live + ended */
#define FLOW_COUNTER(field, kind, object, key, line, words, doc) uint64_t field;
#include "vm/counter.def"
};
