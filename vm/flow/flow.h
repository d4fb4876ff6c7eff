/* A flow: what the vm remembers of one conversation, in one cache line (IPv4) or two (IPv6).
 *
 * Both directions find the same slot: a tuple's sides are put in order of (address, port), low before high, and the
 * flow says which of them opened it. A flow is its tuple and its whole VLAN stack (docs/semantics.md). */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/pbc.h"

struct program;

/* In the order in which they make way where there is no room (docs/architecture.md, Workers and state). */
enum flow_class { FLOW_HALF_OPEN, FLOW_CLOSING, FLOW_ONE_WAY, FLOW_ESTABLISHED, FLOW_CLASSES };

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
    /* Two bits a state: no table, which the kernel's executor would have to load. */
    const uint64_t classes = 0
#define FLOW_STATE(ident, name, class, timeout, doc) | (uint64_t)FLOW_##class << 2 * FLOW_STATE_##ident
#include "vm/flow/flow_state.def"
        ;
    return s < FLOW_STATES ? (enum flow_class)(classes >> 2 * s & 3) : FLOW_HALF_OPEN;
}

/* Who sends: the side that opened the flow, or the other. */
enum flow_dir { FLOW_ORIGINAL, FLOW_REPLY };

/* The tuple, sides in order. Two packets belong to one flow if their ids are equal bytes. */
enum flow_id_kind {
    FLOW_ID_IP6 = 1 << 0,
    FLOW_ID_ASKS_HIGH = 1 << 1, /* ICMP queries: the high side asks (pings both ways with one id are two flows) */
    FLOW_ID_QUERY = 1 << 2,     /* 2 bits: which pair of types, so that no reply answers a query of another kind */
};
struct flow_id {
    uint32_t low[4], high[4]; /* as in struct key; v4: word 0, the rest 0 */
    union {
        struct {
            uint16_t low_port, high_port; /* ICMP queries: the identifier, on both sides; without ports: 0 */
            uint16_t stack;               /* id of the VLAN stack (stacks.h) */
            uint8_t proto;                /* IP protocol */
            uint8_t kind;                 /* enum flow_id_kind */
        };
        uint64_t
            rest; /* all fields above as one word: write it whole, for loading a word just stored in pieces stalls */
    };
};
static_assert(sizeof(struct flow_id) == 40, "compared as bytes: no padding");

/* A tuple that a slot is made for. */
struct flow_tuple {
    struct flow_id id;
    uint64_t hash;       /* flow_hash of it */
    int32_t room;        /* a slot that table_ask_room found for it, or any: it is taken if it is still free */
    bool opened_by_high; /* its high side is the one that opened the flow; of a twin: that stands for it */
};

/* What TCP is known to have sent and acknowledged. Sequence numbers as on the wire. */
struct tcp_side {
    uint32_t end;   /* one past the highest sequence number it sent, SYN and FIN counted */
    uint32_t acked; /* the highest acknowledgement it sent; before the first, the least that it may send */
};
enum tcp_track_flag {
    TCP_TRACK_FIN_ORIGINAL = 1 << 0, /* that side has sent its FIN */
    TCP_TRACK_FIN_REPLY = 1 << 1,
    TCP_TRACK_NO_WINDOW = 1 << 2,    /* no window is checked: one side is not seen (DSR), or not yet (pick-up) */
    TCP_TRACK_SCALED = 1 << 3,       /* both SYNs had the window scale option, or its largest is assumed (pick-up) */
    TCP_TRACK_HEARD_REPLY = 1 << 4,  /* `side[FLOW_REPLY]` is known */
    TCP_TRACK_ACK_ORIGINAL = 1 << 5, /* that side has acknowledged the other's SYN; both: the handshake is complete */
    TCP_TRACK_ACK_REPLY = 1 << 6,
    TCP_TRACK_LOOSE = 1 << 7, /* a side may have sent more than `end`: pick-up, or the first fragment of a segment */
};
struct tcp_track {
    struct tcp_side side[2]; /* by enum flow_dir */
    uint16_t window[2];      /* the largest that side has announced, rounded up to what its shift can say */
    uint8_t scale;    /* shift of the original side in bits 0-3, of the other in 4-7: at most 14 (RFC 7323), 15: its
                         SYN had no such option. It counts with TCP_TRACK_SCALED alone */
    uint8_t flags;    /* enum tcp_track_flag */
    uint16_t ignored; /* the SYN that came last and changed nothing, if nothing was accepted since (tcp.c); 0: none */
};
static_assert(sizeof(struct tcp_track) == 24, "no padding");

