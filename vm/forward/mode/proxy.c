/* proxy and proxy http: connections end in sockets of the host, so packets are its own and none is sent on here. */
#include "vm/forward/mode/mode.h"

static enum pkt_reason keep(const struct job *j, struct packet_ctx *c, struct pkt *copy)
{
    (void)j;
    (void)c;
    pool_put(copy);
    return REASON_NONE;
}

const struct mode_ops mode_PROXY = {.send = keep};
const struct mode_ops mode_PROXY_HTTP = {.send = keep};
