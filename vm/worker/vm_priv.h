/* Functions shared by the parts of a worker */
#pragma once

#include "vm/context/context.h"
#include "vm/forward/forward.h"
#include "vm/forward/service.h"
#include "vm/judge/lives.h"
#include "vm/observe/observers.h"
#include "vm/program/remap.h"
#include "vm/worker/audit.h"

/* new.c: point vm->counters to the counters of the worker's parts. */
void vm_point_counters(struct vm *vm);

/* True if packets are judged one by one. */
static inline bool vm_takes_turns(const struct vm *vm)
{
    return vm->track || vm->opens || vm->cfg.kernel || vm->inlines || vm->observers || vm->program->adds_count ||
           vm->takes_answers;
}

/* Take the time of `in`. tx: receives ends of flows; NULL: none can end. */
static inline void see_time(struct vm *vm, const struct vm_in *in, struct vm_tx *tx)
{
    if (in->mono_ns > vm->now_ns) vm->now_ns = in->mono_ns;
    meters_at(vm->meters, vm->now_ns);
    if (vm->audit) audit_at(vm->audit, vm->now_ns);
    if (vm->program->members) lives_at(vm->program->members, vm->now_ns);
    if (vm->track) track_at(vm->track, vm->now_ns, tx);
}

/* Take the facts of a run, before the first packet is judged. */
static inline void see_facts(struct vm *vm, const struct facts *facts)
{
    balance_update(vm->balance, facts, vm->now_ns);
    if (vm->forward) forward_facts(vm->forward, facts);
    if (vm->remember) remember_facts(vm->remember, facts);
}

/* turns.c: judging one packet after the other, because flows, meters or fragments make each depend on the one before */

/* Packets of a batch, a bit each */
struct turns {
    uint64_t todo;  /* well formed and in one piece */
    uint64_t plain; /* well formed, found by look_plain: their keys have not been parsed */
};

/* Find plain packets by their bytes only, and begin their looks. Only kind and length of such a packet's key are
 * set. Return them, a bit each; 0: this batch needs its keys. */
uint64_t look_plain(const struct job *j, struct pkt *const pkts[], unsigned n);

/* Judge a batch whose keys are the vm's; `odd` judges the packets outside t->todo, in their turn. */
typedef void odd_fn(const struct job *j, struct packet_ctx *c);
void run_in_turn(const struct job *j, struct pkt *const pkts[], unsigned n, const struct turns *t,
                 struct verdict verdicts[], odd_fn *odd);

/* Judge one well-formed packet without look-ups made ahead. */
void judge_in_turn(const struct job *j, struct packet_ctx *c);
/* The same for a packet that the observers have seen already. */
void judge_unobserved(const struct job *j, struct packet_ctx *c);

/* show.c: showing packets to the observers (vm/observe/): as they came, once it is known that they may go on. A
 * connection that is rewritten or ends here is shown from its client's side: what the client sent, and replies as
 * they leave. */

/* Read a packet before it takes its turn. False: it is not observed. */
bool show_read(const struct job *j, const struct packet_ctx *c, struct observe_packet *s);
/* Return the time when the packet came. */
uint64_t show_came_ns(const struct job *j, const struct packet_ctx *c);
/* Show the packet read, if it was let through. before: number of entries of tx before its turn. */
void show_packet(const struct job *j, const struct packet_ctx *c, struct observe_packet *s, unsigned before);
/* Read a later fragment before it takes its turn. False: not a later fragment, or no observers. Then show it, if it
 * was let through (second function). */
bool show_reads_later(const struct job *j, const struct packet_ctx *c, struct fragment *later);
void show_later(const struct job *j, const struct packet_ctx *c, const struct fragment *later);
/* Show packets of the inline stack that left for clients, from that entry of tx on. */
void show_inline(const struct job *j, unsigned before);

/* fragments.c: fragments on a worker's way. flow/fragments/frag.h gives the kind of each; then the fragment takes
 * the verdict of its first, waits for the first, or is judged. Only in programs with PBC_FOLLOWS_FRAGMENTS. */

struct fragments *fragments_new(const struct program *p, uint64_t seed); /* NULL: out of memory */
void fragments_free(struct fragments *f);                                /* held fragments return to their pool */
const struct frag_counters *fragments_counters(const struct fragments *f);

/* Move the datagrams of `from` to `to`, of another program. Later fragments follow their firsts, and count for no
 * rule unless the programs are the same. */
void fragments_keep(struct fragments *to, struct fragments *from, const struct remap *r);

/* Write or read (into a new vm) all datagrams and held fragments (keyed/archive.h). ifaces: number of interfaces. */
bool fragments_archive(struct vm *vm, uint32_t ifaces, struct archive *a);

/* Drop all held fragments as orphans, without entries in vm_tx. */
void fragments_drop_held(struct vm *vm);

static inline bool is_fragment(const struct key *key) { return key->kind & KIND_FRAGMENT; }

/* Judge one fragment in its turn, parsed, malformed or not. judge: the function for any well-formed packet. */
void fragments_judge(const struct job *j, struct packet_ctx *c, odd_fn *judge);

/* Release held fragments whose time has come, while j->tx has room. j->input is INPUT_NONE. */
void fragments_leave(const struct job *j, odd_fn *judge);

/* Return the next deadline; now_ns if more can leave at once. */
uint64_t fragments_tick(struct fragments *f, uint64_t now_ns);
