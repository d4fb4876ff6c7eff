/* Packets that this machine's stack has routed, and that a `nat` may translate where they leave: nobody could tell
 * their way before (judge/ways.h), or they came by an interface that is not served. The rules have accepted them. */
#include "vm/forward/forward_priv.h"

/* Send the packet on as the host has it. */
static void leave_unchanged(const struct job *j, struct packet_ctx *c)
{
    struct pkt *copy = tx_has_room(j) ? pool_copy(j->vm->cfg.pool, c->pkt) : NULL;
    const struct hop hop = {.addr = c->key->dst};
    if (!copy) {
        forward_refuse(c, REASON_NO_BUFFER);
        return;
    }
    c->left = (struct leave){.service = PBC_NONE, .server = PBC_NONE, .iface = c->pkt->iface, .way = LEAVE_ROUTED};
    mode_leave(j, c, &hop, copy);
}

/* Translate a packet of no flow, or of an untranslated one, which then ends. A later fragment has no ports, and its
 * first is not remembered here: neither leaves with an inside address. */
static void begin(const struct job *j, struct packet_ctx *c)
{
    struct forward *f = j->vm->forward;
    if (!forward_nat_takes(j, c)) {
        leave_unchanged(j, c);
        return;
    }
    if (c->key->kind & KIND_FRAGMENT) {
        forward_refuse(c, REASON_UNTRANSLATABLE);
        return;
    }
    if (c->seen.slot != FLOW_NONE) {
        track_end(f->track, &c->seen, FLOW_END_REROUTED);
        track_look(f->track, c->key, c->pkt, &c->seen);
    }
    forward_nat_begin(j, c);
}

void forward_routed(const struct job *j, struct packet_ctx *c)
{
    struct flow_bind *b = track_bound(j->vm->forward->track, &c->seen);
    c->v->action = ACTION_FORWARD;
    if (c->seen.class == SEEN_ORIGINAL && b->kind != BIND_SERVICE)
        forward_nat_on(j, c, b);
    else if (c->seen.class <= SEEN_UNBOUND)
        begin(j, c);
    else
        leave_unchanged(j, c);
    if (j->vm->forward->nat) nat_routed(j->vm->forward->nat, c->v->reason != REASON_NONE);
}
