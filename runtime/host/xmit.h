/* Does an interface send what an XDP program gives it? The kernel tells by the generic netlink of devices (Linux 6.3):
 * cards do by their driver, a veth where its other end receives by NAPI, and devices without XDP of their own never. */
#ifndef RUNTIME_HOST_XMIT_H
#define RUNTIME_HOST_XMIT_H

#include <stdbool.h>

struct xmit;

/* In the caller's network namespace; NULL: the kernel does not tell, or memory is out. */
struct xmit *xmit_open(void);
void xmit_close(struct xmit *x); /* NULL is fine */

/* True also where nothing is known: x is NULL, or no such interface is there. */
bool xmit_takes(struct xmit *x, unsigned ifindex);

#endif
