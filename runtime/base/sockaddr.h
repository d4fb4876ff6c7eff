/* Socket addresses. */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

union sockaddr_any {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Write an address of family 4 or 6, in the form of struct key. Return the number of bytes used. */
socklen_t sockaddr_of(union sockaddr_any *to, unsigned family, const uint32_t addr[4], uint16_t port);
