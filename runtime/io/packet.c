/* `packet`: frames through AF_PACKET. A ring of slots that the kernel fills (TPACKET_V2) is read in place; longer
 * frames, which are super-packets, come by recvmsg beside it (PACKET_COPY_THRESH). Frames leave by sendmmsg through
 * the same socket, so that none of them returns as sent by the host. README.md has the reasons against TPACKET_V3. A
 * mute port has no ring, and receives no frames. */
#include "runtime/io/packet_priv.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/io/gso.h"
#include "runtime/io/offload.h"
#include "runtime/io/steer/deal.h"
#include "runtime/io/steer/filter.h"

enum {
    LARGE = 16,          /* most frames at once that exceed a slot */
    LARGE_BYTES = 65792, /* the largest IP packet with link header, tags and headroom */
    SEND_MOST = 256,
    KIND_PPP = 512, /* ARPHRD_PPP, in vm/packet/arphrd.def */
};

struct io_port {
    int fd;
    bool outgoing, all;
    uint8_t link; /* enum pkt_link */
    uint8_t *ring;
    size_t ring_bytes;
    uint32_t slot_bytes, per_block, blocks;
    uint32_t block, slot;             /* next one to read */
    uint32_t first_block, first_slot; /* first one that is not released */
    unsigned held;                    /* number of slots between them */
    unsigned views_used, large_used;
    struct pkt views[IO_BATCH];
    uint64_t came_ns[IO_BATCH]; /* times of the views */
    uint8_t *large;             /* [LARGE * LARGE_BYTES] */
    unsigned queued;
    struct virtio_net_hdr headers[SEND_MOST];
    struct iovec parts[SEND_MOST][2];
    struct mmsghdr messages[SEND_MOST];
    struct sockaddr_ll to[2]; /* for bare packets, whose family no header gives: IPv4, IPv6 */
    struct pool *pool;        /* for pieces of super-packets, if the kernel cuts none; else NULL */
    struct io_stats stats;
    uint64_t seen_received;  /* received frames at the last packet_stalled */
    uint64_t seen_lost;      /* lost frames at the last packet_stalled */
    const uint64_t *refused; /* the filter's count, for the first worker's port only; NULL: no filter */
    uint64_t refused_before;
    unsigned ifindex;
};

static void packet_close(struct io_port *p)
{
    if (!p) return;
    if (p->ring) munmap(p->ring, p->ring_bytes);
    if (p->fd >= 0) close(p->fd);
    filter_unmap(p->refused);
    free(p->large);
    free(p->pool);
    free(p);
}

static bool map_ring(struct io_port *p, const struct tpacket_req *shape)
{
    p->slot_bytes = shape->tp_frame_size;
    p->per_block = BLOCK / p->slot_bytes;
    p->blocks = shape->tp_block_nr;
    p->ring_bytes = (size_t)BLOCK * p->blocks;
    p->ring = mmap(NULL, p->ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
    if (p->ring == MAP_FAILED) p->ring = NULL;
    p->large = malloc((size_t)LARGE * LARGE_BYTES);
    return p->ring && p->large;
}

/* True for a PPP device. The kernel takes the first bytes that a raw socket sends by it for a link header, as many
 * as the line puts before a packet. It looks for a super-packet's IP header behind them, so it can't cut
 * super-packets, and drops them silently. */
static bool is_ppp(int fd)
{
    struct sockaddr_ll at = {0};
    socklen_t len = sizeof at;
    return !getsockname(fd, (struct sockaddr *)&at, &len) && at.sll_hatype == KIND_PPP;
}

/* True if another process's ring has that shape. The shape is that process's claim, and it has read strangers'
 * bytes: with another slot length, data in a slot would be taken for the kernel's headers. */
static bool fits_handed(const struct io_handed *h, const struct tpacket_req *shape)
{
    return h->slot_bytes == shape->tp_frame_size && h->blocks == shape->tp_block_nr && h->block < h->blocks &&
           h->slot < BLOCK / h->slot_bytes;
}

static bool packet_fits(const struct io_ask *ask, const struct io_made *made)
{
    const struct tpacket_req shape = packet_shape(ask);
    return fits_handed(&made->handed, &shape);
}

/* True for a packet socket at that interface, with such a ring, or that sends only. */
static bool is_handed(int fd, uint32_t ifindex, bool mute)
{
    struct sockaddr_ll at = {0};
    int version = -1;
    socklen_t len = sizeof at, version_len = sizeof version;
    return !getsockname(fd, (struct sockaddr *)&at, &len) && at.sll_family == AF_PACKET &&
           at.sll_ifindex == (int)ifindex && !getsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, &version_len) &&
           (mute ? !at.sll_protocol : version == TPACKET_V2);
}

