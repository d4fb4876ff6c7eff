/* Checks that compare bytes: tcp, udp */
#include <errno.h>

#include "runtime/check/steps.h"

enum { DATAGRAM_MOST = 65536 };

/* Begin `tcp [send "…"] [expect "…"] [expect has "…"] …`: a connection, and the bytes that are sent and expected on
 * it */
static enum probe_result tcp_begin(struct probe *p)
{
    steps_talk(p);
    return stream_begin(p);
}

const struct probe_ops probe_tcp = {.begin = tcp_begin, .step = stream_step};

/* Begin `udp send "…" expect [has] "…"`: one datagram, and one reply */
static enum probe_result udp_begin(struct probe *p)
{
    const struct pbc_step *say = &p->program->steps[p->check->steps];
    const enum probe_result r = probe_connect(p, SOCK_DGRAM);
    if (r != PROBE_GOES_ON) return r;
    p->reads = true;
    const ssize_t n = send(p->fd, p->program->said + say->bytes, say->len, MSG_NOSIGNAL);
    return n < 0 ? probe_errno(p, errno) : PROBE_GOES_ON;
}

static enum probe_result udp_step(struct probe *p)
{
    uint8_t bytes[DATAGRAM_MOST];
    const ssize_t n = recv(p->fd, bytes, sizeof bytes, 0);
    if (n < 0 && errno == EAGAIN) return PROBE_GOES_ON;
    if (n < 0) return errno == ECONNREFUSED ? probe_bad(p, "port unreachable") : probe_errno(p, errno);
    return steps_datagram(p, bytes, (size_t)n);
}

const struct probe_ops probe_udp = {.begin = udp_begin, .step = udp_step};
