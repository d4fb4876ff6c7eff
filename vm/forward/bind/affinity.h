/* Clients of services: how many flows a source holds at a service (`max flows N per source`), and which server it keeps
 * (`affinity source D`). In a keyed table; a client without flows makes way for another, the longest unused
 * first. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/keyed/archive.h"

struct clients;

struct client_key {
    uint32_t addr[4]; /* as in struct key */
    uint32_t service;
    bool v6;
};

/* Room for the clients of `flows` flows and more. NULL: out of memory. */
struct clients *clients_new(uint64_t flows, uint64_t seed);
void clients_free(struct clients *c);

/* Flows that the client holds at the service. */
uint32_t client_flows(const struct clients *c, const struct client_key *key);
/* The server that it keeps: that of its last flow, while it has any and until keep_ns after the last ended; PBC_NONE.
 */
uint32_t client_server(const struct clients *c, const struct client_key *key, uint64_t now_ns, uint64_t keep_ns);

/* It holds one more flow, with this server; PBC_NONE: that is not known yet, it keeps the one that it has. False, and
 * not counted: there was no room, for all that could lie there hold flows. */
bool client_add(struct clients *c, const struct client_key *key, uint32_t server);
/* A flow that it holds has this server now. */
void client_served(struct clients *c, const struct client_key *key, uint32_t server);
/* One less. keep: it is remembered without flows, too. */
void client_drop(struct clients *c, const struct client_key *key, uint64_t now_ns, bool keep);

/* All of them (keyed/archive.h), into what is new; no server is above that number. */
bool clients_archive(struct clients *c, struct archive *a, uint32_t servers);

struct client_counters {
    uint64_t known;   /* now */
    uint64_t evicted; /* made way while they were remembered */
    uint64_t full;    /* found no room */
};
