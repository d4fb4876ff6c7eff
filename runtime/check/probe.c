/* Parts common to the kinds of checks: a socket to the server, and errors as text */
#include "runtime/check/probe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct probe_ops *probe_ops(unsigned kind)
{
    static const struct probe_ops *const all[PBC_CHECK_KINDS] = {
#define CHECK(IDENT, ident, doc) [PBC_CHECK_##IDENT] = &probe_##ident,
#include "runtime/check/check.def"
    };
    return all[kind];
}

enum probe_result probe_bad(struct probe *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->why, sizeof p->why, fmt, ap);
    va_end(ap);
    return PROBE_BAD;
}

enum probe_result probe_errno(struct probe *p, int err)
{
    switch (err) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EAGAIN: /* no local port is free */
    case EADDRNOTAVAIL: snprintf(p->why, sizeof p->why, "not probed: %s", strerror(err)); return PROBE_CANNOT;
    case EPERM: /* a packet filter of this machine dropped the packet */
    case EACCES: snprintf(p->why, sizeof p->why, "not probed: this machine forbids the probe"); return PROBE_CANNOT;
    case ECONNREFUSED: return probe_bad(p, "connection refused");
    case ECONNRESET:
    case EPIPE: return probe_bad(p, "connection reset");
    case ETIMEDOUT: return probe_bad(p, "no reply");
    default: return probe_bad(p, "%s", strerror(err));
    }
}

static socklen_t address_len(const struct sockaddr *a)
{
    return a->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

int probe_socket(struct probe *p, int type)
{
    p->fd = p->stack ? p->stack->socket(p->stack->with, &p->from.any, type)
                     : socket(p->to.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd >= 0 || !p->stack) return p->fd;
    errno = -p->fd;
    return p->fd = -1;
}

enum probe_result probe_connect(struct probe *p, int type)
{
    const int on = 1;
    if (probe_socket(p, type) < 0) return probe_errno(p, errno);
    if (p->from.any.sa_family) {
        /* Through a service the port identifies the probe; SO_REUSEADDR allows a port that was closed just now */
        setsockopt(p->fd, p->stack ? SOL_SOCKET : IPPROTO_IP, p->stack ? SO_REUSEADDR : IP_BIND_ADDRESS_NO_PORT, &on,
                   sizeof on);
        if (bind(p->fd, &p->from.any, address_len(&p->from.any))) return probe_errno(p, errno);
    }
    if (connect(p->fd, &p->to.any, address_len(&p->to.any)) && errno != EINPROGRESS) return probe_errno(p, errno);
    return PROBE_GOES_ON;
}

void probe_end(struct probe *p)
{
    /* A reset avoids TIME_WAIT, in which a thousand probes per second would use up all ports */
    const struct linger at_once = {.l_onoff = 1};
    SSL_free(p->ssl);
    if (p->fd >= 0) {
        setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(p->fd);
    }
    p->ssl = NULL;
    p->fd = -1;
}
