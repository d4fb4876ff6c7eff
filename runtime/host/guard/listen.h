/* Sockets that listen. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "runtime/host/host.h"

/* A TCP socket there (IPv4 or IPv6, port included) that listens and does not block; `text` is how it was asked for. The
 * descriptor, the caller's to close, or a negative errno with one line in err. */
int listen_tcp(const struct sockaddr *at, const char *text, char *err, size_t err_len);

/* One of several sockets that listen there together (SO_REUSEPORT), for connections that a service takes: the address
 * need not be this machine's (IP_TRANSPARENT), all 0 is any of its family. What is accepted sends at once (TCP_NODELAY)
 * and takes urgent bytes for ordinary ones. Where the host lets servers do it (bit 2 of net.ipv4.tcp_fastopen), a SYN
 * may bring the first bytes (RFC 7413). Likewise. */
int listen_proxy(const struct host_addr *addr, uint16_t port, char *err, size_t err_len);
