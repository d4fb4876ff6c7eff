/* dsr gue: the packet, with one hop less, in UDP and GUE to the server (draft-ietf-intarea-gue-09, variant 0 or 1) */
#include "vm/forward/mode/mode.h"
#include "vm/packet/edit/edit.h"

static enum pkt_reason send_on(const struct job *j, struct packet_ctx *c, struct pkt *copy)
{
    const struct pbc_service *service = &j->vm->program->services[c->left.service];
    return mode_tunnel(j, c, copy, tunnel_of(service), service->gue_port);
}

const struct mode_ops mode_DSR_GUE = {
    .recipe = RECIPE_GUE,
    .send = send_on,
};
