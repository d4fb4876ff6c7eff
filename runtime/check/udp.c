/* `udp send x".." expect x".."`: one datagram, and one that begins so comes back. */
#include <errno.h>
#include <string.h>

#include "runtime/check/probe.h"

static enum probe_result begin(struct probe *p)
{
    const struct pbc_pattern *say = &p->program->patterns[p->check->send];
    const enum probe_result r = probe_connect(p, SOCK_DGRAM);
    if (r != PROBE_GOES_ON) return r;
    p->reads = true;
    return send(p->fd, say->value, say->len, MSG_NOSIGNAL) < 0 ? probe_errno(p, errno) : PROBE_GOES_ON;
}

static enum probe_result step(struct probe *p)
{
    const struct pbc_pattern *want = &p->program->patterns[p->check->expect];
    uint8_t bytes[sizeof want->value];
    const ssize_t n = recv(p->fd, bytes, sizeof bytes, 0);
    if (n < 0 && errno == EAGAIN) return PROBE_GOES_ON;
    if (n < 0) return errno == ECONNREFUSED ? probe_bad(p, "port unreachable") : probe_errno(p, errno);
    if (n < want->len || memcmp(bytes, want->value, want->len))
        return probe_bad(p, "the answer begins with other bytes");
    return PROBE_GOOD;
}

const struct probe_ops probe_udp = {.name = "udp", .begin = begin, .step = step};
