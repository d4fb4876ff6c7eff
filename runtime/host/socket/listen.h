/* Listening sockets */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "runtime/host/host.h"

/* Listen on TCP at an address (IPv4 or IPv6, with port), non-blocking; `text`: the address as given by the user. Return
 * the descriptor, which the caller closes, or a negative errno with one line in err. */
int listen_tcp(const struct sockaddr *at, const char *text, char *err, size_t err_len);

/* The same for a service, as one of several sockets at that address (SO_REUSEPORT). The address need not be this
 * machine's (IP_TRANSPARENT); all 0: any of its family. Accepted connections send at once (TCP_NODELAY) and take
 * urgent bytes in line; they end when the peer vanishes (alive.h). If the host allows it to servers (bit 2 of
 * net.ipv4.tcp_fastopen), a SYN may carry the first bytes (RFC 7413). */
int listen_proxy(const struct host_addr *addr, uint16_t port, char *err, size_t err_len);

/* Make such a socket, which was shut down for reading, listen again. Return 0 or a negative errno. */
int listen_again(int fd);
/* Have the kernel choose among the `count` sockets at this socket's address only by the client's address. Return 0
 * or a negative errno. */
int listen_by_client(int fd, bool v6, unsigned count);
/* Return the index of the socket that gets a client's connections, in the order in which the sockets began to listen.
 * addr: the client's address in host order, IPv4 in addr[0]. */
unsigned listen_member(const uint32_t addr[4], bool v6, unsigned count);
/* True if the socket listens; the socket of a draining service does not. */
bool listen_does(int fd);
/* Make a socket stop listening while it keeps its port. Return 0 or a negative errno. */
int listen_no_more(int fd);
