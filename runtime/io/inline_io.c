/* A packet is in the reader's memory from the read to the end of its turn: the vm puts a link header into the
 * headroom, and the ports send it from there. */
#include "runtime/io/inline_io.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "runtime/host/device/tun.h"
#include "runtime/io/io.h"
#include "runtime/io/offload.h"
#include "vm/packet/key.h"

enum { PACKET_MOST = 65536, SLOT_BYTES = IO_HEADROOM + PACKET_MOST };
enum { AT_ONCE = 1 << 20 /* bytes: super-packets that stay in a CPU's cache */, LOOK_EACH = 4 /* calls */ };

int inline_io_init(struct inline_io *io)
{
    if (!io->memory) io->memory = malloc((size_t)INLINE_IO_BATCH * SLOT_BYTES);
    return io->memory ? 0 : -ENOMEM;
}

void inline_io_fini(struct inline_io *io)
{
    free(io->memory);
    *io = (struct inline_io){.fd = -1};
}

/* Read one packet. False if none waits. */
static bool read_one(struct inline_io *io, unsigned at)
{
    struct virtio_net_hdr how;
    uint8_t *const bytes = io->memory + (size_t)at * SLOT_BYTES + IO_HEADROOM;
    const struct iovec parts[2] = {{&how, sizeof how}, {bytes, PACKET_MOST}};
    ssize_t got;
    do {
        got = readv(io->fd, parts, 2);
    } while (got < 0 && errno == EINTR);
    if (got <= (ssize_t)sizeof how) return false;
    struct pkt *pkt = &io->pkts[at];
    const uint32_t len = (uint32_t)got - (uint32_t)sizeof how;
    pkt_view(pkt, bytes, len, len, LINK_RAW, IFACE_NONE);
    pkt->headroom = IO_HEADROOM;
    pkt->flags = PKT_WRITABLE;
    if (how.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) pkt->flags |= PKT_CSUM_PARTIAL;
    if (how.gso_type != VIRTIO_NET_HDR_GSO_NONE) pkt->segment = how.gso_size;
    return true;
}

unsigned inline_io_read(struct inline_io *io, struct pkt *pkts[INLINE_IO_BATCH])
{
    unsigned n = 0;
    if (!io->likely && ++io->skipped < LOOK_EACH) return 0;
    io->skipped = 0;
    for (size_t bytes = 0; n < INLINE_IO_BATCH && bytes < AT_ONCE && read_one(io, n); n++) {
        pkts[n] = &io->pkts[n];
        bytes += pkts[n]->head_len;
    }
    io->likely = n > 0;
    return n;
}

bool inline_io_give(struct inline_io *io, const struct pkt *pkt)
{
    struct virtio_net_hdr how;
    io->likely = true;
    offload_give(pkt, &how);
    if (how.flags) how.csum_start = (uint16_t)(how.csum_start - pkt->l3);
    if (how.gso_type) how.hdr_len = (uint16_t)(how.hdr_len - pkt->l3);
    return io->fd >= 0 && pkt->l3 < pkt->head_len &&
           !tun_give(io->fd, &how, pkt->data + pkt->l3, pkt->head_len - pkt->l3);
}
