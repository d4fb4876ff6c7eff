/* From decisions to verdicts: what each packet counts as, which service and server take it, what is answered. */
#include "vm/answer.h"
#include "vm/vm_priv.h"

void refuse(struct vm *vm, struct verdict *v, enum action action, enum pkt_reason reason, uint32_t bytes)
{
    *v = (struct verdict){.action = (uint8_t)action,
                          .reason = (uint8_t)reason,
                          .rule = RULE_NONE,
                          .firewall = PBC_NONE,
                          .service = PBC_NONE,
                          .server = PBC_NONE};
    add(&vm->counters.verdicts[action], bytes);
    if (action != ACTION_DROP) return;
    add(&vm->counters.reasons[reason], bytes);
    add(&vm->refused, bytes);
}

void settle_noticed(struct vm *vm, unsigned flags)
{
    vm->counters.snapped += !!(flags & PKT_SNAPPED);
    vm->counters.bad_checksum += !!(flags & PKT_BAD_CSUM);
}

bool answer_begin(const struct job *j, struct limit *kind)
{
    struct vm *vm = j->vm;
    const bool conforms = limit_take(kind, vm->now_ns), room = j->tx->count < j->tx->cap && vm->cfg.pool;
    vm->counters.answers_limited += !conforms;
    vm->counters.answers_no_buffer += conforms && !room;
    return conforms && room;
}

void answer_leave(const struct job *j, unsigned at, const struct pkt *pkt, struct pkt *out, enum tx_cause cause)
{
    struct vm_tx *tx = j->tx;
    if (!out) {
        j->vm->counters.answers_no_buffer++;
        return;
    }
    j->vm->counters.answers++;
    tx->entries[tx->count++] = (struct tx_entry){
        .pkt = out,
        .kind = TX_SEND,
        .cause = (uint8_t)cause,
        .out_if = IFACE_NONE,
        .input = j->input + at,
        .cookie = pkt->cookie,
    };
}

/* The answer that a reject asks for, unless none is allowed, the limit is reached, or there is no room. Kept out of
 * settle, whose other ways need no registers of the caller's. */
void settle_answer(const struct job *j, unsigned at, const struct pkt *pkt, const struct key *key,
                   const struct verdict *v)
{
    struct vm *vm = j->vm;
    enum pbc_answer kind = v->rule < RULE_DEFAULT ? vm->program->rules[v->rule].answer : PBC_ANSWER_DEFAULT;
    enum answer_form form = answer_form(pkt, key, kind);
    if (form == ANSWER_NONE || !answer_begin(j, &vm->answers)) return;
    answer_leave(j, at, pkt, answer_build(pkt, key, form, vm->cfg.pool),
                 form == ANSWER_RST ? TX_CAUSE_RST : TX_CAUSE_UNREACHABLE);
}

/* What a service does with a packet for which its pool has no server. */
static void without_server(struct vm *vm, const struct pbc_service *s, uint32_t bytes, struct verdict *v)
{
    static const uint8_t actions[] = {
        [PBC_NO_SERVER_RESET] = ACTION_REJECT,
        [PBC_NO_SERVER_DROP] = ACTION_DROP,
        [PBC_NO_SERVER_PASS] = ACTION_ACCEPT,
    };
    v->action = actions[s->no_server];
    add(&vm->served[vm->program->services_count + v->service], bytes);
    if (v->action == ACTION_ACCEPT) return;
    v->reason = REASON_NO_SERVER;
    if (v->action != ACTION_DROP) return;
    add(&vm->counters.reasons[REASON_NO_SERVER], bytes);
    add(&vm->refused, bytes);
}

/* A service takes an accepted packet. Apart, for programs without services. */
void settle_served(struct vm *vm, const struct pkt *pkt, const struct key *key, uint32_t branch, struct verdict *v)
{
    const struct program *p = vm->program;
    const struct pick pick = balance_pick(vm->balance, branch, key);
    v->service = p->branches[branch].service;
    v->server = pick.server;
    add(&vm->served[v->service], pkt->wire_len);
    if (pick.server == PBC_NONE) {
        without_server(vm, &p->services[v->service], pkt->wire_len, v);
        return;
    }
    v->action = ACTION_FORWARD;
    add(&vm->served[2 * (size_t)p->services_count + pick.server], pkt->wire_len);
}

void find_branches(const struct vm *vm, const struct key keys[], struct pkt *const pkts[], uint64_t todo,
                   const decided decisions[], uint32_t branches[])
{
    const struct program *p = vm->program;
    uint64_t accepted = 0;
    for (uint64_t left = todo; left; left &= left - 1) {
        unsigned at = (unsigned)__builtin_ctzll(left);
        branches[at] = 0;
        accepted |= (uint64_t)(decided_action(decisions[at]) == ACTION_ACCEPT) << at;
    }
    if (vm->cfg.naive) {
        for (; accepted; accepted &= accepted - 1) {
            unsigned at = (unsigned)__builtin_ctzll(accepted);
            branches[at] = service_branch(p, &keys[at], pkts[at]) + 1;
        }
        return;
    }
    decided taken[VM_BATCH];
    run_code(p, p->meta->services, keys, pkts, accepted, NULL, taken);
    for (; accepted; accepted &= accepted - 1) {
        unsigned at = (unsigned)__builtin_ctzll(accepted);
        branches[at] = decided_action(taken[at]) == ACTION_FORWARD ? decided_rule(taken[at]) + 1 : 0;
    }
}
