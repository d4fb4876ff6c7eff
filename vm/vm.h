/* The packet VM: programs and packets in, verdicts and packets out. Pure: no system call, no clock, no global, no
 * allocation a packet. Time, seed, packets, health and interface facts are inputs, so a run can be repeated. */
#pragma once

#include "vm/cfg.h"
#include "vm/flow/track/met.h"
#include "vm/judge/decide.h"
#include "vm/keyed/archive.h"
#include "vm/packet/archived.h"
#include "vm/packet/edit/recipe.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/pbc.h"
#include "vm/program/program.h"
#include "vm/program/remap.h"
#include "vm/shared/shared.h"
#include "vm/verdict.h"

struct vm_in {
    uint64_t mono_ns; /* never runs back; the vm takes an earlier one as the latest seen */
    const struct facts *facts;
    const struct vm_ways *ways; /* of kernel mode; NULL: recipes leave it to the executor whose MAC is whose */
};

/* By which interface the packet of an entry (kind TX_SEND, with a family) leaves now, and to which MAC address. False:
 * it is not known yet, or no way leads there. What it said holds until facts->ways is another. */
struct vm_ways {
    bool (*find)(void *arg, const struct tx_entry *e, uint16_t *out_if, uint8_t mac[6]);
    void *arg;
};

struct vm;

/* A worker's state over a program (which it holds a reference to). NULL when memory is out. */
struct vm *vm_new(struct program *p, const struct vm_cfg *cfg);
void vm_free(struct vm *vm);

/* Take memory from the system for flows that are to come (cfg->grows): in another thread than the worker's, beside it.
 */
void vm_ahead(const struct vm *vm);

/* Judge n packets (any n; worked off in batches of VM_BATCH). verdicts[i] is of pkts[i]. pkts stay the caller's, but
 * for one that is PKT_WRITABLE and whose verdict is `forward`: it may have been rewritten where it lies, and then an
 * entry of tx has it as its pkt, which the executor puts back once. */
void vm_run(struct vm *vm, const struct vm_in *in, struct pkt *const pkts[], unsigned n, struct verdict verdicts[],
            struct vm_tx *tx);

/* The same in kernel mode (cfg.kernel), of packets that came up from there: what is known of each. Held packets that
 * may go leave with the next vm_run (n may be 0) or vm_tick. */
struct vm_up {
    uint64_t decision; /* judge.h, decided: what the judge said of it, where it was asked */
    bool judged;
};
void vm_run_up(struct vm *vm, const struct vm_in *in, struct pkt *const pkts[], unsigned n, const struct vm_up ups[],
               struct verdict verdicts[], struct vm_tx *tx);
/* What each of its packets meets in the flow table is noted in mets[i], from the next vm_run_up on (flow/track/met.h);
 * NULL: nobody asks. It stays the caller's, who clears it before each. */
void vm_note_met(struct vm *vm, struct flow_met *mets);
/* What a packet met that the kernel has judged, as track_met_at. Not while the vm runs. */
void vm_met(const struct vm *vm, const struct met_told *told, struct flow_met *m);

/* In kernel mode: a flow that is not sent on ended there (flow/table/ops.h); it is told in tx, as ever. */
struct flow_gone;
void vm_flow_gone(struct vm *vm, const struct flow_gone *gone, struct vm_tx *tx);

/* Timers, bounded work; returns the next deadline in mono_ns, UINT64_MAX for none. */
uint64_t vm_tick(struct vm *vm, const struct vm_in *in, struct vm_tx *tx);

/* ---- another program takes this one's place (docs/architecture.md, Reload) ----
 *
 *      any thread     remap_new, once (program/remap.h); vm_prepare, for each worker
 *      the worker     vm_swap between two batches; from then on facts, interface ids and vm_in are of remap->program
 *      any thread     vm_free of what vm_prepare gave, which holds what is left over
 *      then           remap_free, once no worker is vm_swapping: vm_tick brings flows in line, some at a time
 *
 * Flows keep their server where the program still has it (and, where it has not, drain); meters, affinity, balancing,
 * source ports and mappings are kept where their definition is the same; counters go on, those of rules by name
 * (all of them in the same program) or else in `earlier`. Verdicts are not remembered. Sizes in `limits` stay as they
 * are: remap->limits says whether they should have changed. cfg.live of vm_new makes room for what any program may
 * need. */

