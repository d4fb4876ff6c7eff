/* dsr ipip: the packet, with one hop less, inside another to the server (RFC 2003, RFC 2473, RFC 4213) */
#include "vm/forward/mode/mode.h"
#include "vm/packet/edit/edit.h"

static enum pkt_reason send_on(const struct job *j, struct packet_ctx *c, struct pkt *copy)
{
    return mode_tunnel(j, c, copy, TUNNEL_IPIP, 0);
}

const struct mode_ops mode_DSR_IPIP = {
    .recipe = RECIPE_IPIP,
    .send = send_on,
};
