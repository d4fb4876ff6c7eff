/* Offloads of a network card that change frames before or after prey: turned off, and on again at the end */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct state;

enum offload { /* bits */
#define OFFLOAD(ident, bit, ...) OFFLOAD_##ident = 1 << (bit),
#include "runtime/host/device/offload.def"
};

/* Return the offloads (enum offload) that are on and can't be turned off, 0 if none; or a negative errno: -ENODEV */
int offloads_stuck(const char *interface);
/* Return the `ethtool -K` word of the first offload in `which`; "" if empty */
const char *offload_word(unsigned which);

/* Write the `ethtool -K` words of all in `which`, with a comma between two; the text is cut if `to` is too short. */
void offload_words(unsigned which, char *to, size_t len);

/* Return the offloads that are on, 0 also if the interface is gone. */
unsigned offloads_on(const char *interface);
/* Turn on those of `which` that are off, if the device can, without a record: those that a driver turned off besides
 * the requested ones. Needs CAP_NET_ADMIN. */
void offloads_again(const char *interface, unsigned which);

/* Turn off those of `which` that are on. Each is first recorded in s, and turned on again on undo if the interface
 * still exists. judges: they stay off for eBPF programs that go on judging after this process has ended. *off: all
 * that are off now; a driver may turn off more than requested. Return 0, or a negative errno with one line in err
 * that names the offload: -EOPNOTSUPP: always on. */
int offloads_off(struct state *s, const char *interface, unsigned which, bool judges, unsigned *off, char *err,
                 size_t err_len);