/* What of the past of `p` no flow uses, as remap_new takes it: gone[remap_gone_count(p)]; c: the counters of all
 * workers, added up. Returns how many. Nothing of the past takes new flows, so it stays so. */
unsigned vm_gone(const struct program *p, const struct vm_counters *c, uint8_t *gone);
/* A worker of remap->program that judges nothing yet. NULL: out of memory. */
struct vm *vm_prepare(const struct vm_cfg *cfg, const struct remap *r, const struct vm_in *in);
/* 0; or, and nothing has changed: -EAGAIN the swap before is not through; -EINVAL the remap is of another program, or
 * leaves out what flows use; -ENOTSUP flows are to be sent on, and there is no room for that (cfg.live). Work in
 * proportion to rules, pools, servers, services, meters and the datagrams in pieces; not to flows. */
int vm_swap(struct vm *vm, struct vm *fresh, const struct remap *r);
bool vm_swapping(const struct vm *vm);

/* ---- all that a worker remembers, as bytes (keyed/archive.h) ----
 *
 * Flows and what they hold, meters, where balancing is, fragments' firsts, cookies, clients. Left out is what is found
 * again: recipes, remembered verdicts, tables of weights, and counters of what was. */
struct archive;
/* May it be written now? Not while vm_swapping, while the flows of a server that went down
 * are looked for, nor where flows go on that the program does not ask for. */
bool vm_rests(const struct vm *vm);
/* Write it while it rests, or read it into a vm that is new, of the same program, seed and cfg: then it goes on as that
 * one did. What is read is hostile. False: there is no room; or it is no such state, and the vm is good for vm_free
 * alone. */
bool vm_archive(struct vm *vm, const struct vm_in *in, struct archive *a);

/* Balancing tables for facts to come, made on another thread: what vm_run would do when it meets them, a millisecond a
 * table of 65,537 slots. The worker takes them before its first vm_run with these facts, and leaves in `tables` what is
 * to be freed. NULL: out of memory. */
struct balance;
struct balance *vm_tables(const struct program *p, uint64_t seed, const struct vm_in *in);
void vm_take_tables(struct vm *vm, struct balance *tables);
void vm_tables_free(struct balance *tables);
/* When they hold no longer, with the same facts, since a server that starts slowly takes its next step; UINT64_MAX:
 * they hold for good. Not of what a worker has left there. */
uint64_t vm_tables_until(const struct balance *tables);
/* Has the program any? */
bool vm_has_tables(const struct program *p);

const struct vm_counters *vm_counters(const struct vm *vm);
/* Count packets that vm_run did not see, for they passed in the kernel: of a connection whose first packet got this
 * verdict, which counts for its rule, service and server. Numbers that the program does not have count as none. */
void vm_carried(struct vm *vm, const struct verdict *v, struct counter of);

/* What ordinary packets of bound flows leave by there (vm/kernel/world.h): the generation of recipes that hold, 0: none
 * do; the longest IP packet that each kind may take; and the identification of the next outer packet that may be cut,
 * which goes on here and there in turn. False: nothing is sent on. */
struct vm_recipes {
    uint32_t generation, datagram;
    uint16_t longest[RECIPE_KINDS];
};
bool vm_recipes(const struct vm *vm, struct vm_recipes *r);
void vm_datagram(struct vm *vm, uint32_t next);

/* Count what the executor in the kernel counted of packets that vm_run did not see: verdicts, reasons, rules, defaults,
 * services, servers, meters and what was noticed. The rest of `more` is not looked at; it has its own REASON_NONE. */
