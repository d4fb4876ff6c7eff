/* Showing packets to the observers: read before they are judged, and shown once they may go on, replies as they
 * left. Observers see only the client's side of an inline connection. */
#include "vm/context/answered.h"
#include "vm/forward/inline/conns.h"
#include "vm/worker/vm_priv.h"

/* True for a packet of an inline connection from the end `hidden`: from the server, or to it in the client's name.
 * The client does not see these. */
static bool is_behind(const struct vm *vm, const struct key *key, const struct pkt *pkt, enum inline_at hidden)
{
    enum inline_at from;
    uint32_t number;
    const struct inline_conn *c = vm->inlines ? inlines_find(vm->inlines, key, pkt, &number, &from) : NULL;
    return c && !inlines_cut_waits(vm->inlines, c) && from == hidden;
}

bool show_read(const struct job *j, const struct packet_ctx *c, struct observe_packet *s)
{
    if (!(c->key->kind & KIND_TCP) || is_behind(j->vm, c->key, c->pkt, AT_SERVER)) return false;
    return observers_read(j->vm->observers, c->key, c->pkt, s);
}

uint64_t show_came_ns(const struct job *j, const struct packet_ctx *c)
{
    const bool told = j->in->ages_us && j->input != INPUT_NONE;
    const uint64_t age_ns = told ? j->in->ages_us[j->input + c->at] * UINT64_C(1000) : 0, now_ns = j->vm->now_ns;
    return age_ns < now_ns ? now_ns - age_ns : 0;
}

void show_packet(const struct job *j, const struct packet_ctx *c, struct observe_packet *s, unsigned before)
{
    struct vm *vm = j->vm;
    const uint8_t action = c->v->action;
    bool shown = action == ACTION_ACCEPT || action == ACTION_FORWARD || action == ACTION_PASS;
    const struct pkt *left = shown && c->v->flags & VERDICT_REPLY ? left_for(j, c, before) : NULL;
    if (left) shown = observe_packet_as(s, left, j->in->facts);
    if (shown)
        observers_see(vm->observers, show_came_ns(j, c), s);
    else
        observers_drop(vm->observers, s);
}

bool show_reads_later(const struct job *j, const struct packet_ctx *c, struct fragment *later)
{
    return j->vm->observers && c->key->kind & KIND_FRAG_LATER && fragment_read(c->pkt, c->key, later);
}

void show_later(const struct job *j, const struct packet_ctx *c, const struct fragment *later)
{
    const uint8_t action = c->v->action;
    if (action == ACTION_ACCEPT || action == ACTION_FORWARD || action == ACTION_PASS)
        observers_see_later(j->vm->observers, c->key, later);
}

void show_inline(const struct job *j, unsigned before)
{
    struct vm *vm = j->vm;
    struct observe_packet s;
    struct key key;
    for (unsigned i = before; i < j->tx->count; i++) {
        const struct tx_entry *e = &j->tx->entries[i];
        if (e->kind != TX_SEND || e->cause != TX_CAUSE_INLINE) continue;
        struct pkt view = *e->pkt;
        if (pkt_parse(&view, j->in->facts, &key) != REASON_NONE || is_behind(vm, &key, &view, AT_CLIENT)) continue;
        if (observers_read(vm->observers, &key, &view, &s)) observers_see(vm->observers, vm->now_ns, &s);
    }
}

void vm_show(struct vm *vm, const struct vm_in *in, struct pkt *pkt)
{
    struct observe_packet s;
    struct key key;
    if (!vm->observers || pkt_parse(pkt, in->facts, &key) != REASON_NONE || !(key.kind & KIND_TCP)) return;
    see_time(vm, in, NULL);
    if (is_behind(vm, &key, pkt, AT_SERVER) || is_behind(vm, &key, pkt, AT_CLIENT)) return;
    if (observers_read(vm->observers, &key, pkt, &s)) observers_see(vm->observers, vm->now_ns, &s);
}
