/* The table of stations of a bridge (IEEE 802.1D, 7.8, with its ageing time). */
#include "runtime/worker/bridge.h"

#define AGE_NS UINT64_C(300000000000)

static struct bridge_mac *place(struct bridge *b, uint64_t mac)
{
    return &b->macs[mac * UINT64_C(0x9e3779b97f4a7c15) >> 52];
}
static_assert(BRIDGE_MACS == 1 << 12, "bits of the hash");

static bool is_group(uint64_t mac) { return mac >> 40 & 1; }

bool bridge_crosses(struct bridge *b, const struct pkt *pkt, uint8_t port, uint64_t now_ns)
{
    const uint64_t from = pkt_mac(pkt, false), to = pkt_mac(pkt, true);
    if (from && !is_group(from)) *place(b, from) = (struct bridge_mac){from, now_ns, port};
    const struct bridge_mac *known = place(b, to);
    return is_group(to) || known->mac != to || known->port != port || now_ns - known->seen_ns > AGE_NS;
}
