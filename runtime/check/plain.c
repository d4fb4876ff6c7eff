/* Checks that compare bytes: tcp, udp */
#include <errno.h>
#include <string.h>

#include "runtime/check/probe.h"

/* `tcp [send x".."] [expect x".."]`: a connection; the answer must begin with the expected bytes */
static enum probe_result tcp_hear(struct probe *p, const uint8_t *bytes, size_t n)
{
    const struct pbc_pattern *want = &p->program->patterns[p->check->expect];
    const size_t before = p->heard - n; /* bytes before these, which matched */
    if (!n) return probe_bad(p, p->heard ? "closed in the middle of its answer" : "closed before it answered");
    const size_t more = want->len - before < n ? want->len - before : n;
    if (memcmp(bytes, want->value + before, more)) return probe_bad(p, "the answer begins with other bytes");
    return before + more == want->len ? PROBE_GOOD : PROBE_GOES_ON;
}

static enum probe_result tcp_begin(struct probe *p)
{
    const struct pbc_pattern *say = p->check->send == PBC_NONE ? NULL : &p->program->patterns[p->check->send];
    p->talk = (struct talk){.hear = p->check->expect == PBC_NONE ? NULL : tcp_hear};
    if (say) {
        p->talk.say = say->value;
        p->talk.say_len = say->len;
    }
    return stream_begin(p);
}

const struct probe_ops probe_tcp = {.begin = tcp_begin, .step = stream_step};

/* `udp send x".." expect x".."`: one datagram; the answer must begin with the expected bytes */
static enum probe_result udp_begin(struct probe *p)
{
    const struct pbc_pattern *say = &p->program->patterns[p->check->send];
    const enum probe_result r = probe_connect(p, SOCK_DGRAM);
    if (r != PROBE_GOES_ON) return r;
    p->reads = true;
    return send(p->fd, say->value, say->len, MSG_NOSIGNAL) < 0 ? probe_errno(p, errno) : PROBE_GOES_ON;
}

static enum probe_result udp_step(struct probe *p)
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

const struct probe_ops probe_udp = {.begin = udp_begin, .step = udp_step};
