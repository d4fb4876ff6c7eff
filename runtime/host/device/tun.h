/* The TUN device through which packets return to the host, as if they came in by their own interface.
 *
 * No route leads to it, so the host sends nothing through it. The device ends with its last descriptor, even after a
 * kill. */
#pragma once

#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

struct host;
struct host_link;

/* Make the device of an instance, and write its name ("prey-eth0"). The device is up, with the largest MTU. fds: one
 * non-blocking descriptor per queue, which the caller closes. Return 0, or a negative errno with one line in err.
 * Needs CAP_NET_ADMIN. */
int tun_open(const char *instance, int fds[], unsigned queues, char name[IF_NAMESIZE], char *err, size_t err_len);

/* Write the name of an instance's device */
void tun_name(const char *instance, char name[IF_NAMESIZE]);

/* True if the descriptor is the TUN device of an instance, with one queue and in the right mode: a struct
 * virtio_net_hdr, then the IP packet. */
bool tun_is(int fd, const char *instance);

/* True if the link is the TUN device of some instance */
bool tun_is_given(const struct host *h, const struct host_link *link);

/* Test, without making a device, if this machine can make a TUN device. Return 0, or a negative errno with one line in
 * err. */
int tun_lack(char *err, size_t err_len);

/* Give the host an IPv4 or IPv6 packet, from its IP header on. how: in the form of PACKET_VNET_HDR, with offsets
 * from the IP header: a partial checksum, a super-packet; NULL: neither. Return 0, or a negative errno: -EAGAIN if
 * the device is full, -EINVAL if it isn't an IP packet. */
int tun_give(int fd, const struct virtio_net_hdr *how, const void *packet, size_t len);
