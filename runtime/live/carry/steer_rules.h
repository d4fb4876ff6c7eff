/* A program as the steering program sees it. */
#pragma once

#include "runtime/host/guard/guarded.h"
#include "runtime/io/steer/steer.h"

/* Are its rules few enough? False: `why` says how many there are. */
bool steered_fits(const struct program *p, char *why, size_t len);
/* Matches of the program, and of the one before, which may be NULL; host: the ports that stay with the host, NULL: none
 * do. g is the caller's to unmake. False: memory is out. */
bool steered_guarded(struct steer_rules *r, struct guarded *g, const struct program *p, const struct program *before,
                     const struct facts_ports *host);
/* Is what crosses this machine the program's: by a firewall for it, or by nat? */
bool steered_routes(const struct program *p);
/* May answers to others' echo requests come for this machine's own addresses: by nat, or a service that translates? */
bool steered_translates(const struct program *p);
