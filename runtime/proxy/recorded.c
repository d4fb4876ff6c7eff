/* Reports about sessions. The flight recorder gets a few moments of each, and nothing waits for it. The workers get the
 * numbers of bytes that clients have sent, and count them. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/exchange/begun/openers.h"
#include "runtime/exchange/moments.h"
#include "runtime/proxy/core.h"
#include "runtime/proxy/inline/spliced_session.h"

/* Weights of reporting sessions: each second a loop reports 256 of them, or 16 times as many inline ones, for which
 * the kernel is not queried */
enum { INLINE_WEIGHT = 1, WEIGHT = 16, WEIGHT_A_SECOND = 256 * WEIGHT };

void session_record(const struct session *s, enum moment_kind kind)
{
    const struct proxy *p = s->proxy;
    if (!p->cfg.moments) return;
    struct session_moment m = {.now_ns = p->loop.now_ns,
                               .session = s->number,
                               .program = p->number,
                               .rule = s->rule,
                               .firewall = s->firewall,
                               .service = s->service,
                               .server = s->chosen,
                               .src_port = s->peer.port,
                               .dst_port = s->key.dst_port,
                               .family = s->key.kind & KIND_IP6 ? 6 : 4,
                               .kind = (uint8_t)kind,
                               .up_bytes = s->up.moved,
                               .down_bytes = s->down.moved};
    memcpy(m.src, s->peer.addr, sizeof m.src);
    memcpy(m.dst, s->key.dst, sizeof m.dst);
    if (kind == MOMENT_ENDED) snprintf(m.end, sizeof m.end, "%s", session_end_name((enum session_end)s->ended));
    moments_put(p->cfg.moments, &m);
}

void session_served(struct session *s)
{
    if (s->served == s->chosen) return;
    s->served = s->chosen;
    session_record(s, MOMENT_SERVED);
}

/* Report what the client's socket has received since the last report. Packets of proxied connections pass in the
 * kernel, where no worker counts them. So each session reports differences: at its end, and in its turn while it lasts
 * (sessions_tell). The total includes bytes not yet reported (runtime/live/carry/tally.c). If each request has its own
 * server, all since the last report counts for the last server. Packets of inline connections pass a worker, which
 * counts them itself; what spliced ones carry is added to the session's bytes. */
void session_tell(struct session *s)
{
    struct proxy *p = s->proxy;
    struct tcp_info i = {0};
    socklen_t len = sizeof i;
    if (s->inlined && s->inlined->leave) spliced_count(s);
    if (s->inlined || !p->cfg.carried || s->service == PBC_NONE ||
        getsockopt(s->client.fd, IPPROTO_TCP, TCP_INFO, &i, &len))
        return;
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
    for (unsigned weight = 0; weight < WEIGHT_A_SECOND;) {
        if (!p->tells) p->tells = weight ? NULL : p->all;
        if (!p->tells) return;
        session_tell(p->tells);
        weight += p->tells->inlined ? INLINE_WEIGHT : WEIGHT;
        p->tells = p->tells->next;
    }
}
