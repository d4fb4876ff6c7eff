/* passthrough: the server sees an address and a port of ours, so its replies come back here */
#include "vm/forward/mode/mode.h"

static enum pkt_reason send_on(const struct job *j, struct packet_ctx *c, struct pkt *copy)
{
    return mode_route(j, c, copy);
}

const struct mode_ops mode_PASSTHROUGH = {
    .recipe = RECIPE_REWRITE,
    .send = send_on,
};
