/* Clients of the page, and their eviction when nearly all places are taken, so that silent ones do not keep others
 * out. */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

/* Number of places, and the number taken from which each new client evicts another. */
enum { CLIENTS_MOST = 64, CLIENTS_MANY = 48 };

struct client {
    struct MHD_Connection *connection; /* connection of the client; NULL: a free place */
    uint64_t turn;                     /* value of the counter when the client connected or got its last response */
    uint8_t does;                      /* enum client_does */
};

struct clients {
    struct client all[CLIENTS_MOST];
    uint64_t turns;
    unsigned count; /* number of clients not yet evicted */
};

/* Callbacks for libmicrohttpd, with a struct clients: a connection has begun or ended; a request was answered, or is
 * over. The evicted client is the oldest that has not asked yet, else the resting one with the oldest answer, else
 * the oldest one that waits for an answer. */
void clients_noted(void *with, struct MHD_Connection *c, void **place, enum MHD_ConnectionNotificationCode what);
void clients_answered(void *with, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode how);
/* Note a whole request by this connection. */
void clients_asks(struct MHD_Connection *c);
