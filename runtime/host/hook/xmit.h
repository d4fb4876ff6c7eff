/* Does an interface send what an XDP program gives it? Cards do by their driver, a veth where its other end receives by
 * NAPI, and devices without XDP of their own never. The kernel tells by the generic netlink of devices (Linux 6.3).
 * Before, it is tried with a veth: a frame (vm/kernel/gate.h) is sent by a program, and the device counts it as
 * dropped where its other end takes none (Linux 5.18, BPF_F_TEST_XDP_LIVE_FRAMES); of all others it is believed. */
#pragma once

#include <stdbool.h>

#include "runtime/host/host.h"

struct xmit;

/* In the caller's network namespace; NULL: memory is out, or the kernel lets nobody ask. */
struct xmit *xmit_open(void);
void xmit_close(struct xmit *x); /* NULL is fine */

/* try_send: the descriptor of that program (vm/kernel/entry.def), the caller's. True also where nothing is known: x or
 * link is NULL, or no such interface is there. */
bool xmit_takes(struct xmit *x, const struct host_link *link, int try_send);

/* Does the driver run XDP programs itself? Before Linux 6.3 it follows from the kind of the device. True also where
 * nothing is known. */
bool xmit_driver_has_xdp(struct xmit *x, const struct host_link *link);
