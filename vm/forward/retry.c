/* `retries`: while a flow's server has not answered, its client's repeated SYN goes to the next server of the pool (for
 * a service with `syn cookies`, its repeated proof: cookies.c). The flow ends and another begins there, by all rules of
 * a new one except `rate` and the limits of flows, which have let it in. Later packets of the first server have no
 * flow. */
#include "vm/forward/forward_priv.h"

uint32_t forward_next_server(const struct forward *f, const struct key *key, const struct flow_bind *b)
{
    const struct program *p = f->p;
    if (program_is_past(p, b->server) || b->retried >= p->pools[p->servers[b->server].pool].retries) return PBC_NONE;
    return balance_next(f->balance, b->branch, key, b->server);
}

/* True for a connection that waits for its server. */
static bool is_unanswered(const struct flow *f)
{
    return f->state == FLOW_STATE_SYN_SENT && forward_unanswered(f) && !f->joined;
}

uint32_t forward_retry_server(const struct forward *f, const struct key *key, const struct track_seen *seen)
{
    if (!forward_is_syn(key) || !is_unanswered(track_flow(f->track, seen))) return PBC_NONE;
    return forward_next_server(f, key, track_bound(f->track, seen));
}

struct flow_bind forward_retried(const struct job *j, struct packet_ctx *c, uint32_t server)
{
    struct forward *f = j->vm->forward;
    const struct flow_bind *b = track_bound(f->track, &c->seen);
    const struct flow_bind again = {.branch = b->branch,
                                    .server = server,
                                    .space = PBC_NONE,
                                    .kind = BIND_SERVICE,
                                    .retried = (uint16_t)(b->retried + 1)};
    f->counters.retried++;
    track_end(f->track, &c->seen, FLOW_END_RETRIED);
    track_look(f->track, c->key, c->pkt, &c->seen);
    return again;
}

bool forward_retry(const struct job *j, struct packet_ctx *c)
{
    const uint32_t server = forward_retry_server(j->vm->forward, c->key, &c->seen);
    if (__builtin_expect(server == PBC_NONE, 1)) return false;
    forward_begin_again(j, c, forward_retried(j, c, server));
    return true;
}
