/* Proxied connections in a takeover: listening sockets are handed over, with the clients in their queues; sessions
 * stay with their process, and so do those of earlier processes. */
#pragma once

#include <stdint.h>

#include "runtime/parent/between/handoff.h"

struct before;
struct control;
struct listeners_handed;

/* Return the part of the proxied connections that can't be handed over; NULL: all can. */
const char *proxied_part_lacks(const struct control *control);
/* Answer PARTS. Return 0 or a negative errno; deadline: channel_until. */
int proxied_part_say(const struct control *control, int fd, uint64_t deadline);
/* Ask for PARTS, and take the answer. The caller frees *listeners in any case; NULL: none. Return 0 or a negative
 * errno. */
int proxied_part_hear(int fd, struct listeners_handed **listeners, struct before *before);
