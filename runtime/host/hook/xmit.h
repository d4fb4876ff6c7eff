/* Tests if an interface sends the frames of an XDP program. Cards do if their driver can, a veth if its peer
 * receives by NAPI, devices without native XDP never. The kernel reports by generic netlink (Linux 6.3). Before, a
 * trial is made on a veth: a program sends a frame (vm/kernel/gate.h), and the device counts it as dropped if its
 * peer takes none (Linux 5.18, BPF_F_TEST_XDP_LIVE_FRAMES). Other devices send if they run programs in their driver. */
#pragma once

#include <stdbool.h>

#include "runtime/host/host.h"

struct xmit;

/* Open a handle for the caller's network namespace. NULL: out of memory, or the kernel refuses. */
struct xmit *xmit_open(void);
void xmit_close(struct xmit *x); /* NULL is fine */

/* True if the interface sends frames of an XDP program, or if unknown (x or link NULL, or no such interface). generic:
 * no program runs in its driver. try_send: descriptor of the trial program (vm/kernel/entry.def), which stays the
 * caller's. */
bool xmit_takes(struct xmit *x, const struct host_link *link, bool generic, int try_send);

/* True if the driver itself runs XDP programs, or if unknown. Before Linux 6.3 the device's kind decides. */
bool xmit_driver_has_xdp(struct xmit *x, const struct host_link *link);
