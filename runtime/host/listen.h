/* Sockets that listen. */
#ifndef RUNTIME_HOST_LISTEN_H
#define RUNTIME_HOST_LISTEN_H

#include <stddef.h>
#include <sys/socket.h>

/* A TCP socket there (IPv4 or IPv6, port included) that listens and does not block; `text` is how it was asked for. The
 * descriptor, the caller's to close, or a negative errno with one line in err. */
int listen_tcp(const struct sockaddr *at, const char *text, char *err, size_t err_len);

#endif
