/* A kernel network stack separate from the host's: a namespace whose only way out is a TUN device. Health checks
 * through services have their sockets in it: outgoing packets come out of the device and are sent according to the
 * service's mode; replies are written to the device.
 *
 * An address of the host becomes local in this stack when a socket uses it; the last 1,024 addresses stay. The host
 * itself is not changed. The namespace ends with the last descriptor.
 *
 * A thread in the namespace makes the requested sockets and devices. It enters once, with CAP_SYS_ADMIN; afterwards
 * it needs CAP_NET_ADMIN and CAP_NET_RAW. */
#pragma once

#include "runtime/host/host.h"

/* Longest packet, in bytes: IPv6's minimum, which fits any tunnel over Ethernet */
enum { ASIDE_MTU = 1280 };

struct aside;

/* Called in the thread inside the namespace, to give up privileges. Return 0 or a negative errno. */
typedef int aside_confine_fn(void);
/* Enter a new, empty namespace, or the one of a descriptor (second function), which stays the caller's. what: its
 * purpose, in words. confine may be NULL. Return NULL, with one line in err, if privileges are missing. Only the
 * caller's thread may call the other functions. */
struct aside *aside_new(const char *what, aside_confine_fn *confine, char *err, size_t err_len);
struct aside *aside_again(int ns, const char *what, aside_confine_fn *confine, char *err, size_t err_len);
void aside_free(struct aside *a); /* NULL is fine */

/* Run a task in the thread inside the namespace, and wait for it. Return its result. */
typedef int aside_task_fn(void *with);
int aside_run(struct aside *a, aside_task_fn *task, void *with);
/* From within such a task, add (RTM_NEWROUTE) or remove (RTM_DELROUTE) a route by a device. dst: NULL for the
 * default route; `len` of its bits count; local: its addresses are this stack's. Return 0 or a negative errno. */
int aside_lead(unsigned ifindex, uint16_t what, uint8_t family, const struct host_addr *dst, uint8_t len, bool local);

/* Make the namespace's device, once (runtime/host/device/tun.h: a struct virtio_net_hdr, then the IP packet). Return a
 * descriptor, which the caller closes, or a negative errno if there are no TUN devices. */
int aside_device(struct aside *a);

/* Make an unbound socket in the namespace: SOCK_STREAM, SOCK_DGRAM or SOCK_RAW (for echo replies), of the family of
 * `from`, which becomes local. Return a descriptor, or a negative errno. */
int aside_socket(struct aside *a, const struct host_addr *from, int type);

/* Make a packet socket of the host's stack. It sends frames and, once bound to a protocol, receives those that pass
 * the caller's filter, each behind a struct virtio_net_hdr. Return a descriptor, or a negative errno. */
int aside_ear(void);
