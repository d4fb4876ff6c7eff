/* Frames sent by devices: one packet socket for all of them, bound to none, and one system call per batch. In front
 * of each frame, the kernel gets a header with the work that is left for the card or the kernel: checksums, and
 * cutting of super-packets. */
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/copies/copies_priv.h"
#include "runtime/io/offload.h"
#include "vm/packet/key.h"

enum { BATCH = 64, PARTS = 4, MACS = 12, TAG = 4 };

struct packets_out {
    int fd;
    unsigned count;
    struct mmsghdr msgs[BATCH];
    struct iovec parts[BATCH][PARTS];
    struct sockaddr_ll to[BATCH];
    struct virtio_net_hdr how[BATCH];
    uint8_t tags[BATCH][2 * TAG];
    struct copy_slot *slots[BATCH];
    uint32_t lengths[BATCH];
};

struct packets_out *packets_new(int fd)
{
    struct packets_out *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->fd = fd;
    const int one = 1;
    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one);
    return p;
}

void packets_free(struct packets_out *p)
{
    if (!p) return;
    close(p->fd);
    free(p);
}

static unsigned tags_of(const struct tape_frame *f, uint8_t *to)
{
    const unsigned n = f->cap_len < MACS ? 0 : f->tag_count > 2 ? 2 : f->tag_count;
    for (unsigned i = 0; i < n; i++) {
        const uint16_t tag[2] = {__builtin_bswap16(f->tags[i].tpid), __builtin_bswap16(f->tags[i].tci)};
        memcpy(to + (size_t)TAG * i, tag, sizeof tag);
    }
    return n * TAG;
}

/* Return the header of a complete frame, with the work that is left; a frame that was cut gets an empty one. */
static struct virtio_net_hdr how_of(const struct tape_frame *f, unsigned tags)
{
    struct virtio_net_hdr how = {0};
    struct pkt pkt;
    struct key key;
    if ((!f->segment && !(f->flags & PKT_CSUM_PARTIAL)) || f->cap_len < f->wire_len) return how;
    pkt_view(&pkt, (const uint8_t *)(f + 1), f->cap_len, f->wire_len, LINK_ETHER, IFACE_NONE);
    pkt.segment = f->segment;
    pkt.flags |= f->flags & PKT_CSUM_PARTIAL;
    pkt_parse(&pkt, NULL, &key);
    offload_give(&pkt, &how);
    if (how.flags) how.csum_start = (uint16_t)(how.csum_start + tags);
    if (how.gso_type) how.hdr_len = (uint16_t)(how.hdr_len + tags);
    return how;
}

void packets_put(struct packets_out *p, struct copy_slot *s, const struct tape_frame *f)
{
    const uint32_t ifindex = __atomic_load_n(&s->sink->ifindex, __ATOMIC_RELAXED);
    if (!ifindex || f->cap_len < ETHER_HDR_LEN) {
        copy_lose(s, ifindex ? COPY_LONG : COPY_DOWN);
        return;
    }
    const unsigned i = p->count++;
    uint8_t *data = (uint8_t *)(uintptr_t)(f + 1);
    const unsigned tags = tags_of(f, p->tags[i]), before = tags ? MACS : 0;
    p->how[i] = how_of(f, tags);
    p->to[i] = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_ifindex = (int)ifindex, .sll_halen = ETH_ALEN};
    memcpy(p->to[i].sll_addr, data, ETH_ALEN);
    memcpy(&p->to[i].sll_protocol, tags ? p->tags[i] : data + MACS, sizeof p->to[i].sll_protocol);
    p->parts[i][0] = (struct iovec){&p->how[i], sizeof p->how[i]};
    p->parts[i][1] = (struct iovec){data, before};
    p->parts[i][2] = (struct iovec){p->tags[i], tags};
    p->parts[i][3] = (struct iovec){data + before, f->cap_len - before};
    p->msgs[i].msg_hdr = (struct msghdr){
        .msg_name = &p->to[i], .msg_namelen = sizeof p->to[i], .msg_iov = p->parts[i], .msg_iovlen = PARTS};
    p->slots[i] = s;
    p->lengths[i] = f->cap_len + tags;
    if (p->count == BATCH) packets_flush(p);
}

void packets_flush(struct packets_out *p)
{
    for (unsigned i = 0; i < p->count;) {
        const int sent = sendmmsg(p->fd, p->msgs + i, p->count - i, MSG_DONTWAIT);
        for (int n = 0; n < sent; n++) copy_done(p->slots[i + (unsigned)n], p->lengths[i + (unsigned)n]);
        if (sent < 0)
            copy_lose(p->slots[i], errno == ENETDOWN || errno == ENXIO || errno == ENODEV    ? COPY_DOWN
                                   : errno == EMSGSIZE || errno == EINVAL || errno == ERANGE ? COPY_LONG
                                                                                             : COPY_BUSY);
        i += sent < 0 ? 1 : (unsigned)sent;
    }
    p->count = 0;
}