static bool packet_hand(const struct io_port *p, struct io_made *made)
{
    if (p->held || p->queued) return false;
    *made = (struct io_made){
        .group = -1, .fd_count = 1, .fds = {p->fd}, .handed = {p->slot_bytes, p->blocks, p->block, p->slot}};
    return true;
}

/* True if both are the same socket. */
static bool is_same(int fd, int other)
{
    struct stat a, b;
    return !fstat(fd, &a) && !fstat(other, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool packet_resume(struct io_port *p, struct io_made *made)
{
    const struct tpacket_req shape = {.tp_frame_size = p->slot_bytes, .tp_block_nr = p->blocks};
    if (!p->ring || made->fd_count != 1 || !fits_handed(&made->handed, &shape) || !is_same(p->fd, made->fds[0]))
        return false;
    p->block = p->first_block = made->handed.block;
    p->slot = p->first_slot = made->handed.slot;
    io_made_close(made);
    return true;
}

static struct io_port *packet_open(const struct io_ask *ask, const struct io_made *made, struct umem **umem, char *err,
                                   size_t err_len)
{
    const struct tpacket_req shape = packet_shape(ask);
    if (made->handed.blocks && !ask->mute && !fits_handed(&made->handed, &shape)) {
        snprintf(
            err, err_len,
            "packet socket: the old ring has another size, because --ring or the MTU has changed; restart preyrun");
        struct io_made unused = *made;
        io_made_close(&unused);
        return NULL;
    }
    if (made->handed.blocks && (made->fd_count != 1 || !is_handed(made->fds[0], ask->ifindex, ask->mute))) {
        snprintf(err, err_len, "the descriptor handed over isn't a packet socket of this interface");
        struct io_made unused = *made;
        io_made_close(&unused);
        return NULL;
    }
    struct io_port *p = calloc(1, sizeof *p);
    if (p) {
        p->fd = made->fds[0];
        p->outgoing = ask->outgoing;
        p->all = ask->all;
        p->ifindex = ask->ifindex;
        p->link = ask->link;
        p->block = p->first_block = made->handed.block;
        p->slot = p->first_slot = made->handed.slot;
        for (unsigned i = 0; i < 2; i++)
            p->to[i] = (struct sockaddr_ll){.sll_family = AF_PACKET,
                                            .sll_protocol = htobe16(i ? ETH_P_IPV6 : ETH_P_IP),
                                            .sll_ifindex = (int)ask->ifindex};
        if (made->filter) p->refused = filter_map(made->fds[made->filter]);
        p->refused_before = filter_refused(p->refused, p->ifindex);
        const bool cuts = ask->link == LINK_RAW && is_ppp(p->fd);
        if (cuts) p->pool = pool_new(GSO_PIECES, POOL_SLOT_MOST);
        if ((!cuts || p->pool) && (ask->mute || map_ring(p, &shape))) return p;
    } else {
        struct io_made unused = *made;
        io_made_close(&unused);
    }
    snprintf(err, err_len, "the memory of the packet socket can't be set up: %s", strerror(errno));
    packet_close(p);
    return NULL;
}

static struct tpacket2_hdr *slot_at(const struct io_port *p, uint32_t block, uint32_t slot)
{
    return (void *)(p->ring + (size_t)block * BLOCK + (size_t)slot * p->slot_bytes);
}

static void slot_step(const struct io_port *p, uint32_t *block, uint32_t *slot)
{
    if (++*slot < p->per_block) return;
    *slot = 0;
    if (++*block == p->blocks) *block = 0;
}

/* True for a frame to this machine; for one that it sent, if those are wanted; for one to another machine at a bridge's
 * port. (Another program's tap may let in others.) */
static bool is_wanted(const struct io_port *p, const struct tpacket2_hdr *h)
{
    const struct sockaddr_ll *from = (const void *)((const uint8_t *)h + ADDRESS_AT);
    /* A tunnel may bring other protocols, and tags: this machine's stack takes none of it. */
    const bool ip = from->sll_protocol == htobe16(ETH_P_IP) || from->sll_protocol == htobe16(ETH_P_IPV6);
    if (p->link == LINK_RAW && (h->tp_status & TP_STATUS_VLAN_VALID || !ip)) return false;
    switch (from->sll_pkttype) {
    case PACKET_HOST:
    case PACKET_BROADCAST:
    case PACKET_MULTICAST: return true;
    case PACKET_OUTGOING: return p->outgoing;
    case PACKET_OTHERHOST: return p->all;
    default: return false;
    }
}

static void packet_view(struct pkt *pkt, uint8_t *data, uint32_t len, const struct tpacket2_hdr *h, enum pkt_link link)
{
    pkt_view(pkt, data, len, len, link, 0);
    pkt->flags = PKT_WRITABLE;
    pkt->headroom = IO_HEADROOM;
    if (!(h->tp_status & TP_STATUS_VLAN_VALID)) return;
    pkt->tag_count = 1;
    pkt->tags[0].tci = h->tp_vlan_tci;
    pkt->tags[0].tpid = h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->tp_vlan_tpid : ETH_P_8021Q;
}

/* Read into the buffer a frame of which the slot has only a part. False: the frame is not there, or too long. */
static bool fetch_large(struct io_port *p, const struct tpacket2_hdr *h, struct virtio_net_hdr *vnet, uint8_t *data,
                        uint32_t *len)
{
    struct iovec parts[2] = {{vnet, sizeof *vnet}, {data, LARGE_BYTES - IO_HEADROOM}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (!(h->tp_status & TP_STATUS_COPY)) return false;
    const ssize_t got = recvmsg(p->fd, &message, MSG_DONTWAIT);
    if (got < (ssize_t)sizeof *vnet || message.msg_flags & MSG_TRUNC) return false;
    *len = (uint32_t)got - (uint32_t)sizeof *vnet;
    p->stats.copied++;
    return *len == h->tp_len;
}

static void count_cut(struct io_port *p, unsigned n)
{
    __atomic_store_n(&p->stats.cut, p->stats.cut + n, __ATOMIC_RELAXED);
}

/* Make a view of the slot's frame. False: the frame is not handed out. */
static bool frame_take(struct io_port *p, struct tpacket2_hdr *h, struct pkt *pkt)
{
    uint8_t *data = (uint8_t *)h + h->tp_mac;
    struct virtio_net_hdr vnet;
    uint32_t len = h->tp_snaplen;
    const bool wanted = is_wanted(p, h), large = h->tp_snaplen < h->tp_len;
    memcpy(&vnet, data - sizeof vnet, sizeof vnet);
    if (large) {
        data = p->large + (size_t)p->large_used * LARGE_BYTES + IO_HEADROOM;
        if (!fetch_large(p, h, &vnet, data, &len)) {
            count_cut(p, wanted);
            return false;
        }
    }
    if (!wanted) return false;
    packet_view(pkt, data, len, h, (enum pkt_link)p->link);
    p->came_ns[pkt - p->views] = h->tp_sec * UINT64_C(1000000000) + h->tp_nsec;
    if (!offload_take(pkt, &vnet, h->tp_status & TP_STATUS_CSUM_VALID)) {
        count_cut(p, 1);
        return false;
    }
    p->large_used += large;
    p->stats.super += pkt->segment != 0;
    return true;
}

static unsigned packet_receive(struct io_port *p, struct pkt *pkts[], unsigned n)
{
    unsigned got = 0;
    const unsigned most = p->per_block * p->blocks;
    while (got < n && p->views_used < IO_BATCH && p->large_used < LARGE && p->held < most) {
        struct tpacket2_hdr *h = slot_at(p, p->block, p->slot);
        if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) break;
        slot_step(p, &p->block, &p->slot);
        p->held++;
        __builtin_prefetch(slot_at(p, p->block, p->slot));
        __builtin_prefetch((uint8_t *)slot_at(p, p->block, p->slot) + FRAME_AT);
        if (!frame_take(p, h, &p->views[p->views_used])) continue;
        pkts[got++] = &p->views[p->views_used++];
    }
    __atomic_store_n(&p->stats.received, p->stats.received + got, __ATOMIC_RELAXED);
    return got;
}

static uint64_t packet_came(const struct io_port *p, const struct pkt *pkt)
{
    return pkt >= p->views && pkt < p->views + p->views_used ? p->came_ns[pkt - p->views] : 0;
}

static void packet_release(struct io_port *p)
{
    for (; p->held; p->held--) {
        struct tpacket2_hdr *h = slot_at(p, p->first_block, p->first_slot);
        __atomic_store_n(&h->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        slot_step(p, &p->first_block, &p->first_slot);
    }
    p->views_used = p->large_used = 0;
}

static void packet_flush(struct io_port *p)
{
    unsigned at = 0;
    while (at < p->queued) {
        const int sent = sendmmsg(p->fd, p->messages + at, p->queued - at, MSG_DONTWAIT);
        if (sent > 0) {
            p->stats.sent += (unsigned)sent;
            at += (unsigned)sent;
            continue;
        }
        /* The first of the remaining frames was refused. With a full queue the others would be, too. */
        const bool full = errno == EAGAIN || errno == ENOBUFS;
        const unsigned lost = full ? p->queued - at : 1;
        p->stats.not_sent += lost;
        p->stats.last_errno = errno;
        at += lost;
    }
    p->queued = 0;
}

/* Queue a frame. The kernel wants the header in front: it is written there if there is room, since one piece is taken
 * faster than two. */
static void queue(struct io_port *p, struct pkt *pkt)
{
    struct virtio_net_hdr how;
    struct iovec *parts = p->parts[p->queued];
    offload_put_tags(pkt);
    offload_give(pkt, &how);
    const bool room = pkt->headroom >= sizeof how, bare = p->link == LINK_RAW;
    if (room) {
        memcpy(pkt->data - sizeof how, &how, sizeof how);
        parts[0] = (struct iovec){pkt->data - sizeof how, sizeof how + pkt->head_len};
    } else {
        p->headers[p->queued] = how;
        parts[0] = (struct iovec){&p->headers[p->queued], sizeof how};
        parts[1] = (struct iovec){pkt->data, pkt->head_len};
    }
    struct sockaddr_ll *to = bare ? &p->to[pkt->head_len && pkt->data[0] >> 4 == 6] : NULL;
    p->messages[p->queued++].msg_hdr = (struct msghdr){
        .msg_name = to, .msg_namelen = to ? sizeof *to : 0, .msg_iov = parts, .msg_iovlen = room ? 1 : 2};
    if (p->queued == SEND_MOST) packet_flush(p);
}

static void send_refused(struct io_port *p, int why)
{
    p->stats.not_sent++;
    p->stats.last_errno = why;
}

/* Send a super-packet in pieces. */
static void send_pieces(struct io_port *p, const struct pkt *super)
{
    struct pkt *pieces[GSO_PIECES];
    unsigned n;
    if (!gso_cut(super, p->pool, pieces, &n)) {
        send_refused(p, EMSGSIZE);
        return;
    }
    for (unsigned i = 0; i < n; i++) queue(p, pieces[i]);
    packet_flush(p);
    while (n) pool_put(pieces[--n]);
}

static void packet_send(struct io_port *p, struct pkt *pkt)
{
    if (pkt->link != p->link)
        send_refused(p, EPROTO); /* the device's link type has changed, which the sender does not know yet */
    else if (pkt->segment && p->pool)
        send_pieces(p, pkt);
    else
        queue(p, pkt);
}

static int packet_fd(const struct io_port *p) { return p->fd; }

static int packet_fault(struct io_port *p)
{
    int fault = 0;
    socklen_t len = sizeof fault;
    return getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &fault, &len) ? errno : fault;
}

/* Add the kernel's counters, which restart at each read. The worker must not call this while another thread reads
 * `losses`. */
static void add_lost(struct io_port *p)
{
    struct tpacket_stats s;
    socklen_t len = sizeof s;
    if (!getsockopt(p->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len)) p->stats.lost += s.tp_drops;
}

static void packet_losses(struct io_port *p, struct io_stats *to)
{
    add_lost(p);
    to->lost = p->stats.lost;
    to->cut = __atomic_load_n(&p->stats.cut, __ATOMIC_RELAXED);
}

static void packet_stats(struct io_port *p, struct io_stats *to)
{
    add_lost(p);
    *to = p->stats;
    to->refused = filter_refused(p->refused, p->ifindex) - p->refused_before;
}

static int packet_filter(struct io_port *p, int program, int memory)
{
    const int failed = filter_attach_program(program, p->fd);
    if (memory < 0) return failed;
    filter_unmap(p->refused);
    p->refused = filter_map(memory);
    p->refused_before = filter_refused(p->refused, p->ifindex);
    return failed;
}

static bool any_waits(const struct io_port *p)
{
    for (uint32_t block = 0; block < p->blocks; block++)
        for (uint32_t slot = 0; slot < p->per_block; slot++)
            if (__atomic_load_n(&slot_at(p, block, slot)->tp_status, __ATOMIC_RELAXED) & TP_STATUS_USER) return true;
    return false;
}

/* Without the filter, frames that it refuses stop the ring (steer/filter.bpf.c). A ring that only overflowed holds
 * frames, or has handed some out since. */
static bool packet_stalled(struct io_port *p)
{
    const uint64_t lost = p->seen_lost, before = p->seen_received;
    add_lost(p);
    p->seen_lost = p->stats.lost;
    p->seen_received = __atomic_load_n(&p->stats.received, __ATOMIC_RELAXED);
    return p->stats.lost != lost && p->seen_received == before && !any_waits(p);
}

static int packet_group(struct io_port *p)
{
    const int found = (PACKET_FANOUT_EBPF | PACKET_FANOUT_FLAG_UNIQUEID)
                      << 16; /* without a program, the first socket gets all frames */
    uint32_t value = 0;
    socklen_t len = sizeof value;
    if (getsockopt(p->fd, SOL_PACKET, PACKET_FANOUT, &value, &len)) return -errno;
    if (!value && setsockopt(p->fd, SOL_PACKET, PACKET_FANOUT, &found, sizeof found)) return -errno;
    if (!value && getsockopt(p->fd, SOL_PACKET, PACKET_FANOUT, &value, &len)) return -errno;
    return (int)(value & UINT16_MAX);
}

static int packet_deal(struct io_port *p, int program) { return deal_join_program(program, p->fd); }

const struct io_ops io_PACKET = {
    .name = "packet",
    .make = packet_make,
    .open = packet_open,
    .close = packet_close,
    .receive = packet_receive,
    .came = packet_came,
    .release = packet_release,
    .send = packet_send,
    .flush = packet_flush,
    .fd = packet_fd,
    .fault = packet_fault,
    .stats = packet_stats,
    .losses = packet_losses,
    .stalled = packet_stalled,
    .hand = packet_hand,
    .fits = packet_fits,
    .resume = packet_resume,
    .filter = packet_filter,
    .group = packet_group,
    .deal = packet_deal,
};
