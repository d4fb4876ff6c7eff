/* XDP programs on an interface, by links, which end with their last descriptor and pin */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Put a program on the interface, in the driver if possible, else in the kernel's generic way (*generic); replace:
 * remove another program first, for good. Return the link's descriptor, which the caller closes; or a negative errno
 * with one line in err, which calls the program `what`. */
int xdp_attach(int program, unsigned ifindex, bool replace, bool *generic, const char *what, char *err, size_t err_len);

/* Find if the driver takes a program: put one on the interface that passes all packets, in the driver alone. Return its
 * link, which the caller closes; or a negative errno. */
int xdp_try(unsigned ifindex);
