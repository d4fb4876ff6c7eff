/* Keys of tickets that clients are given (RFC 5077, RFC 8446 4.6.1). They are made here, lie in the library's secure
 * heap and on no disk; every loop and every program of a service has the same. A key gives out tickets for half a day,
 * and takes them for as long again; then it is wiped when next one is asked for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { TICKET_NAME = 16 };
#define TICKETS_TURN_NS (UINT64_C(12) * 3600 * 1000000000)

struct ticket_key {
    uint8_t name[TICKET_NAME], cipher[32], mac[32];
};

/* Counted; any thread may hold them, let go, and ask. NULL: memory, or the system's chance, is out. */
struct tickets;
struct tickets *tickets_new(uint64_t now_ns);
struct tickets *tickets_get(struct tickets *t);
void tickets_put(struct tickets *t); /* NULL is fine */

/* The key that gives out; the caller wipes his copy. False: there is no chance in the system. */
bool tickets_give(struct tickets *t, uint64_t now_ns, struct ticket_key *key);
/* The key of this name. False: none is. *old: it gives out no more, and its tickets are renewed. */
bool tickets_take(struct tickets *t, uint64_t now_ns, const uint8_t name[TICKET_NAME], struct ticket_key *key,
                  bool *old);
