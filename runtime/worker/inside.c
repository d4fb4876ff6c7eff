/* A packet lies in memory of the worker from the read to the end of its turn: the vm puts a link header into the
 * headroom, and the ports send it from there. */
#include "runtime/worker/inside.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "runtime/host/device/tun.h"
#include "runtime/io/io.h"
#include "runtime/io/offload.h"
#include "runtime/worker/worker.h"

enum { PACKET_MOST = 65536, SLOT_BYTES = IO_HEADROOM + PACKET_MOST };

int worker_inside(struct worker *w, const struct program *p)
{
    if (!w->inside.memory) w->inside.memory = malloc((size_t)INSIDE_BATCH * SLOT_BYTES);
    if (!w->inlined) w->inlined = inlined_new((uint32_t)p->settings->proxy_sessions);
    return w->inside.memory && w->inlined ? 0 : -ENOMEM;
}

void inside_end_fini(struct inside_end *e)
{
    free(e->memory);
    *e = (struct inside_end){.fd = -1};
}

/* Read one packet. False: there is none. */
static bool read_one(struct inside_end *e, unsigned at)
{
    struct virtio_net_hdr how;
    uint8_t *const bytes = e->memory + (size_t)at * SLOT_BYTES + IO_HEADROOM;
    const struct iovec parts[2] = {{&how, sizeof how}, {bytes, PACKET_MOST}};
    ssize_t got;
    do {
        got = readv(e->fd, parts, 2);
    } while (got < 0 && errno == EINTR);
    if (got <= (ssize_t)sizeof how) return false;
    struct pkt *pkt = &e->pkts[at];
    const uint32_t len = (uint32_t)got - (uint32_t)sizeof how;
    pkt_view(pkt, bytes, len, len, LINK_RAW, IFACE_NONE);
    pkt->headroom = IO_HEADROOM;
    pkt->cookie = PORT_ANY;
    pkt->flags = PKT_WRITABLE;
    if (how.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) pkt->flags |= PKT_CSUM_PARTIAL;
    if (how.gso_type != VIRTIO_NET_HDR_GSO_NONE) pkt->segment = how.gso_size;
    return true;
}

unsigned inside_take(struct worker *w, uint64_t now_ns)
{
    struct inside_end *e = &w->inside;
    struct pkt *pkts[INSIDE_BATCH];
    unsigned n = 0;
    while (n < INSIDE_BATCH && read_one(e, n)) {
        pkts[n] = &e->pkts[n];
        n++;
    }
    if (!n) return 0;
    const struct vm_in in = worker_input(w, now_ns);
    w->counters.from_inside += n;
    vm_aside(w->vm, &in, pkts, n, &w->tx);
    worker_leave(w, now_ns);
    return n;
}

void inside_give(struct worker *w, const struct pkt *pkt)
{
    struct virtio_net_hdr how;
    offload_give(pkt, &how);
    if (how.flags) how.csum_start = (uint16_t)(how.csum_start - pkt->l3);
    if (how.gso_type) how.hdr_len = (uint16_t)(how.hdr_len - pkt->l3);
    w->counters.to_inside++;
    if (w->inside.fd < 0 || pkt->l3 >= pkt->head_len ||
        tun_give(w->inside.fd, &how, pkt->data + pkt->l3, pkt->head_len - pkt->l3))
        w->counters.inside_lost++;
}
