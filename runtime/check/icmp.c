/* `icmp`: an echo request and its reply (RFC 792, 4443). All probes at servers' own addresses share one raw socket
 * per family; a reply belongs to the probe with its identifier and sequence number. */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "runtime/check/probe.h"
#include "vm/packet/wire.h"

enum { ECHO_BYTES = 16 };

static enum probe_result send_from(struct probe *p, const uint8_t *bytes, size_t n)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = n};
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {0};
    const bool v6 = p->to.any.sa_family == AF_INET6;
    struct msghdr m = {.msg_name = &p->to.any,
                       .msg_namelen = v6 ? sizeof p->to.v6 : sizeof p->to.v4,
                       .msg_iov = &part,
                       .msg_iovlen = 1};
    if (p->from.any.sa_family) {
        m.msg_control = control;
        m.msg_controllen = v6 ? CMSG_SPACE(sizeof(struct in6_pktinfo)) : CMSG_SPACE(sizeof(struct in_pktinfo));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
        c->cmsg_type = v6 ? IPV6_PKTINFO : IP_PKTINFO;
        c->cmsg_len = v6 ? CMSG_LEN(sizeof(struct in6_pktinfo)) : CMSG_LEN(sizeof(struct in_pktinfo));
        if (v6)
            memcpy(CMSG_DATA(c), &(struct in6_pktinfo){.ipi6_addr = p->from.v6.sin6_addr}, sizeof(struct in6_pktinfo));
        else
            memcpy(CMSG_DATA(c), &(struct in_pktinfo){.ipi_spec_dst = p->from.v4.sin_addr}, sizeof(struct in_pktinfo));
    }
    if (sendmsg(p->stack ? p->fd : p->icmp, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return PROBE_GOES_ON;
    return probe_errno(p, errno);
}

static enum probe_result icmp_begin(struct probe *p)
{
    uint8_t echo[ECHO_BYTES] = {0};
    const bool v6 = p->to.any.sa_family == AF_INET6;
    if (p->stack && probe_socket(p, SOCK_RAW) < 0) return probe_errno(p, errno);
    if (!p->stack && p->icmp < 0) return probe_errno(p, EPERM);
    p->reads = true;
    echo[0] = v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
    wire_put16(echo + 4, p->id);
    wire_put16(echo + 6, p->seq);
    if (!v6)
        wire_put16(echo + 2, csum_of(echo, sizeof echo)); /* IPv6: the kernel fills in the checksum (RFC 3542, 3.1) */
    return send_from(p, echo, sizeof echo);
}

bool icmp_reply(int family, const uint8_t *bytes, size_t n, uint16_t *id, uint16_t *seq)
{
    if (family == AF_INET) { /* the IP header comes first (raw(7)) */
        const size_t header = n ? (size_t)(bytes[0] & 15) * 4 : 0;
        if (header < 20 || header > n) return false;
        bytes += header;
        n -= header;
    }
    if (n < 8 || bytes[0] != (family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) || bytes[1]) return false;
    *id = wire_get16(bytes + 4);
    *seq = wire_get16(bytes + 6);
    return true;
}

/* Read replies on a probe's own socket (through a service), which gets other probes' replies, too */
static enum probe_result icmp_step(struct probe *p)
{
    uint8_t bytes[128];
    uint16_t id, seq;
    ssize_t n;
    while ((n = recv(p->fd, bytes, sizeof bytes, MSG_DONTWAIT)) >= 0)
        if (icmp_reply(p->to.any.sa_family, bytes, (size_t)n, &id, &seq) && id == p->id && seq == p->seq)
            return PROBE_GOOD;
    return PROBE_GOES_ON;
}

const struct probe_ops probe_icmp = {.begin = icmp_begin, .step = icmp_step};
