/* The connections of a capture to services whose connections end at a proxy. The vm gives their packets to the host;
 * which server they would get is found here, from the client's bytes. */
#pragma once

#include "runtime/report/said/said.h"
#include "vm/packet/pkt.h"

struct streams;

/* NULL, and *failed is left alone: the program has no such service. explains: connections remember what decided. */
struct streams *streams_new(struct program *p, uint64_t seed, bool explains, bool *failed);
void streams_free(struct streams *s);

/* A frame was judged: if it goes to such a service, its verdict gets the connection's server, as far as it is known
 * from here on. in: time and facts at the frame, which hold until the next call; frame: its number. */
void streams_judged(struct streams *s, const struct vm_in *in, const struct pkt *pkt, uint64_t frame,
                    struct verdict *v);
/* The connection that the last such frame is of; NULL: it was none. */
const struct said *streams_last(const struct streams *s);
/* A flow's server, if it was one of these. */
void streams_name(const struct streams *s, struct flow_record *f);

struct streams_sum {
    uint64_t connections[SAID_COUNT]; /* by their last state */
    uint64_t all, frames;
    uint64_t passed_over; /* frames of connections that made way for others */
};
struct streams_sum streams_sum(const struct streams *s);
/* Frames that were given to each server, by index. */
const struct counter *streams_served(const struct streams *s);
