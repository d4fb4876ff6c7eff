/* passthrough: the server sees one of our addresses and a port of ours, so its replies come back here. */
#include "vm/forward/mode/mode.h"

static enum pkt_reason send_on(const struct sending *s, struct pkt *copy)
{
    const struct pbc_server *server = &s->j->vm->program->servers[s->leave->server];
    return mode_route(s, copy, server->addr, server->family);
}

const struct mode_ops mode_PASSTHROUGH = {
    .name = "passthrough",
    .rewrites = TRANSLATE_SRC | TRANSLATE_SRC_PORT | TRANSLATE_DST | TRANSLATE_DST_PORT,
    .routes = true,
    .send = send_on,
};
