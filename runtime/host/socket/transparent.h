/* Sockets that may have a foreign address (IP_TRANSPARENT), by which a proxy connects to servers from its clients'
 * addresses. Making them needs CAP_NET_ADMIN, bind and connect do not. */
#pragma once

enum { TRANSPARENT_BATCH = 32 };

/* Make `count` TCP sockets of family 4 or 6, non-blocking, which choose a port at connect (IP_BIND_ADDRESS_NO_PORT);
 * the caller closes them. Return their number, or a negative errno. */
int transparent_sockets(unsigned family, int fds[], unsigned count);
