/* A packet of DNS is read before it takes its turn, because it may be gone afterwards (answered.h). */
#include "vm/context/answered.h"

#include "vm/judge/answers/answers.h"
#include "vm/judge/ways.h"

const struct pkt *left_for(const struct job *j, const struct packet_ctx *c, unsigned before)
{
    for (unsigned i = before; i < j->tx->count; i++) {
        const struct tx_entry *e = &j->tx->entries[i];
        const bool sent = e->kind == TX_SEND || e->kind == TX_RESOLVE;
        if (sent && e->cause == TX_CAUSE_PACKET && (j->input == INPUT_NONE || e->input == j->input + c->at))
            return e->pkt;
    }
    return NULL;
}

/* Note a question as it leaves; if no packet leaves, there is no question. */
static void question_note(const struct job *j, const struct packet_ctx *c, const struct answer_read *r, unsigned before)
{
    struct key key;
    const struct pkt *left = left_for(j, c, before);
    if (!left) return;
    struct pkt view = *left;
    if (pkt_parse(&view, j->in->facts, &key) == REASON_NONE) answers_make(j->vm->program, r, &key, j->vm->now_ns);
}

/* Read a packet. It is not an answer if no route leads to its resolver by the interface that it came from: a client
 * knows its own question, and could answer it in the resolver's name. */
static void packet_read(const struct job *j, const struct packet_ctx *c, struct answer_read *r)
{
    answers_read(j->vm->program, c->key, c->pkt, j->vm->now_ns, r);
    if (r->part == DNS_GIVES && ways_reply(j->in->facts, c->key, c->pkt) == SOURCE_FAILED) r->part = DNS_UNASKED;
}

void answered_take(const struct job *j, struct packet_ctx *c, turn_fn *take)
{
    struct vm *vm = j->vm;
    struct answer_read r;
    const unsigned before = j->tx->count;
    const struct key came = *c->key;
    packet_read(j, c, &r);
    take(j, c);
    const uint8_t action = c->v->action;
    if (r.part == DNS_NONE || (action != ACTION_ACCEPT && action != ACTION_FORWARD)) return;
    if (r.part == DNS_ASKS && action == ACTION_FORWARD)
        question_note(j, c, &r, before);
    else
        answers_make(vm->program, &r, &came, vm->now_ns);
}

void answered_routed(const struct job *j, struct packet_ctx *c, turn_fn *take)
{
    struct answer_read r;
    const unsigned before = j->tx->count;
    answers_read(j->vm->program, c->key, c->pkt, j->vm->now_ns, &r);
    take(j, c);
    if (r.part == DNS_ASKS && c->v->action == ACTION_FORWARD) question_note(j, c, &r, before);
}
