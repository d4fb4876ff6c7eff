/* Listeners of proxy loops. */
#pragma once

#include "runtime/live/carry/carry_state.h"
#include "runtime/proxy/proxy.h"

struct places {
    struct proxy_listen *all; /* on the heap */
    unsigned count;
};

/* Find the places where the program's services take connections. False: out of memory. */
bool places_init(struct places *w, const struct program *p);

/* Open each loop's listeners, all[loop][*count], on the heap; places in `before` (NULL: none) are not opened again.
 * Return 0, or a negative errno with one line in err. */
int listeners_open(struct carry *carry, const struct places *before, struct proxy_listen *all[], unsigned *count,
                   char *err, size_t err_len);
/* Close the listeners of all loops, `count` each. */
void listeners_close(struct proxy_listen *all[], unsigned loops, unsigned count);
