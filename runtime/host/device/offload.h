/* Offloads of a network card that change frames before they reach us, or after: turned off, and on again at the end. */
#pragma once

#include <stddef.h>

struct state;

enum offload { /* bits */
#define OFFLOAD(ident, bit, ...) OFFLOAD_##ident = 1 << (bit),
#include "runtime/host/device/offload.def"
};

/* Which are on and nobody can turn off: enum offload, 0 also of a device that knows none. A negative errno: -ENODEV. */
int offloads_stuck(const char *interface);
/* What `ethtool -K` calls the first of them; "" of none. */
const char *offload_word(unsigned which);

/* Turn these off where they are on. Each is recorded in s before, and turned on again with it if the interface is still
 * there. 0, or a negative errno with one line in err that names the offload: -EOPNOTSUPP: it is always on. */
int offloads_off(struct state *s, const char *interface, unsigned which, char *err, size_t err_len);
