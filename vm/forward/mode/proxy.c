/* proxy and proxy http: connections end in sockets of the host, which gets each packet unchanged */
#include "vm/forward/mode/mode.h"

static enum pkt_reason to_host(const struct job *j, struct packet_ctx *c, struct pkt *copy)
{
    j->tx->entries[j->tx->count++] = (struct tx_entry){.pkt = copy,
                                                       .kind = TX_HOST,
                                                       .cause = TX_CAUSE_PROXY,
                                                       .out_if = IFACE_NONE,
                                                       .input = j->input == INPUT_NONE ? INPUT_NONE : j->input + c->at,
                                                       .cookie = c->pkt->cookie};
    return REASON_NONE;
}

const struct mode_ops mode_PROXY = {.send = to_host};
const struct mode_ops mode_PROXY_HTTP = {.send = to_host};
