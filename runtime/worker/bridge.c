/* The table of stations of a bridge (IEEE 802.1D, 7.8, with its ageing time). */
#include "runtime/worker/bridge.h"

#include <errno.h>
#include <stdlib.h>

#include "vm/vm.h"

enum { BITS_LEAST = 4, BITS_MOST = 20 };
#define AGE_NS UINT64_C(300000000000)

int bridge_init(struct bridge *b, uint64_t macs)
{
    unsigned bits = BITS_LEAST;
    while (bits < BITS_MOST && UINT64_C(1) << bits < macs) bits++;
    b->shift = 64 - bits;
    b->macs = calloc((size_t)1 << bits, sizeof *b->macs);
    return b->macs ? 0 : -ENOMEM;
}

void bridge_fini(struct bridge *b)
{
    free(b->macs);
    b->macs = NULL;
}

static struct bridge_mac *mac_place(struct bridge *b, uint64_t mac)
{
    return &b->macs[mac * UINT64_C(0x9e3779b97f4a7c15) >> b->shift];
}

static bool is_group(uint64_t mac) { return mac >> 40 & 1; }

bool bridge_crosses(struct bridge *b, const struct pkt *pkt, uint8_t port, uint64_t now_ns)
{
    const uint64_t from = pkt_mac(pkt, false), to = pkt_mac(pkt, true);
    if (from && !is_group(from)) *mac_place(b, from) = (struct bridge_mac){from, now_ns, port};
    const struct bridge_mac *known = mac_place(b, to);
    return is_group(to) || known->mac != to || known->port != port || now_ns - known->seen_ns > AGE_NS;
}

/* Change the size, if it stays within bounds. */
static bool bridge_resize(struct bridge *b, unsigned shift)
{
    if (shift < 64 - BITS_MOST || shift > 64 - BITS_LEAST) return false;
    bridge_fini(b);
    return !bridge_init(b, UINT64_C(1) << (64 - shift));
}

bool bridge_archive(struct bridge *b, struct archive *a)
{
    unsigned shift = b->shift;
    ARCHIVE(a, shift);
    if (shift != b->shift && !archive_sound(a, bridge_resize(b, shift))) return false;
    const uint32_t count = (uint32_t)(UINT64_C(1) << (64 - b->shift));
    for (uint32_t at = 0; !a->bad; at++) {
        while (!a->reads && at < count && !b->macs[at].mac) at++;
        const uint32_t least = at;
        if (!ARCHIVE(a, at) || !archive_sound(a, at >= least && at <= count) || at == count) break;
        ARCHIVE(a, b->macs[at].mac);
        ARCHIVE(a, b->macs[at].seen_ns);
        ARCHIVE(a, b->macs[at].port);
    }
    return !a->bad;
}
