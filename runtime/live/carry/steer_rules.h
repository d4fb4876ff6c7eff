/* A program's rules in the form of the steering program. */
#pragma once

#include "runtime/host/guard/program/guarded.h"
#include "runtime/io/steer/steer.h"

/* True if the steering program has room for the program's rules. False: `why` gives their number. */
bool steered_fits(const struct program *p, char *why, size_t len);
/* Make the matches of the program and of `before` (may be NULL); host: ports that stay with the host, NULL: none. The
 * caller frees g with guarded_fini. False: out of memory. */
bool steered_guarded(struct steer_rules *r, struct guarded *g, const struct program *p, const struct program *before,
                     const struct facts_ports *host);
/* True if a firewall or nat of the program handles forwarded packets. */
bool steered_routes(const struct program *p);
/* True if own addresses may get replies to others' echo requests, because nat or a service translates. */
bool steered_translates(const struct program *p);
