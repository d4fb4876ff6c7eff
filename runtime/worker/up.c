/* Packets come with the kernel's findings in their note; ways to next hops are asked as for packets that leave */
#include "runtime/worker/up.h"

#include <string.h>

#include "runtime/kernel/run/world_says.h"
#include "vm/judge/decide.h"
#include "vm/kernel/gate.h"
#include "vm/packet/wire.h"

struct vm_up up_of(const struct worker *w, const struct pkt *pkt)
{
    const struct kernel_note note = io_note(pkt);
    const uint32_t in_force = __atomic_load_n(&w->cfg.world->program, __ATOMIC_RELAXED);
    const uint32_t cuts = __atomic_load_n(&w->cfg.world->cuts, __ATOMIC_RELAXED);
    const bool judged = note.flags & KERNEL_JUDGED;
    return (struct vm_up){.decision = note.decision,
                          .would = note.would,
                          .mirrors = note.mirrors,
                          .turn = note.turn,
                          .judged = judged && note.program == in_force && note.cuts == cuts,
                          .shown = note.flags & KERNEL_SHOWN};
}

uint16_t up_came(const struct worker *w, const struct pkt *pkt)
{
    const struct kernel_note note = io_note(pkt);
    return note.program == __atomic_load_n(&w->cfg.world->program, __ATOMIC_RELAXED) ? note.came : 0;
}

/* Put packets on the tape. The kernel's findings are in a packet's note, which is lost when the packet is rewritten. */
void up_note(struct worker *w, unsigned n, uint64_t now_ns)
{
    for (unsigned i = 0; i < n; i++) {
        w->asked[i] = (uint8_t)(io_note(w->pkts[i]).states << (8 - TAPE_STATES));
        w->came[i] = up_came(w, w->pkts[i]);
        if (w->cfg.program->lives_count)
            w->members[i] = w->ups[i].judged ? io_note(w->pkts[i]).members : (struct kernel_members){0};
    }
    tape_single(w->tape, w->pkts, n, now_ns, tape_place(w->program, w->egress.snapshot->number));
    memset(w->mets, 0, n * sizeof *w->mets);
    vm_note_met(w->vm, w->mets);
}

void up_note_verdicts(struct worker *w, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const struct verdict *v = &w->verdicts[i];
        const bool same = w->ups[i].judged && decided_rule(w->ups[i].decision) == v->rule;
        if (same && !(v->flags & VERDICT_INNER)) w->asked[i] |= TAPE_BY_RULES;
        w->mets[i].came = w->came[i];
    }
    vm_note_met(w->vm, NULL);
    tape_met(w->tape, w->mets, n);
    if (w->cfg.program->lives_count) tape_members(w->tape, w->members, n);
    tape_single_verdicts(w->tape, w->verdicts, w->asked, n);
}

void up_note_routed(struct worker *w, struct pkt *pkt, uint64_t now_ns)
{
    tape_routed(w->tape, pkt, now_ns, tape_place(w->program, w->egress.snapshot->number));
    w->came[0] = up_came(w, pkt);
    memset(w->mets, 0, sizeof *w->mets);
    vm_note_met(w->vm, w->mets);
}

void up_note_left(struct worker *w, const struct verdict *v)
{
    static const uint8_t asked;
    vm_note_met(w->vm, NULL);
    w->mets[0].came = w->came[0];
    tape_met(w->tape, w->mets, 1);
    tape_single_verdicts(w->tape, v, &asked, 1);
}

static bool find_way(void *arg, const struct tx_entry *e, uint16_t *out_if, uint8_t mac[6])
{
    const struct worker *w = arg;
    uint8_t port;
    uint64_t to;
    if (!egress_way(&w->egress, e, (uint8_t)e->cookie, &port, &to)) return false;
    *out_if = w->ports[port].iface;
    wire_put16(mac, (uint16_t)(to >> 32));
    wire_put32(mac + 2, (uint32_t)to);
    return true;
}

void up_init(struct worker *w) { w->ways = (struct vm_ways){.find = find_way, .arg = w}; }

void up_renew(struct worker *w, uint64_t now_ns)
{
    struct vm_recipes r;
    const struct vm_in in = worker_input(w, now_ns);
    if (!w->cfg.world) return;
    vm_run(w->vm, &in, NULL, 0, NULL, &w->tx);
    if (vm_recipes(w->vm, &r) && w->cfg.world->recipes != r.generation) {
        /* Publish the recipes. Readers that copy a recipe check the number last. */
        __atomic_store_n(&w->cfg.world->recipes, 0, __ATOMIC_SEQ_CST);
        memcpy(w->cfg.world->longest, r.longest, sizeof w->cfg.world->longest);
        __atomic_store_n(&w->cfg.world->recipes, r.generation, __ATOMIC_SEQ_CST);
    }
}

void up_forget(const struct worker *w)
{
    if (w->cfg.world) __atomic_store_n(&w->cfg.world->recipes, 0, __ATOMIC_SEQ_CST);
}

static uint8_t up_port(void *arg, uint16_t iface)
{
    const struct worker *w = arg;
    for (unsigned i = 0; i < w->egress.port_count; i++)
        if (w->ports[i].iface == iface) return (uint8_t)i;
    return TAPE_TO_HOST;
}

static struct risen_to risen_to(struct worker *w)
{
    return (struct risen_to){
        .copying = w->copying, .vm = w->vm, .facts = &w->egress.snapshot->facts, .port = up_port, .arg = w};
}

unsigned up_copied(struct worker *w, uint64_t now_ns)
{
    if (!w->risen.kernel || !w->egress.snapshot) return 0;
    const uint64_t before = w->risen.frames;
    const struct risen_to to = risen_to(w);
    const unsigned n = risen_take(&w->risen, &to);
    if (w->risen.frames != before && now_ns < w->tick_ns) w->tick_ns = now_ns; /* observers have their own timers */
    return n;
}

void up_copies_change(struct worker *w)
{
    const struct risen_to to = risen_to(w);
    risen_change(&w->risen, &to);
}
