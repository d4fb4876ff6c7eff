/* Socket addresses. */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

/* Write `addr`, of family 4 or 6 and as in struct key, to `to`, which has room for a sockaddr_in6. Return its
 * length. */
socklen_t sockaddr_of(struct sockaddr *to, unsigned family, const uint32_t addr[4], uint16_t port);