enum flow_flag {
    FLOW_OPENED_BY_HIGH = 1 << 0, /* the high side opened it */
    FLOW_COUNTED = 1 << 1,        /* its source is counted for `flows over` (sources.h) */
    FLOW_TWIN = 1 << 2,           /* no flow: a slot by which the other side's tuple leads to one (bind.h) */
    FLOW_PAIRED = 1 << 3,         /* it has a twin */
    FLOW_BOUND = 1 << 4,          /* it is sent on: its third line says how (bind.h) */
    FLOW_ONE_SIDED = 1 << 5,      /* its replies do not come here (DSR) */
    FLOW_OWN_IDLE = 1 << 6,       /* open, it may be silent for cold.idle_ns */
    FLOW_IDLE_ONE_WAY = 1 << 7,   /* likewise before the other side has spoken */
};
struct flow {
    union {
        uint64_t claim; /* 0: free; taken by one compare-and-swap (docs/kernel.md) */
        struct {
            uint32_t hash;  /* upper half of the id's, never 0 */
            uint8_t state;  /* enum flow_state */
            uint8_t flags;  /* enum flow_flag */
            uint16_t epoch; /* of the remembered verdicts: they hold while it is the worker's */
        };
    };
    uint32_t low, high; /* IPv4 addresses; IPv6: words 3 of both, the whole is in the second line */
    uint16_t low_port, high_port;
    uint16_t stack;
    uint8_t proto, kind; /* as in the id */
    union {
        uint64_t seen_ns; /* when a packet of it was last accepted */
        int32_t flow;     /* FLOW_TWIN: the slot of the flow that it leads to */
    };
    struct tcp_track tcp;
    union {
        uint16_t memo[2];   /* the remembered verdict of each direction: index in MEMOS + 1, 0: none */
        uint32_t published; /* in a shared table: which recipe of all that were written is this tuple's; 0: none, or
                               one is being written (table/shared.h) */
    };
    uint8_t memo_iface[2]; /* the interface that it holds on (remember.c) */
    uint8_t joined;        /* 1: a cookie answered its client, whose numbers are not the server's (joined.h) */
    uint8_t recipe;        /* enum recipe_kind: what happens to ordinary packets of this tuple's side (bind.h) */
};
static_assert(sizeof(struct flow) == 64, "one cache line (docs/kernel.md)");

/* What of a tuple's hash stands in its claim word. */
static inline uint32_t flow_claim_hash(uint64_t hash)
{
    const uint32_t upper = (uint32_t)(hash >> 32);
    return upper ? upper : 1;
}

/* Is the line still of the tuple with that hash? In a shared table a slot may get another flow between a look-up and
 * the copy, or the lock, of its line. */
static inline bool flow_has_hash(const struct flow *f, uint64_t hash) { return f->hash == flow_claim_hash(hash); }

/* What both sides of a joined flow have been told, besides the distance of their numbers (bind.h, seq_delta). */
struct flow_joint {
    uint32_t stamp_delta;  /* what the server's timestamps are ahead of those that the client gets */
    uint32_t stamp_recent; /* the client's newest, to be echoed */
    uint16_t mss;          /* that the server announced; 0: none */
    uint8_t has;           /* enum joint_has */
    uint8_t client_mss;    /* index in the cookies' table */
};

/* The second line of an IPv6 flow, of every flow where somebody asks when they began, and of what few flows have. */
struct flow_cold {
    uint32_t low[4], high[4]; /* IPv6 */
    uint64_t began_ns;
    uint64_t idle_ns;        /* FLOW_OWN_IDLE */
    int32_t twin;            /* FLOW_PAIRED: its slot */
    struct flow_joint joint; /* of a joined one */
};
static_assert(sizeof(struct flow_cold) == 64, "one line");

/* TCP as a stateful firewall sees it: from both sides' segments to "within window" or not, pure.
 *
 * After RFC 9293 (states), RFC 7323 (window scale), RFC 5961 (RST and SYN), and Guido van Rooij, "Real Stateful TCP
 * Packet Filtering in IP Filter" (2001), whose four bounds decide what is within window. */

struct tcp_segment {
    uint32_t seq, ack;   /* ack: 0 without the flag */
    uint32_t len;        /* sequence numbers it takes: payload, SYN, FIN */
    uint16_t window;     /* as on the wire */
    uint8_t flags;       /* enum tcp_flag */
    uint8_t scale;       /* of the window scale option, at most 14; SCALE_ABSENT */
    uint16_t mss;        /* of the MSS option, 0: absent */
    bool first_fragment; /* more payload follows than is here: its end is not known */
};
enum { SCALE_ABSENT = 255, SCALE_MOST = 14 };

/* Read the segment of a parsed TCP packet (not a later fragment). Options that lie about their length end the list. */
void tcp_read(const struct pkt *pkt, const struct key *key, struct tcp_segment *s);

/* What the flow's state and track are before and after a segment. */
struct tcp_step {
    struct tcp_track track;
    uint8_t state; /* enum flow_state */
    bool refresh;  /* the segment keeps the flow alive */
    bool reopen;   /* after acceptance a new flow stands in its place: a new SYN on one that is closing, or by_other */
    bool by_other; /* the segment answers a SYN that was ignored: the other side opened the new flow */
};

