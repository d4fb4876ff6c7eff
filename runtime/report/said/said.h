/* One connection to a service whose connections end at a proxy, as a capture shows it: the client's bytes are put in
 * order and read as the proxy reads them, until they choose a server; in `mode proxy http` each request does. */
#pragma once

#include "vm/forward/service.h"
#include "vm/stream/first.h"

/* SAID(ident, key, words): how far it is; of one that ended so, key in JSON and words for people. */
#define SAID_STATES(SAID)                                                                                              \
    SAID(OPENING, "opened", "opened")                                                                                  \
    SAID(READING, "undecided", "undecided")                                                                            \
    SAID(BODY, "in_body", "given a server")                                                                            \
    SAID(CHOSEN, "served", "given a server")                                                                           \
    SAID(NO_SERVER, "no_server", "without a server")                                                                   \
    SAID(REFUSED, "refused", "closed for what they sent")                                                              \
    SAID(GONE, "reset", "reset while undecided")                                                                       \
    SAID(FULL, "max_flows", "over `max flows`")                                                                        \
    SAID(BLIND, "ciphered", "not looked into, for TLS ends at the service")                                            \
    SAID(UNSEEN, "incomplete", "with bytes that the capture lacks")                                                    \
    SAID(CROWDED, "given_up", "given up, for too many were undecided")
enum said_state {
#define SAID(ident, key, words) SAID_##ident,
    SAID_STATES(SAID)
#undef SAID
        SAID_COUNT
};

enum { SAID_KEY_WORDS = 6 };
struct said {
    uint64_t ends[SAID_KEY_WORDS]; /* both addresses and ports */
    struct reassembly in;          /* room 0: it holds no memory */
    struct first_at at;
    struct body body;
    uint64_t accepted_ns;
    uint64_t frame;  /* that decided last */
    uint32_t opened; /* TCP's number of the first byte */
    uint32_t service, branch, pool, server;
    uint32_t named[4]; /* the client that a PROXY header names */
    uint32_t older, newer;
    char *words,
        *passed; /* what decided last, and the branches that it did not meet, for --explain; NULL: nobody asks */
    uint16_t named_port;
    uint8_t state, reason; /* enum said_state; enum stream_reason of SAID_REFUSED */
    bool is_named, later;  /* later: its first request is over */
    bool admitted, known, begun;
};

struct said_segment {
    uint64_t now_ns, frame;
    const struct key *key;
    const uint8_t *bytes;
    uint32_t seq, n;
    bool cut;     /* the capture holds less than was sent */
    bool partial; /* the rest of it comes in other IP fragments, which nobody puts together here */
};

/* What all connections share. */
struct said_world {
    const struct program *program;
    struct chooser *chooser;
    struct first first; /* of the bytes that were read last */
    /* Memory for so much room, in the place of what it has; false: it gets none, and is given up. Room 0: give back. */
    bool (*hold)(struct said_world *w, struct said *c, uint32_t room);
    bool explains; /* connections remember what decided */
};

/* A segment of the client's, the first that was seen of the connection, or a SYN that begins another: *c is all zero
 * but for its ends. */
void said_begin(struct said_world *w, struct said *c, uint32_t service, const struct said_segment *s);
void said_segment(struct said_world *w, struct said *c, const struct said_segment *s);
/* Its first bytes have come too late, though nothing came just now. */
void said_late(struct said_world *w, struct said *c, const struct said_segment *s);
/* How long they may take. */
uint64_t said_patience(const struct said_world *w, const struct said *c);
/* What its service asks of the bytes: enum first_wants. */
uint32_t said_wants(const struct said_world *w, const struct said *c);
/* It holds nothing any more, and counts no more at its service. */
void said_end(struct said_world *w, struct said *c, const struct key *key);
