/* proxy and proxy http, also inline: connections end in sockets of the host, which gets each packet unchanged */
#include "vm/forward/mode/mode.h"

static enum pkt_reason to_host(const struct job *j, struct packet_ctx *c, struct pkt *copy)
{
    if (!tx_has_room(j)) {
        pool_put(copy);
        return REASON_NO_BUFFER;
    }
    tx_add(j, c, copy, TX_HOST, TX_CAUSE_PROXY);
    return REASON_NONE;
}

const struct mode_ops mode_PROXY = {.send = to_host};
const struct mode_ops mode_PROXY_HTTP = {.send = to_host};
