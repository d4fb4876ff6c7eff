/* dsr l2: the frame goes to the server's MAC address with its IP packet and TTL unchanged, except for a configured MSS
 * clamp. The server holds the service's address. */
#include "vm/forward/mode/mode.h"

static enum pkt_reason send_on(const struct job *j, struct packet_ctx *c, struct pkt *copy)
{
    const struct vm_tx *tx = j->tx;
    struct hop hop;
    mode_to_server(j, c, &hop);
    if (tx->count >= tx->cap) {
        pool_put(copy);
        return REASON_NO_BUFFER;
    }
    mode_clamp(j, c, copy, 0);
    mode_link(j, c, copy, hop.mac);
    mode_leave(j, c, &hop, copy);
    return REASON_NONE;
}

const struct mode_ops mode_DSR_L2 = {
    .recipe = RECIPE_FRAME,
    .send = send_on,
};
