/* `passive` checks: an event for a server that refuses new flows, by a reset or an unreachable. Only refusals before
 * its first answer count: later resets come from the application. */
#include "vm/forward/forward_priv.h"

bool forward_unanswered(const struct flow *f)
{
    if (f->flags & FLOW_ONE_SIDED) return false;
    if (f->proto != IPPROTO_NR_TCP) return flow_state_class((enum flow_state)f->state) == FLOW_ONE_WAY;
    return f->state == FLOW_STATE_SYN_SENT && !(f->tcp.flags & TCP_TRACK_HEARD_REPLY);
}

static bool asks(const struct program *p, const struct flow_bind *b)
{
    if (b->kind != BIND_SERVICE || program_is_past(p, b->server)) return false;
    const uint32_t check = program_check(p, b->server);
    return check != PBC_NONE && p->checks[check].flags & PBC_CHECK_PASSIVE;
}

/* True for unreachable (RFC 792; 4443, 3.1), but not for a packet that is too big. */
static bool is_unreachable(const struct key *key)
{
    if (!(key->kind & KIND_ICMP_HEADER)) return false;
    if (key->kind & KIND_ICMP) return key->icmp_type == 3 && key->icmp_code != 4;
    return key->kind & KIND_ICMP6 && key->icmp_type == 1;
}

static bool is_refusal(const struct key *key)
{
    return key->kind & KIND_TCP_FLAGS ? key->marks & TCP_RST : is_unreachable(key);
}

void forward_refused(const struct job *j, const struct packet_ctx *c, const struct flow_bind *b)
{
    struct vm_tx *tx = j->tx;
    if (!is_refusal(c->key) || c->seen.mark == MARK_INVALID || !asks(j->vm->program, b)) return;
    if (!forward_unanswered(track_about(j->vm->forward->track, &c->seen))) return;
    if (tx->event_count < tx->event_cap)
        tx->events[tx->event_count++] =
            (struct event){.kind = EVENT_REFUSED, .rule = RULE_NONE, .input = INPUT_NONE, .server = b->server};
    else
        tx->events_lost++;
}