void vm_count(struct vm *vm, const struct vm_counters *more);
/* That whose numbers those counters have: with its past, where it took another's place (program/remap.h). */
const struct program *vm_program(const struct vm *vm);

/* Release the flows whose time has passed and that nobody has met since, for who counts or lists flows: a part of the
 * table a call. *part is 0 at first; false after the last. */
bool vm_expire(struct vm *vm, const struct vm_in *in, struct vm_tx *tx, unsigned *part);

/* The flows that go on, one by one: *at is 0 at first; false at the end. */
bool vm_flow_next(const struct vm *vm, uint32_t *at, struct flow_record *f);
/* The same in parts, for who must not be held long: looks at so many groups of sixteen slots at most, and leaves out
 * flows whose time has passed. 1: a flow; 0: none this time; -1: the end. Not while vm_swapping: then some flows have
 * the numbers of the program before. */
int vm_flow_near(const struct vm *vm, uint32_t *at, uint32_t groups, uint64_t now_ns, struct flow_record *f);

/* What a rule that opens tunnels would find inside a packet that it decided: a copy in a slot of the pool, the caller's
 * to put back, and its key; parsed, and malformed where inner->reason says so. Else *inner is NULL and the reason is
 * why it would be dropped; REASON_TUNNEL_SOURCE leaves both. */
enum pkt_reason program_open(const struct program *p, uint32_t rule, const struct pkt *pkt, const struct key *key,
                             const struct facts *facts, struct pool *pool, struct pkt **inner, struct key *inner_key);

/* What `state` says of it now, written into key->marks; nothing changes. The decisions, explanations and conditions
 * below read it there. */
void vm_state(struct vm *vm, const struct vm_in *in, struct key *key, const struct pkt *pkt);
/* The flow that it belongs to now, or that it quotes, being an ICMP error; false: none. When a flow began is known with
 * cfg.flow_events or cfg.live. */
bool vm_flow_of(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt,
                struct flow_record *f);

/* Is it a reply of a flow that is sent on, or an error that quotes what was? Such a packet is not judged. */
bool vm_follows(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt);

/* What a service would do with an accepted packet now, and why, in words; nothing changes. Of a service whose
 * connections end here the branch is its first, and nothing more is known: what the connection says decides
 * (program_stream). */
struct served {
    uint32_t branch, pool, server; /* PBC_NONE: no service; no pool; no server */
    char how[200];                 /* "hash 0x5ba1c0de12345678, slot 40213 of 65537 -> b (weight 3 of 9, up)" */
};
struct served vm_explain_service(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt);
/* The same, as if it began a flow of its own. */
struct served vm_explain_new(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt);

/* How a `nat` would translate an accepted packet that begins a flow and goes to no service; nothing changes. nat: the
 * statement, PBC_NONE: none fits. reason: why it is not sent on after all. to: as whom and to whom it leaves; a source
 * port of 0 is one by chance. */
struct translated {
    uint32_t nat;
    enum pkt_reason reason;
    struct flow_record to;
};
struct translated vm_explain_nat(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt);

/* The same as the worker would judge the packet now: meters and flows are looked at, but nothing is taken or
 * changed. The decisions above take every meter for unused and know no flows. */
struct decision vm_explain(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt,
                           trace_fn *fn, void *arg);

/* Why that condition failed, as an operator would say it ("source is not in abusers", "not icmp6"). */
void cond_explain(const struct program *p, const struct pbc_cond *c, const struct key *key, const struct pkt *pkt,
                  char *buf, size_t len);
/* The same of a step that did not match, with what its meter had left ("syns has 187 tokens for 198.18.0.1"). */
void step_explain(const struct program *p, const struct trace_step *step, const struct key *key, const struct pkt *pkt,
                  char *buf, size_t len);

/* "tcp 198.18.0.1:50000 > 203.0.113.10:443 SYN": the packet in one line. */
void pkt_describe(const struct pkt *pkt, const struct key *key, char *buf, size_t len);
