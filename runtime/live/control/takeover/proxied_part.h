/* Proxied connections in a takeover: listening sockets with those who wait in their queues go over; sessions stay with
 * the process that has them, and so do those of processes before it. */
#pragma once

#include <stdint.h>

#include "runtime/parent/between/handoff.h"

struct before;
struct control;
struct listeners_handed;

/* Return what of the proxied connections can't be handed over; NULL: all can. */
const char *proxied_part_lacks(const struct control *control);
/* Answer PARTS. Return 0 or a negative errno; deadline: channel_until. */
int proxied_part_say(const struct control *control, int fd, uint64_t deadline);
/* Ask for PARTS, and take what comes. *listeners is the caller's, who frees it in any case, and NULL where there are
 * none. Return 0 or a negative errno. */
int proxied_part_hear(int fd, struct listeners_handed **listeners, struct before *before);
