/* The view of the kernel: two sockets, a first dump, and notifications */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/host/host_priv.h"

static const int groups[] = {RTNLGRP_LINK,        RTNLGRP_NEIGH,      RTNLGRP_IPV4_IFADDR,
                             RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
                             RTNLGRP_IPV4_RULE,   RTNLGRP_IPV6_RULE,  RTNLGRP_NEXTHOP};

static int open_news(struct host *h)
{
    const int room = 8 << 20; /* a whole routing table may be announced in one burst */
    h->news = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (!h->news || mnl_socket_bind(h->news, 0, MNL_SOCKET_AUTOPID)) return -errno;
    const int fd = mnl_socket_get_fd(h->news);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        int group = groups[i];
        if (mnl_socket_setsockopt(h->news, NETLINK_ADD_MEMBERSHIP, &group, sizeof group)) return -errno;
    }
    h->bytes = malloc(NETLINK_BYTES);
    return h->bytes ? 0 : -ENOMEM;
}

static int watch_one(const struct host *h, const struct mnl_socket *of)
{
    struct epoll_event in = {.events = EPOLLIN};
    return of && epoll_ctl(h->any_news, EPOLL_CTL_ADD, mnl_socket_get_fd(of), &in) ? -errno : 0;
}

static int watch_both(struct host *h)
{
    h->any_news = epoll_create1(EPOLL_CLOEXEC);
    if (h->any_news < 0) return -errno;
    const int failed = watch_one(h, h->news);
    return failed ? failed : watch_one(h, h->ipsec.news);
}

static int dump_all(struct host *h)
{
    bool changed;
    int failed = links_dump(h);
    links_index(h);
    h->number++;
    if (!failed) failed = addresses_dump(h);
    if (!failed) failed = own_dump(h, &changed);
    if (!failed) failed = neighbours_dump(h);
    routes_expire(h);
    h->all_stale = failed;
    h->own_stale = false;
    return failed;
}

static int open_all(struct host *h)
{
    int failed = netlink_open(&h->ask, NETLINK_ROUTE);
    if (!failed) {
        int on = 1; /* dumps of one table require strict checking */
        mnl_socket_setsockopt(h->ask.socket, NETLINK_GET_STRICT_CHK, &on, sizeof on);
        failed = open_news(h);
    }
    if (!failed) failed = ipsec_open(&h->ipsec);
    if (!failed) failed = watch_both(h);
    if (!failed) failed = routes_init(h);
    return failed ? failed : dump_all(h);
}

struct host *host_open(char *err, size_t err_len)
{
    struct host *h = calloc(1, sizeof *h);
    if (h) h->any_news = -1;
    const int failed = h ? open_all(h) : -ENOMEM;
    if (!failed) return h;
    snprintf(err, err_len, "the kernel's links, addresses and routes can't be read: %s", strerror(-failed));
    host_close(h);
    return NULL;
}

void host_close(struct host *h)
{
    if (!h) return;
    netlink_close(&h->ask);
    if (h->any_news >= 0) close(h->any_news);
    if (h->news) mnl_socket_close(h->news);
    ipsec_close(&h->ipsec);
    neighbours_fini(&h->neighbours);
    self_fini(&h->own.of);
    routes_fini(&h->routes);
    links_fini(&h->links);
    free(h->addresses.all);
    free(h->bytes);
    free(h);
}

uint64_t host_number(const struct host *h) { return h->number; }

int host_fd(const struct host *h) { return h->any_news; }

static int learn_kind(struct host *h, const struct nlmsghdr *nlh)
{
    switch (nlh->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: return links_learn(h, nlh);
    case RTM_NEWADDR:
    case RTM_DELADDR: return addresses_learn(h, nlh);
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH: return neighbours_learn(h, nlh);
    case RTM_NEWROUTE:
    case RTM_DELROUTE: return routes_learn(h, nlh);
    case RTM_NEWRULE:
    case RTM_DELRULE:
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP: return HOST_ROUTES;
    }
    return 0;
}

struct news {
    struct host *host;
    int changes;
};

static int learn_one(const struct nlmsghdr *nlh, void *arg)
{
    struct news *n = arg;
    const int change = learn_kind(n->host, nlh);
    if (change < 0) {
        errno = -change;
        return MNL_CB_ERROR;
    }
    n->changes |= change;
    return MNL_CB_OK;
}

/* Read one datagram. Return 1: there may be more; 0: none; or a negative errno. */
static int read_one(struct news *n)
{
    struct host *h = n->host;
    const ssize_t len = mnl_socket_recvfrom(h->news, h->bytes, NETLINK_BYTES);
    if (len < 0 && (errno == ENOBUFS || errno == ENOSPC)) h->all_stale = true;
    if (len < 0) return errno == EAGAIN ? 0 : errno == ENOBUFS || errno == ENOSPC || errno == EINTR ? 1 : -errno;
    return mnl_cb_run(h->bytes, (size_t)len, 0, 0, learn_one, n) < 0 ? -errno : 1;
}

#define ALL (HOST_LINKS | HOST_ADDRESSES | HOST_ROUTES | HOST_NEIGHBOURS)

/* Read again what notifications don't show */
static int catch_up(struct news *n)
{
    struct host *h = n->host;
    bool changed = false;
    int failed = 0;
    if (h->all_stale) {
        n->changes = ALL;
        return dump_all(h);
    }
    if (h->own_stale) failed = own_dump(h, &changed);
    h->own_stale = failed;
    if (changed) n->changes |= HOST_ADDRESSES;
    if (n->changes & ~HOST_NEIGHBOURS) routes_expire(h);
    return failed;
}

int host_read(struct host *h)
{
    struct news n = {h, 0};
    int going = 1;
    for (int i = 0; i < 1024 && going > 0; i++) going = read_one(&n);
    if (going < 0) h->all_stale = true;
    if (ipsec_hears(&h->ipsec)) n.changes |= HOST_ROUTES;
    links_index(h);
    const int failed = catch_up(&n);
    h->number += (n.changes & (HOST_LINKS | HOST_ADDRESSES)) != 0;
    return failed ? failed : n.changes;
}
