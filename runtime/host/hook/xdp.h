/* XDP programs on an interface, by links, which are gone with their last descriptor and pin. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Put the program on the interface, in the driver where it can, else in the kernel's generic way (*generic); replace:
 * another one is taken off first, for good. The link's descriptor, the caller's to close; or a negative errno with one
 * line in err, which calls the program `what`. */
int xdp_attach(int program, unsigned ifindex, bool replace, bool *generic, const char *what, char *err, size_t err_len);
