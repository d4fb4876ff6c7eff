/* A bridge that works without prey: a kernel program at the ingress of each port sends all frames out of the other
 * port */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct state;

/* True if the build had clang, which the program needs */
bool across_possible(void);

/* Send frames that arrive at one interface out of the other, also after the process's end; call for each direction.
 * Recorded in s, and undone with it. Return 0, or a negative errno with one line in err. Needs CAP_NET_ADMIN and
 * CAP_BPF. */
int across_set(struct state *s, const char *from, const char *to, char *err, size_t err_len);
