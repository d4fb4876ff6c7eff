/* Who is connected to the page, and who gives way when nearly all places are taken: so those that say nothing keep
 * nobody out. */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

/* Places; from so many taken on each that comes has another give way. */
enum { CLIENTS_MOST = 64, CLIENTS_MANY = 48 };

struct client {
    struct MHD_Connection *connection; /* NULL: a free place */
    uint64_t turn;                     /* when it came, or was answered last: a count */
    uint8_t does;                      /* enum client_does */
};

struct clients {
    struct client all[CLIENTS_MOST];
    uint64_t turns;
    unsigned count; /* that have not been told to give way */
};

/* What libmicrohttpd calls, with a struct clients: a connection began or ended; a request was answered, or is over. Who
 * gives way is the one that came first of those that have asked nothing yet, else that was answered first of those that
 * rest, else of all. */
void clients_noted(void *with, struct MHD_Connection *c, void **place, enum MHD_ConnectionNotificationCode what);
void clients_answered(void *with, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode how);
/* A request has come whole by this connection. */
void clients_asks(struct MHD_Connection *c);
