/* Clients of services: the number of flows that a source holds at a service (`max flows N per source`), and the
 * server that it keeps (`affinity source D`). They are in a keyed table. Clients without flows make way for others,
 * the longest unused first. */
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

/* Make a table with room for the clients of `flows` flows or more. NULL: out of memory. */
struct clients *clients_new(uint64_t flows, uint64_t seed);
void clients_free(struct clients *c);

/* Return the number of flows that the client holds at the service. */
uint32_t client_flows(const struct clients *c, const struct client_key *key);
/* Return the server of the client's last flow, which the client keeps while it has flows, and until keep_ns after
 * the last one ended; PBC_NONE: none. */
uint32_t client_server(const struct clients *c, const struct client_key *key, uint64_t now_ns, uint64_t keep_ns);

/* Count one more flow of the client, with this server. With PBC_NONE, not known yet, the client keeps its server.
 * False: not counted, because all entries in the client's place hold flows. */
bool client_add(struct clients *c, const struct client_key *key, uint32_t server);
/* Set the server of a flow that the client holds. */
void client_served(struct clients *c, const struct client_key *key, uint32_t server);
/* Count one flow less. keep: remember the client without flows, too. */
void client_drop(struct clients *c, const struct client_key *key, uint64_t now_ns, bool keep);

/* Find the next client; *at begins as 0. False: the end. */
bool client_next(const struct clients *c, uint32_t *at, struct client_key *key);
/* Take over the server that a client of another table keeps, without its flows, unless the one kept here is newer. */
void client_keep(struct clients *c, const struct clients *from, const struct client_key *key);

/* Write all clients, or read them into a new table (keyed/archive.h). servers: greatest server number. */
bool clients_archive(struct clients *c, struct archive *a, uint32_t servers);
/* Forget the flows of all clients, which another worker counts from now on, but not the servers that they keep. */
void clients_rest(struct clients *c, uint64_t now_ns);

struct client_counters {
    uint64_t known;   /* clients in the table now */
    uint64_t evicted; /* clients without flows that were evicted */
    uint64_t full;    /* clients that found no room */
};
