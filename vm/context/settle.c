/* From decisions to verdicts: counting each packet, also for its service and server, and sending replies to rejects */
#include <string.h>

#include "vm/context/context.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/reply/frame.h"

void refuse(struct vm *vm, const struct packet_ctx *c, enum action action, enum pkt_reason reason)
{
    const uint32_t bytes = c->pkt->wire_len;
    *c->v = (struct verdict){.action = (uint8_t)action,
                             .reason = (uint8_t)reason,
                             .rule = RULE_NONE,
                             .firewall = PBC_NONE,
                             .service = PBC_NONE,
                             .server = PBC_NONE};
    counter_add(&vm->counters.verdicts[action], bytes);
    if (action == ACTION_DROP) count_refused(vm, reason, bytes);
}

void settle_noticed(struct vm *vm, unsigned flags)
{
    vm->counters.snapped += !!(flags & PKT_SNAPPED);
    vm->counters.bad_checksum += !!(flags & PKT_BAD_CSUM);
}

/* True for STP, and for LLDP to a group that a bridge keeps to itself (IEEE 802.1Q, 8.6.3). */
static bool keeps_topology(const struct pkt *pkt, const struct key *key)
{
    const uint64_t group = pkt->link == LINK_ETHER && pkt->head_len >= ETHER_LEN ? pkt_mac(pkt, true) : 0;
    if (group >> 4 != UINT64_C(0x0180c200000)) return false;
    return key->kind & KIND_ETHERTYPE ? key->ether_type == ETHER_LLDP : (group & 15) == 0;
}

bool settle_spares(const struct program *p, const struct facts *facts, const struct pkt *pkt, const struct key *key,
                   uint32_t firewall)
{
    const struct facts_iface *in = facts_iface(facts, pkt->iface);
    if (!in || in->peer == IFACE_NONE || p->firewalls[firewall].other != PBC_OTHER_DEFAULT) return false;
    return keeps_topology(pkt, key);
}

void settle_spare(struct vm *vm, const struct packet_ctx *c, const struct facts *facts)
{
    struct verdict *v = c->v;
    if (v->rule != RULE_DEFAULT || (v->action != ACTION_DROP && v->action != ACTION_REJECT)) return;
    if (!settle_spares(vm->program, facts, c->pkt, c->key, v->firewall)) return;
    counter_take(&vm->counters.verdicts[v->action], c->pkt->wire_len);
    counter_take(decider(vm, decided_as(RULE_DEFAULT, (enum action)v->action, v->firewall)), c->pkt->wire_len);
    refuse(vm, c, ACTION_PASS, REASON_NONE);
}

bool answer_begin(const struct job *j, struct limit *kind)
{
    struct vm *vm = j->vm;
    const bool conforms = limit_take(kind, vm->now_ns), room = j->tx->count < j->tx->cap && vm->cfg.pool;
    vm->counters.answers_limited += !conforms;
    vm->counters.answers_no_buffer += conforms && !room;
    return conforms && room;
}

struct tx_entry *tx_add(const struct job *j, const struct packet_ctx *c, struct pkt *pkt, enum tx_kind kind,
                        enum tx_cause cause)
{
    struct tx_entry *e = &j->tx->entries[j->tx->count++];
    *e = (struct tx_entry){.pkt = pkt,
                           .kind = (uint8_t)kind,
                           .cause = (uint8_t)cause,
                           .out_if = IFACE_NONE,
                           .input = j->input == INPUT_NONE ? INPUT_NONE : j->input + c->at,
                           .cookie = c->pkt->cookie};
    return e;
}

void answer_leave(const struct job *j, const struct packet_ctx *c, struct pkt *out, enum tx_cause cause)
{
    if (!out) {
        j->vm->counters.answers_no_buffer++;
        return;
    }
    j->vm->counters.answers++;
    struct tx_entry *e = tx_add(j, c, out, TX_SEND, cause);
    if (!j->outer_bytes) return; /* in a tunnel, the frame is from the tunnel's peer: reply to the inner source */
    memcpy(e->next_hop, c->key->src, sizeof e->next_hop);
    e->family = c->key->kind & KIND_IP4 ? 4 : 6;
}

/* Send the reply of a reject, unless no reply is allowed, the limit is reached, or there is no room. Kept out of
 * settle, so that its other paths need not save registers. */
void settle_answer(const struct job *j, const struct packet_ctx *c)
{
    struct vm *vm = j->vm;
    const struct verdict *v = c->v;
    enum pbc_answer kind = v->rule < RULE_DEFAULT ? vm->program->rules[v->rule].answer : PBC_ANSWER_DEFAULT;
    enum answer_form form = answer_form(c->pkt, c->key, kind);
    if (form == ANSWER_NONE || !answer_begin(j, &vm->answers)) return;
    answer_leave(j, c, answer_build(c->pkt, c->key, form, vm->cfg.pool),
                 form == ANSWER_RST ? TX_CAUSE_RST : TX_CAUSE_UNREACHABLE);
}

/* Count the packet for its service and server. */
static void count_served(struct vm *vm, const struct verdict *v, uint32_t bytes)
{
    const uint32_t services = vm->program->services_count;
    if (v->service == PBC_NONE) return;
    counter_add(&vm->served[v->service], bytes);
    /* `pass` has no reason; another reason means that the packet was refused before a server was chosen. */
    const bool unserved = v->reason == REASON_NO_SERVER || v->reason == REASON_NONE;
    if (v->server == PBC_NONE && v->action != ACTION_FORWARD && unserved)
        counter_add(&vm->served[services + v->service], bytes);
    if (v->action == ACTION_FORWARD && v->server != PBC_NONE)
        counter_add(&vm->served[2 * (size_t)services + v->server], bytes);
}

void settle_whole(const struct job *j, const struct packet_ctx *c)
{
    struct vm *vm = j->vm;
    struct verdict *v = c->v;
    const uint32_t bytes = c->pkt->wire_len;
    const unsigned noticed = c->pkt->flags & (PKT_SNAPPED | PKT_BAD_CSUM);
    v->flags = (uint8_t)((v->flags & (VERDICT_REPLY | VERDICT_HOSTS)) | noticed);
    counter_add(&vm->counters.verdicts[v->action], bytes);
    counter_add(decider(vm, decided_as(v->rule, (enum action)v->action, v->firewall)), bytes);
    if (noticed) settle_noticed(vm, noticed);
    if (v->action == ACTION_DROP && v->reason != REASON_NONE) count_refused(vm, v->reason, bytes);
    count_served(vm, v, bytes);
    if (v->action == ACTION_REJECT) settle_answer(j, c);
}

void vm_carried(struct vm *vm, const struct verdict *v, struct counter of)
{
    const struct program *p = vm->program;
    const bool judged = v->rule < p->rules_count || (v->rule == RULE_DEFAULT && v->firewall < p->firewalls_count);
    const decided by = decided_as(judged ? v->rule : RULE_NONE, ACTION_FORWARD, judged ? v->firewall : PBC_NONE);
    counter_sum(&vm->counters.verdicts[ACTION_FORWARD], &of);
    counter_sum(decider(vm, by), &of);
    if (v->service < p->services_count) counter_sum(&vm->served[v->service], &of);
    if (v->server < p->servers_count) counter_sum(&vm->served[2 * (size_t)p->services_count + v->server], &of);
}
