/* `retries`: while a flow's server has not answered, its client's repeated SYN goes to the next server of the pool. The
 * flow ends and another begins there, by all rules of a new one but `rate` and the limits of flows, which have let it
 * in. What the first server says later is of no flow. */
#include "vm/forward/forward_priv.h"

/* A connection that waits for its server. Of a joined flow the vm repeats the SYN itself (cookies.c). */
static bool is_unanswered(const struct flow *f)
{
    return f->state == FLOW_STATE_SYN_SENT && forward_unanswered(f) && !f->joined;
}

uint32_t forward_retry_server(const struct forward *f, const struct key *key, const struct track_seen *seen)
{
    const struct program *p = f->p;
    const struct flow_bind *b = track_bound(f->track, seen);
    if (!forward_is_syn(key) || !is_unanswered(track_flow(f->track, seen))) return PBC_NONE;
    if (program_is_past(p, b->server) || b->retried >= p->pools[p->servers[b->server].pool].retries) return PBC_NONE;
    return balance_next(f->balance, b->branch, key, b->server);
}

bool forward_retry(const struct job *j, struct packet_ctx *c, const struct flow_bind *b)
{
    struct forward *f = j->vm->forward;
    const uint32_t server = forward_retry_server(f, c->key, &c->seen);
    if (__builtin_expect(server == PBC_NONE, 1)) return false;
    const struct flow_bind again = {.branch = b->branch,
                                    .server = server,
                                    .space = PBC_NONE,
                                    .kind = BIND_SERVICE,
                                    .retried = (uint16_t)(b->retried + 1)};
    f->counters.retried++;
    track_end(f->track, &c->seen, FLOW_END_RETRIED);
    track_look(f->track, c->key, c->pkt, &c->seen);
    forward_begin_again(j, c, again);
    return true;
}
