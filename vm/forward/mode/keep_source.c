/* passthrough keep source: the server sees the client, and its way back leads through here. */
#include "vm/forward/mode/mode.h"

static enum pkt_reason send_on(const struct sending *s, struct pkt *copy)
{
    const struct pbc_server *server = &s->j->vm->program->servers[s->leave->server];
    return mode_route(s, copy, server->addr, server->family);
}

const struct mode_ops mode_KEEP_SOURCE = {
    .name = "passthrough keep source",
    .rewrites = TRANSLATE_DST | TRANSLATE_DST_PORT,
    .routes = true,
    .send = send_on,
};
