/* Addresses as sockets take them. */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

/* Of family 4 or 6, the address as in struct key. `to` has room for that of IPv6. Returns how much of it is used. */
socklen_t sockaddr_of(struct sockaddr *to, unsigned family, const uint32_t addr[4], uint16_t port);
