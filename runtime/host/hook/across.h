/* A bridge that goes on without us: a program in the kernel, at the ingress of each port, sends all frames out of the
 * other. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct state;

/* Was the build made with clang? Else there is no such program. */
bool across_possible(void);

/* From now on, and after the process's end, what comes in by one interface leaves by the other, which is to be said for
 * each direction. Recorded in s, and undone with it. 0, or a negative errno with one line in err. Needs CAP_NET_ADMIN
 * and CAP_BPF. */
int across_set(struct state *s, const char *from, const char *to, char *err, size_t err_len);
