/* The TUN device by which packets are given back to the host, as if they had come in by an interface of its own.
 *
 * No route leads there, so the host sends nothing by it. It is gone with its last descriptor, so also after a
 * kill. */
#pragma once

#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

struct host;
struct host_link;

/* Make the device of an instance ("prey-eth0", written to name), up, of the largest MTU, with one descriptor a queue in
 * fds, the caller's to close; they do not block. 0, or a negative errno with one line in err. Needs CAP_NET_ADMIN. */
int tun_open(const char *instance, int fds[], unsigned queues, char name[IF_NAMESIZE], char *err, size_t err_len);

/* Is it such a device, of any instance? */
bool tun_is_given(const struct host *h, const struct host_link *link);

/* Why this machine can make none, in one line of err. 0: it can, as far as can be seen without making one; or a
 * negative errno. */
int tun_lack(char *err, size_t err_len);

/* Give the host an IPv4 or IPv6 packet, from its IP header on. how: as a packet socket with PACKET_VNET_HDR says it,
 * offsets from the IP header on: a partial checksum, a super-packet; NULL: neither. 0, or a negative errno: -EAGAIN
 * when it can take none now, -EINVAL of what is no IP packet. */
int tun_give(int fd, const struct virtio_net_hdr *how, const void *packet, size_t len);
