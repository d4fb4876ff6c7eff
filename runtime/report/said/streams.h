/* Connections of a capture to proxy services. The vm gives their packets to the host; the server of each connection
 * is found here, from the client's bytes. */
#pragma once

#include "runtime/report/said/said.h"
#include "vm/packet/pkt.h"

struct streams;

/* Return NULL if memory is out (*failed is set) or the program has no proxy service. explains: keep decisions as
 * text. */
struct streams *streams_new(struct program *p, uint64_t seed, bool explains, bool *failed);
void streams_free(struct streams *s);

/* Handle a judged frame: if it goes to such a service, its verdict gets the connection's server, as far as it is
 * known. in: time and facts at the frame, valid until the next call; frame: its number. */
void streams_judged(struct streams *s, const struct vm_in *in, const struct pkt *pkt, uint64_t frame,
                    struct verdict *v);
/* Return the connection of the last frame, or NULL if that belonged to none. */
const struct said *streams_last(const struct streams *s);
/* Set a flow's server, if it is one of these connections. */
void streams_name(const struct streams *s, struct flow_record *f);

struct streams_sum {
    uint64_t connections[SAID_COUNT]; /* number of connections, by last state */
    uint64_t all, frames;
};
struct streams_sum streams_sum(const struct streams *s);
/* Return the frames given to each server, by index. */
const struct counter *streams_served(const struct streams *s);
