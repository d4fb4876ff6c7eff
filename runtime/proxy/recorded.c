/* What becomes of sessions, for the flight recorder: a few moments of each, never waited for. */
#include <stdio.h>
#include <string.h>

#include "runtime/exchange/moments.h"
#include "runtime/proxy/core.h"

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
