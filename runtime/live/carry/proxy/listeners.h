/* Listeners of proxy loops: where, and for each loop. */
#pragma once

#include "runtime/live/carry/state.h"
#include "runtime/proxy/proxy.h"

struct places {
    struct proxy_listen *all; /* on the heap */
    unsigned count;
};

/* The places at which a program's services take connections. False: memory is out. */
bool places_init(struct places *w, const struct program *p);

/* For each loop its listeners: all[loop][*count], on the heap; those at places of `before` (NULL: none) are not opened
 * anew. 0 or a negative errno, with one line in err. */
int listeners_open(struct carry *carry, const struct places *before, struct proxy_listen *all[], unsigned *count,
                   char *err, size_t err_len);
/* Those of so many loops, `count` each. */
void listeners_close(struct proxy_listen *all[], unsigned loops, unsigned count);
