/* A connection to a proxy service, as seen in a capture: the client's bytes are put in order and read as the proxy
 * reads them, until they choose a server; in `mode proxy http` each request chooses one. */
#pragma once

#include "vm/forward/service.h"
#include "vm/stream/first.h"

/* States of a connection: SAID(ident, key, words); key in JSON, and words for connections that ended in this state. */
#define SAID_STATES(SAID)                                                                                              \
    SAID(OPENING, "opened", "opened")                                                                                  \
    SAID(READING, "undecided", "undecided")                                                                            \
    SAID(BODY, "in_body", "given a server")                                                                            \
    SAID(CHOSEN, "served", "given a server")                                                                           \
    SAID(NO_SERVER, "no_server", "without a server")                                                                   \
    SAID(REFUSED, "refused", "closed because of their bytes")                                                          \
    SAID(REJECTED, "rejected", "rejected")                                                                             \
    SAID(SILENT, "no_request", "closed without a request")                                                             \
    SAID(GONE, "reset", "reset while undecided")                                                                       \
    SAID(FULL, "max_flows", "over `max flows`")                                                                        \
    SAID(BLIND, "ciphered", "not examined, because TLS ends at the service")                                           \
    SAID(UNSEEN, "incomplete", "with bytes missing in the capture")                                                    \
    SAID(CROWDED, "given_up", "passed, because too many were undecided")
enum said_state {
#define SAID(ident, key, words) SAID_##ident,
    SAID_STATES(SAID)
#undef SAID
        SAID_COUNT
};

enum { SAID_KEY_WORDS = 6 };
struct said {
    uint64_t ends[SAID_KEY_WORDS]; /* addresses and ports of both ends */
    struct reassembly in;          /* bytes put in order; room 0: no memory is held */
    struct first_at at;
    struct body body;
    uint64_t accepted_ns;
    uint64_t frame;  /* frame with the last decision */
    uint32_t opened; /* TCP sequence number of the first byte */
    uint32_t service, branch, pool, server;
    uint32_t wants; /* items that are wanted of the connection's bytes (vm/stream/wants.h), except of a PROXY header */
    uint32_t named[4]; /* client address that a PROXY header gives */
    uint32_t older, newer;
    char *words,
        *passed; /* the last decision, and the branches that did not match, for --explain; NULL: not asked for */
    uint16_t named_port;
    uint8_t state, reason; /* enum said_state; enum stream_reason for SAID_REFUSED */
    bool is_named, later;  /* later: the first request has ended */
    bool admitted, known, begun;
};

struct said_segment {
    uint64_t now_ns, frame;
    const struct key *key;
    const uint8_t *bytes;
    uint32_t seq, n;
    bool cut;     /* the capture holds less than was sent */
    bool partial; /* the rest is in other IP fragments, which are not reassembled here */
};

/* State shared by all connections. */
struct said_world {
    const struct program *program;
    struct chooser *chooser;
    struct first first; /* result for the bytes read last */
    /* Give the connection memory for `room` bytes in place of its present memory; 0: free it. False: out of memory,
     * and the connection is given up. */
    bool (*hold)(struct said_world *w, struct said *c, uint32_t room);
    bool explains; /* connections keep their decisions as text */
};

/* Begin a connection at its first seen segment from the client, or at the SYN of a new one. *c is all zero except
 * its ends. */
void said_begin(struct said_world *w, struct said *c, uint32_t service, const struct said_segment *s);
void said_segment(struct said_world *w, struct said *c, const struct said_segment *s);
/* Give up waiting for the first bytes, which are late, without a segment. */
void said_late(struct said_world *w, struct said *c, const struct said_segment *s);
/* Return the time limit for the first bytes, in ns. */
uint64_t said_patience(const struct said_world *w, const struct said *c);
/* Free the connection's memory, and stop counting it at its service. */
void said_end(struct said_world *w, struct said *c, const struct key *key);

/* Content of a connection's first bytes or of a request, and the conditions that failed, as text for --explain. */
/* Write c->words and c->passed from the content of w->first, when c->branch has been chosen; malloc'd, NULL if memory
 * is out. passed: a line "LINE condition" for each branch before the chosen one, with its line in the rules. */
void said_words(const struct said_world *w, struct said *c, const struct key *key);
