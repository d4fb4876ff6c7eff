/* dsr rewrite: the destination is rewritten; the server translates its replies itself and sends them to the client. */
#include "vm/forward/mode/mode.h"

static enum pkt_reason send_on(const struct job *j, struct packet_ctx *c, struct pkt *copy)
{
    return mode_route(j, c, copy);
}

const struct mode_ops mode_DSR_REWRITE = {
    .recipe = RECIPE_REWRITE,
    .send = send_on,
};
