/* Sockets that may have an address of somebody else's (IP_TRANSPARENT), by which a proxy speaks to servers as its
 * clients do. Only who has CAP_NET_ADMIN makes them; they are bound and connected without it. */
#pragma once

enum { TRANSPARENT_BATCH = 32 };

/* So many TCP sockets of family 4 or 6, which do not block and choose their port when they are connected
 * (IP_BIND_ADDRESS_NO_PORT); the caller's to close. How many there are, or a negative errno. */
int transparent_sockets(unsigned family, int fds[], unsigned count);
