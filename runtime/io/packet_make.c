/* The privileged half of `packet`: a socket with its ring, bound to the interface, by itself or as one of several
 * that share the arriving frames. The process that opens the port maps the ring (packet.c). */
#include <endian.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/io/packet_priv.h"
#include "runtime/io/steer/deal.h"
#include "runtime/io/steer/filter.h"

enum { SOCKET_BYTES = 16 << 20 }; /* bytes that wait beside the ring, or for the device */

static int set(int fd, int level, int option, int value) { return setsockopt(fd, level, option, &value, sizeof value); }

/* Set the options that must precede the ring; mark: for packets of a mute socket. Return the failed one, or NULL. */
static const char *settle_socket(int fd, const struct io_ask *ask, uint32_t mark)
{
    if (ask->mute) {
        if (set(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BYTES)) set(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BYTES);
        if (set(fd, SOL_PACKET, PACKET_VNET_HDR, 1)) return "PACKET_VNET_HDR";
        return set(fd, SOL_SOCKET, SO_MARK, (int)mark) ? "SO_MARK" : NULL;
    }
    if (set(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2)) return "PACKET_VERSION";
    if (set(fd, SOL_PACKET, PACKET_VNET_HDR, 1)) return "PACKET_VNET_HDR";
    if (set(fd, SOL_PACKET, PACKET_RESERVE, RESERVE)) return "PACKET_RESERVE";
    if (set(fd, SOL_PACKET, PACKET_COPY_THRESH, 1)) return "PACKET_COPY_THRESH";
    if (!ask->outgoing && set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)) return "PACKET_IGNORE_OUTGOING";
    if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BYTES)) set(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BYTES);
    if (set(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BYTES)) set(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BYTES);
    const struct tpacket_req shape = packet_shape(ask);
    return setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &shape, sizeof shape) ? "PACKET_RX_RING" : NULL;
}

/* Bind the socket: frames arrive from now on, unless it is mute. */
static const char *bind_socket(int fd, const struct io_ask *ask)
{
    const struct sockaddr_ll at = {
        .sll_family = AF_PACKET, .sll_protocol = ask->mute ? 0 : htobe16(ETH_P_ALL), .sll_ifindex = (int)ask->ifindex};
    struct sockaddr_ll bound;
    socklen_t len = sizeof bound;
    if (bind(fd, (const struct sockaddr *)&at, sizeof at)) return "bind";
    if (getsockname(fd, (struct sockaddr *)&bound, &len)) return "getsockname";
    const struct packet_mreq every = {.mr_ifindex = (int)ask->ifindex, .mr_type = PACKET_MR_PROMISC};
    if (ask->all && setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &every, sizeof every)) return "PACKET_MR_PROMISC";
    enum pkt_link link;
    if (pkt_link_of(bound.sll_hatype, true, &link) && link == ask->link) return NULL;
    errno = EPROTONOSUPPORT;
    return "another kind of device";
}

/* Join the group on the interface, or found it: each conversation goes to one socket, by owner or by hash. */
static const char *join_group(int fd, const struct io_ask *ask, const struct deal *deal, int32_t *group)
{
    const uint32_t how = deal ? PACKET_FANOUT_EBPF : PACKET_FANOUT_HASH;
    const uint32_t type = how | (ask->group < 0 ? PACKET_FANOUT_FLAG_UNIQUEID : 0);
    const uint32_t id = ask->group < 0 ? 0 : (uint32_t)ask->group & UINT16_MAX;
    uint32_t got;
    socklen_t len = sizeof got;
    if (set(fd, SOL_PACKET, PACKET_FANOUT, (int)(type << 16 | id))) return "PACKET_FANOUT";
    if (getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &got, &len)) return "PACKET_FANOUT";
    *group = (int32_t)(got & UINT16_MAX);
    return deal && ask->group < 0 && deal_join(deal, fd) ? "PACKET_FANOUT_DATA" : NULL;
}

/* Bind and join. A filter drops the frames that arrive in between, which would come to every socket. */
static const char *bind_shared(int fd, const struct io_ask *ask, const struct io_maker *m, int32_t *group)
{
    const struct filter *filter = m->filter;
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    const struct sock_fprog shut = {1, &nothing};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &shut, sizeof shut)) return "SO_ATTACH_FILTER";
    const char *failed = bind_socket(fd, ask);
    if (!failed) failed = join_group(fd, ask, m->deal, group);
    if (!failed && !filter && set(fd, SOL_SOCKET, SO_DETACH_FILTER, 0)) return "SO_DETACH_FILTER";
    if (!failed && filter && filter_attach(filter, fd)) return "SO_ATTACH_BPF";
    return failed;
}

const struct filter *io_filter(struct io_maker *m)
{
    if (!m->filter_asked) m->filter = filter_open();
    m->filter_asked = true;
    return m->filter;
}

static uint32_t add_fd(struct io_made *made, int fd)
{
    if (fd < 0) return 0;
    made->fds[made->fd_count] = fd;
    return made->fd_count++;
}

int packet_make(struct io_maker *m, const struct io_ask *ask, struct io_made *made, char *err, size_t err_len)
{
    *made = (struct io_made){.group = -1};
    if (!ask->mute) {
        /* Load the kernel programs on first use. */
        io_filter(m);
        if (ask->shared && !m->deal_asked) m->deal = deal_open();
        m->deal_asked |= ask->shared;
    }
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const char *failed = fd < 0 ? "socket" : settle_socket(fd, ask, m->mark);
    if (!failed && ask->mute)
        failed = bind_socket(fd, ask);
    else if (!failed)
        failed = ask->shared                                 ? bind_shared(fd, ask, m, &made->group)
                 : m->filter && filter_attach(m->filter, fd) ? "SO_ATTACH_BPF"
                                                             : bind_socket(fd, ask);
    if (!failed) {
        add_fd(made, fd);
        if (!ask->mute && m->filter && ask->worker == 0) made->filter = add_fd(made, filter_memory(m->filter));
        if (!ask->mute && m->deal && ask->worker == 0 && ask->port == 0)
            made->deal = add_fd(made, deal_memory(m->deal));
        return 0;
    }
    snprintf(err, err_len, "packet socket, %s: %s", failed, strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
}
