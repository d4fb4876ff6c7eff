/* Listeners of proxy loops. */
#pragma once

#include "runtime/live/carry/carry_state.h"
#include "runtime/proxy/proxy.h"

struct places {
    struct proxy_listen *all; /* listening addresses, on the heap */
    unsigned count;
};

/* Find the addresses where the program's services take connections. False: out of memory. */
bool places_init(struct places *w, const struct program *p);

/* Open each loop's listeners, all[loop][count[loop]], on the heap; places in `before` (NULL: none) are not opened
 * again. If another instance with more loops has handed over its listeners, each loop gets spare ones, too. Return
 * 0, or a negative errno with one line in err. */
int listeners_open(struct carry *carry, const struct places *before, struct proxy_listen *all[], unsigned count[],
                   char *err, size_t err_len);
/* Make the kernel choose among this instance's own listeners, if those handed over were of another number of loops.
 * Call once this instance accepts. */
void listeners_deal(const struct carry *carry);
/* Listeners of another instance's loops, in place of new ones at the same addresses */
struct listeners_handed {
    struct listener_handed {
        struct proxy_listen at; /* fd -1: this instance has taken it */
        uint32_t worker;        /* index of its loop there */
    } * all;
    unsigned count;
    uint32_t room;
    unsigned loops; /* number of loops in the other instance */
};
/* True if the descriptor is a TCP socket bound to that address. */
bool listener_is_at(int fd, const struct stream_addr *at);
/* Close listeners that were not taken, and free; NULL is fine. */
void listeners_handed_free(struct listeners_handed *h);

/* Close the listeners of all loops. */
void listeners_close(struct proxy_listen *all[], unsigned loops, const unsigned count[]);
