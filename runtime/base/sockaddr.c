#include "runtime/base/sockaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>

socklen_t sockaddr_of(struct sockaddr *to, unsigned family, const uint32_t addr[4], uint16_t port)
{
    struct sockaddr_in *v4 = (void *)to;
    struct sockaddr_in6 *v6 = (void *)to;
    if (family == 4) {
        *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(addr[0])};
        return sizeof *v4;
    }
    *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
    for (unsigned i = 0; i < 4; i++) v6->sin6_addr.s6_addr32[i] = htonl(addr[i]);
    return sizeof *v6;
}
