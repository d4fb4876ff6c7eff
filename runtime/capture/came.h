/* Interfaces of a pcapng that holds frames as they came: one for each port and link type, in the order of their first
 * frames. */
#pragma once

#include "runtime/capture/ng.h"

struct came {
    capture_name_fn *name;
    const void *arg;
    struct came_iface {
        uint16_t dlt;
        uint32_t next; /* index + 1 of the next interface of the same port; 0: none */
    } * ifaces;
    uint32_t count, room;
    uint32_t *first; /* [65536], by port: index + 1 of its first interface */
};

/* Return the index of the frame's interface, whose block is appended first if it is new, or a negative errno. */
int came_iface(struct came *c, struct bytes *to, const struct capture_frame *f);
void came_fini(struct came *c);
