/* The inline stack in which inline connections end (vm/flow/inline_addr.h): its own namespace, with a TUN device per
 * worker, listeners, and sockets for connections to servers. It ends with the last descriptor; the host itself is
 * not changed.
 *
 *     device of worker w   routes to its INLINE_CLIENT and INLINE_SERVER
 *     lo                   INLINE_OWN and the listeners' addresses are local */
#pragma once

#include "runtime/host/device/aside.h"

struct inline_stack_ask {
    uint32_t workers; /* at most INLINE_WORKERS */
    uint32_t mtu;     /* MTU of the devices, in bytes */
    uint32_t whole;   /* 1: super-packets come out of the devices */
};

enum { INLINE_STACK_MTU_LEAST = 68, INLINE_STACK_MTU_MOST = 65535 }; /* bytes of an IP packet: the limits of `mtu` */
enum {
    INLINE_STACK_FDS = 3
}; /* descriptors of a worker: its device (runtime/host/device/tun.h), listeners of IPv4 and IPv6 */

/* Make the stack, once. fds: [workers][INLINE_STACK_FDS], which the caller closes; without IPv6 each worker has only
 * two, because the IPv6 listeners are missing. Return the number of descriptors, or a negative errno with one line
 * in err. */
int inline_stack_make(struct aside *a, const struct inline_stack_ask *ask, int fds[], char *err, size_t err_len);

/* Find the stack that such descriptors belong to; each worker has `each` of them. Another process made and handed
 * over the descriptors, so they are not trusted. Return a descriptor of the stack's namespace, which the caller
 * closes, or a negative errno. -EPROTO: a descriptor is of another kind, or they belong to several stacks, or to
 * this process's own stack. Needs CAP_NET_ADMIN. */
int inline_stack_of(const int fds[], unsigned workers, unsigned each);

/* Make a batch of TCP sockets of family 4 or 6 for connections to servers (runtime/host/socket/transparent.h). Return
 * their number, or a negative errno. */
int inline_stack_batch(struct aside *a, unsigned family, int fds[], unsigned count);
