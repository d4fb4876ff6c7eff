/* dsr rewrite: as keep source, but the server translates its replies itself and sends them to the client. */
#include "vm/forward/mode/mode.h"

static enum pkt_reason send_on(const struct sending *s, struct pkt *copy)
{
    const struct pbc_server *server = &s->j->vm->program->servers[s->leave->server];
    return mode_route(s, copy, server->addr, server->family);
}

const struct mode_ops mode_DSR_REWRITE = {
    .name = "dsr rewrite",
    .rewrites = TRANSLATE_DST | TRANSLATE_DST_PORT,
    .one_sided = true,
    .routes = true,
    .send = send_on,
};
