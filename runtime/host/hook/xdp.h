/* XDP programs on an interface, by links, which end with their last descriptor and pin */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Put a program on the interface, in the driver if possible, else in the kernel's generic way (*generic); replace:
 * remove another program first, for good. Return the link's descriptor, which the caller closes; or a negative errno
 * with one line in err, which calls the program `what`. */
int xdp_attach(int program, unsigned ifindex, bool replace, bool *generic, const char *what, char *err, size_t err_len);

/* Find if the driver takes a program: put one on the interface that passes all packets, in the driver only. Return
 * its link, which the caller closes; or a negative errno. */
int xdp_try(unsigned ifindex);

/* True if the driver, by its name from ethtool, forgets its program whenever it makes its rings again (down and up,
 * another MTU, other rings, a reset). The kernel still shows the program as attached, so frames would pass unjudged.
 * vmxnet3 does (vmxnet3_rq_cleanup_all, Linux 6.6 to 6.12 at least). */
bool xdp_is_forgotten(const char *driver);

/* The same for the driver of an interface. */
bool xdp_forgets(unsigned ifindex);
