/* A network stack of the kernel's aside from the host's: a namespace whose only way out is a TUN device. Health checks
 * that go by the way of a service speak from it: what their sockets say comes out of the device as packets, which are
 * sent the way that the service's mode says, and answers are put back into it.
 *
 * The host's addresses are addresses of the stack as well, as soon as a socket speaks from them, the last 1,024 of
 * them; the host itself knows nothing of it. All is gone with the last descriptor.
 *
 * A thread stands in it and makes what is asked for. It goes there once, which takes CAP_SYS_ADMIN; afterwards it needs
 * CAP_NET_ADMIN and CAP_NET_RAW. */
#pragma once

#include "runtime/host/host.h"

/* Bytes of its longest packet: IPv6's least, so that it fits into any tunnel of an Ethernet. */
enum { ASIDE_MTU = 1280 };

struct aside;

/* In the thread, once it stands there: it gives up what it needs no more. 0 or a negative errno. */
typedef int aside_confine_fn(void);
/* Nothing is in it yet. confine may be NULL. NULL, with one line in err: a right is missing. All else is for the
 * caller's thread alone. */
struct aside *aside_new(aside_confine_fn *confine, char *err, size_t err_len);
void aside_free(struct aside *a); /* NULL is fine */

/* Its device, to be made once (runtime/host/device/tun.h: a struct virtio_net_hdr, then the IP packet), the caller's to
 * close. A descriptor, or a negative errno: there are no TUN devices. */
int aside_device(struct aside *a);

/* A socket in it, not bound, of SOCK_STREAM, SOCK_DGRAM or SOCK_RAW (for echo replies), of the family of `from`, which
 * it may speak from. A descriptor, or a negative errno. */
int aside_socket(struct aside *a, const struct host_addr *from, int type);

/* A packet socket of the host's own stack: by it frames leave, and behind a filter of the caller's it hears what
 * arrives, once it is bound to a protocol; each behind a struct virtio_net_hdr. A descriptor, or a negative errno. */
int aside_ear(void);