/* A segment of direction `dir` on a flow: what `state` says of it, and in *next what the flow becomes if it is
 * accepted. MARK_INVALID: *next is the flow unchanged. */
enum flow_mark tcp_follow(enum flow_state state, const struct tcp_track *now, enum flow_dir dir,
                          const struct tcp_segment *s, struct tcp_step *next);

/* A segment without a flow: MARK_NEW for a SYN without ACK (and, while `pickup` lasts, for mid-stream segments: with
 * ACK, without SYN and RST), else MARK_INVALID. *next: the flow that it makes. */
enum flow_mark tcp_begin(const struct tcp_segment *s, bool pickup, struct tcp_step *next);

/* A segment with ACK and data alone on a flow that is open, FIN and SYN long past: is it within window; and what it
 * tells of its side. tcp_follow in two halves, for what changes nothing else. */
bool tcp_within(const struct tcp_track *t, enum flow_dir dir, const struct tcp_segment *s);
void tcp_take(struct tcp_track *t, enum flow_dir dir, const struct tcp_segment *s);

/* May an ICMP error quote this sequence number of direction `dir`? Within what that side has sent and one window before
 * (RFC 5927, 4.1). True where no window is checked. */
bool tcp_quoted(const struct tcp_track *t, enum flow_dir dir, uint32_t seq);

/* What `state` can say of a packet by its header alone (README.md): a SYN without ACK is new, only errors are related,
 * UDP is never invalid. The tracker says one of these; the compiler and the frames drawn from rules rely on it. Where
 * the texts leave a choice this says "can be". */

/* Of a whole IP packet or a first fragment, as MARK_NEW .. MARK_INVALID. proto: after the IPv6 chain; flags: of TCP;
 * type: of ICMP; picks_up: TCP without a SYN may open a flow. */
uint32_t flow_states(uint8_t proto, bool v6, uint32_t flags, uint32_t type, bool picks_up);
/* Of any packet of the protocol. */
uint32_t flow_states_of_protocol(uint8_t proto, bool v6);
/* Can TCP without a SYN be new? settings: NULL where the program has none. */
bool flow_picks_up(const struct pbc_settings *settings);
/* How long after the start it is, in ns: as the file sets it, else not at all, but where `live` as long as an open
 * connection may be silent, so that a start freezes none. */
uint64_t flow_pickup_ns(const struct pbc_settings *settings, bool live);

/* A table of flows (table.h), as who sizes it asks. */

/* Called for each flow that is released, before its slot is cleared, or, where the kernel clears it, with copies of its
 * lines; must not call back into the table. */
typedef void flow_ended_fn(void *arg, int32_t slot, const struct flow *f, const struct flow_cold *cold,
                           enum flow_end how, uint64_t now_ns);

/* Memory for more flows is to be taken from the system (flow_table_ahead); called as flows begin, so it must be short.
 */
typedef void flow_grows_fn(void *arg);

struct flow_table_cfg {
    uint64_t flows, half_open; /* bounds, from limits */
    uint64_t seed;
    uint64_t timeout_ns[FLOW_STATES];
    bool bound;           /* flows may have a third line, flow_bind_at, and each slot a recipe */
    bool paired;          /* they may have twins: room for both */
    bool prefault;        /* memory for the first flows is there from the start */
    bool begins;          /* somebody asks when flows began: then IPv4 flows have a second line too */
    flow_ended_fn *ended; /* NULL: nobody asks */
    void *arg;
    flow_grows_fn *grows; /* NULL: memory comes as flows touch it */
    void *grows_arg;
};

/* What of the configuration follows from a program: bounds, timeouts, whether flows are sent on, and whether some come
 * back with another tuple. The seed and who is told are the caller's. */
struct flow_table_cfg flow_table_cfg_of(const struct pbc_settings *s, const struct pbc_service *services,
                                        uint32_t service_count, uint32_t nat_count);
/* The table that a worker of the program has; live: as in cfg. */
struct flow_table_cfg track_table_cfg(const struct program *p, bool live);
/* Memory that a table of that configuration reserves. */
uint64_t flow_table_reserves(const struct flow_table_cfg *cfg);
/* Keys that a table of so many flows may need: each may be of networks of its own. */
static inline uint64_t grain_keys(uint64_t flows, uint32_t grains) { return flows * grains; }

struct flow_counters {
    uint64_t live[FLOW_CLASSES]; /* now */
    uint64_t ended[FLOW_ENDS];   /* one kind of eviction or end each; added == live + ended, always */
#define FLOW_COUNTER(field, kind, object, key, line, words, doc) uint64_t field;
#include "vm/counter.def"
};
