/* New flows that their server does not take: one that is silent, that refuses, or that knows an older connection.
 *
 * `retries`: the client's repeated SYN goes to the next server of the pool (for a service with `syn cookies`, its
 * repeated proof: cookies.c). The flow ends and another begins there, by all rules of a new one except `rate` and the
 * limits of flows, which have let it in. Later packets of the first server have no flow.
 *
 * `passive` checks: an event for a server that refuses, by a reset or an ICMP unreachable error. Only refusals
 * before its first answer count: later resets come from the application. */
#include "vm/flow/tcp/tcp_window.h"
#include "vm/forward/forward_priv.h"

bool forward_unanswered(const struct flow *f)
{
    if (f->flags & FLOW_ONE_SIDED) return false;
    if (f->proto != IPPROTO_NR_TCP) return flow_state_class((enum flow_state)f->state) == FLOW_ONE_WAY;
    return f->state == FLOW_STATE_SYN_SENT && !(f->tcp.flags & TCP_TRACK_HEARD_REPLY);
}

uint32_t forward_next_server(const struct forward *f, const struct key *key, const struct flow_bind *b)
{
    const struct program *p = f->p;
    if (b->flags & BIND_CHALLENGED || program_is_past(p, b->server) ||
        b->retried >= p->pools[p->servers[b->server].pool].retries)
        return PBC_NONE;
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

static bool asks_refusals(const struct program *p, const struct flow_bind *b)
{
    if (b->kind != BIND_SERVICE || program_is_past(p, b->server)) return false;
    const uint32_t check = program_check(p, b->server);
    return check != PBC_NONE && p->checks[check].flags & PBC_CHECK_PASSIVE;
}

/* True for an ICMP unreachable error (RFC 792; 4443, 3.1), but not for one about a packet that is too big. */
static bool is_unreachable(const struct key *key)
{
    if (!(key->kind & KIND_ICMP_HEADER)) return false;
    if (key->kind & KIND_ICMP) return key->icmp_type == 3 && key->icmp_code != 4;
    return key->kind & KIND_ICMP6 && key->icmp_type == 1;
}

void forward_refused(const struct job *j, const struct packet_ctx *c, const struct flow_bind *b)
{
    struct vm_tx *tx = j->tx;
    const bool refuses = c->key->kind & KIND_TCP_FLAGS ? c->key->marks & TCP_RST : is_unreachable(c->key);
    if (!refuses || c->seen.mark == MARK_INVALID || !asks_refusals(j->vm->program, b)) return;
    if (!forward_unanswered(track_about(j->vm->forward->track, &c->seen))) return;
    if (tx->event_count < tx->event_cap)
        tx->events[tx->event_count++] =
            (struct event){.kind = EVENT_REFUSED, .rule = RULE_NONE, .input = INPUT_NONE, .server = b->server};
    else
        tx->events_lost++;
}

/* True if the peer answers a SYN with a bare acknowledgement of another number: it still knows an older connection
 * of these ends (RFC 9293, 3.10.7.4), in TIME_WAIT or even open, which may have been another host's. A segment with
 * payload is no challenge, because it is for that other host; nor is an acknowledgement of the SYN itself, which
 * asks for nothing. */
static bool is_challenge(const struct job *j, const struct packet_ctx *c, struct tcp_segment *s)
{
    const struct flow *f = track_flow(j->vm->forward->track, &c->seen);
    if (!(c->key->kind & KIND_TCP_FLAGS) || (c->key->marks & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_ACK) return false;
    if (c->seen.mark != MARK_INVALID || f->state != FLOW_STATE_SYN_SENT || f->joined) return false;
    if (f->tcp.flags & TCP_TRACK_HEARD_REPLY) return false;
    tcp_read(c->pkt, c->key, s);
    return !s->len && !s->first_fragment &&
           !seq_between(f->tcp.side[FLOW_REPLY].acked, s->ack, f->tcp.side[FLOW_ORIGINAL].end);
}

/* Answers a challenge as the opener would (RFC 9293, 3.10.7.3), so that the peer forgets the older connection. The
 * opener gets the challenge, too, and therefore repeats its SYN sooner; rules may drop its own reset as invalid. */
bool forward_challenged(const struct job *j, const struct packet_ctx *c, struct flow_bind *b,
                        const struct track_tuple *own)
{
    struct tcp_segment challenge;
    struct speech e;
    if (!is_challenge(j, c, &challenge)) return false;
    b->flags |= BIND_CHALLENGED;
    if (!answer_begin(j, &j->vm->answers)) return true;
    forward_speech(&e, j, track_flow(j->vm->forward->track, &c->seen), own, b);
    struct flow_segment reset = {.flags = TCP_RST, .seq = challenge.ack};
    e.f->counters.resets += forward_say_server(&e, &reset, TX_CAUSE_RST);
    return true;
}
