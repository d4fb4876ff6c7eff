/* passthrough keep source: the server sees the client's address, and its route back leads through here */
#include "vm/forward/mode/mode.h"

static enum pkt_reason send_on(const struct job *j, struct packet_ctx *c, struct pkt *copy)
{
    return mode_route(j, c, copy);
}

const struct mode_ops mode_KEEP_SOURCE = {
    .recipe = RECIPE_REWRITE,
    .send = send_on,
};
