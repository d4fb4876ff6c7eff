/* What connections carry passes in the kernel, where no worker counts it. So sessions tell what their clients' sockets
 * have got, as a difference: at the end, and while they go on, some each second. What is not told yet the whole has all
 * the same (runtime/live/carry/tally.c). Where each request has a server of its own, what came since was told is the
 * last one's. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "runtime/exchange/openers.h"
#include "runtime/proxy/core.h"

enum { A_SECOND = 256 /* sessions, of each loop */ };

void session_tell(struct session *s)
{
    struct proxy *p = s->proxy;
    struct tcp_info i = {0};
    socklen_t len = sizeof i;
    if (!p->cfg.carried || s->service == PBC_NONE || getsockopt(s->client.fd, IPPROTO_TCP, TCP_INFO, &i, &len)) return;
    const uint32_t packets = i.tcpi_segs_in ? i.tcpi_segs_in - 1 : 0; /* the vm has counted the first */
    const struct carried c = {.program = p->program->serial,
                              .rule = s->rule,
                              .firewall = s->firewall,
                              .service = s->service,
                              .server = s->chosen != PBC_NONE ? s->chosen : s->served,
                              .of = {packets - s->told_packets, i.tcpi_bytes_received - s->told_bytes}};
    if (!c.of.packets || !ring_put(p->cfg.carried, &c)) return;
    s->told_packets = packets;
    s->told_bytes = i.tcpi_bytes_received;
}

void sessions_tell(struct proxy *p)
{
    for (unsigned i = 0; i < A_SECOND; i++) {
        if (!p->tells) p->tells = i ? NULL : p->all;
        if (!p->tells) return;
        session_tell(p->tells);
        p->tells = p->tells->next;
    }
}
