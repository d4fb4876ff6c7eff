/* Keys of session tickets for clients (RFC 5077, RFC 8446 4.6.1). They are made here and stay in OpenSSL's secure heap,
 * never on disk; all loops and all programs of a service share them. A key encrypts tickets for half a day, and is
 * accepted for half a day more; it is wiped when the next key is made. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { TICKET_NAME = 16 };
#define TICKETS_TURN_NS (UINT64_C(12) * 3600 * 1000000000)

struct ticket_key {
    uint8_t name[TICKET_NAME], cipher[32], mac[32];
};

/* Make, share, release keys: counted, for any thread. NULL: out of memory, or no randomness. */
struct tickets;
struct tickets *tickets_new(uint64_t now_ns);
struct tickets *tickets_get(struct tickets *t);
void tickets_put(struct tickets *t); /* NULL is fine */

/* Copy the key for new tickets; the caller wipes the copy. False: no randomness. */
bool tickets_give(struct tickets *t, uint64_t now_ns, struct ticket_key *key);
/* Copy the key of that name. False: the key is unknown. *old: the key makes no new tickets, and its tickets are
 * renewed. */
bool tickets_take(struct tickets *t, uint64_t now_ns, const uint8_t name[TICKET_NAME], struct ticket_key *key,
                  bool *old);
