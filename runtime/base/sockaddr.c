/* An address of a packet key, as sockaddr_in or sockaddr_in6 */
#include "runtime/base/sockaddr.h"

#include <arpa/inet.h>

socklen_t sockaddr_of(union sockaddr_any *to, unsigned family, const uint32_t addr[4], uint16_t port)
{
    if (family == 4) {
        to->v4 =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(addr[0])};
        return sizeof to->v4;
    }
    to->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
    for (unsigned i = 0; i < 4; i++) to->v6.sin6_addr.s6_addr32[i] = htonl(addr[i]);
    return sizeof to->v6;
}
