/* The interfaces of a pcapng that holds frames as they came: one for each port and link type, in the order in which the
 * first frame of each comes. */
#pragma once

#include <stdio.h>

#include "runtime/capture/capture.h"

struct came {
    capture_name_fn *name;
    const void *arg;
    struct came_iface {
        uint16_t dlt;
        uint32_t next; /* of the same port, and 1; 0: none */
    } * ifaces;
    uint32_t count, room;
    uint32_t *first; /* [65536] by port, and 1 */
};

/* Its index, after its block where it is new; a negative errno. */
int came_iface(struct came *c, FILE *out, const struct capture_frame *f);
void came_fini(struct came *c);
