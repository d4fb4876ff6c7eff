/* The packet VM: programs and packets in, verdicts and packets out. Pure: no system call, no clock, no global, no
 * allocation for a packet. Time, seed, packets, health and interface facts are inputs, so a run can be repeated. */
#pragma once

#include "vm/cfg.h"
#include "vm/flow/track/loan.h"
#include "vm/flow/track/met.h"
#include "vm/judge/decide.h"
#include "vm/keyed/archive.h"
#include "vm/packet/edit/recipe.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/parse/plain.h"
#include "vm/packet/pkt.h"
#include "vm/pbc.h"
#include "vm/program/program.h"
#include "vm/program/remap.h"
#include "vm/shared/shared.h"
#include "vm/verdict.h"

/* The result of pkt_parse_all for the packets of one vm_run, at most VM_BATCH */
struct vm_parsed {
    uint64_t good;
    uint64_t plain; /* well-formed packets read only by plain_read: plain_put has filled in their keys */
    uint64_t lent;  /* packets of other workers' flows, which leave by loans[i]; their keys have kind and length */
    const struct loan *const *loans; /* [VM_BATCH]; set if any is lent */
    uint32_t kinds;
};

struct vm_in {
    uint64_t mono_ns; /* never runs back; an earlier time counts as the latest seen */
    const struct facts *facts;
    const struct vm_ways *ways;     /* for kernel mode; NULL: recipes leave MAC addresses to the executor */
    const struct vm_parsed *parsed; /* the packets have been parsed by these facts, into vm_keys; NULL: vm_run parses */
    const uint32_t *ages_us;        /* [n] of vm_run: time since each packet came, for observed connections; NULL: 0 */
};

/* Find the interface and the MAC address by which an entry's packet (TX_SEND with a family) leaves now; the address
 * is 0 if the interface has no Ethernet. False: not known yet, or no way. The result holds until facts->ways
 * changes. */
struct vm_ways {
    bool (*find)(void *arg, const struct tx_entry *e, uint16_t *out_if, uint8_t mac[6]);
    void *arg;
};

struct inline_open;    /* flow/inline_addr.h */
struct owners;         /* worker/owner.h */
struct observe_record; /* observe/observe.h */
struct vm;

/* Make a worker's state over a program; it holds a reference to the program. Return NULL if out of memory. */
struct vm *vm_new(struct program *p, const struct vm_cfg *cfg);
void vm_free(struct vm *vm);

/* Take memory from the system for future flows (cfg->grows), at least `least` bytes in total. Called by another
 * thread, beside the worker. */
void vm_ahead(const struct vm *vm, size_t least);
/* True if the vm has a flow table, because its program or an earlier one needed it. */
bool vm_keeps_flows(const struct vm *vm);
/* Return the bytes that flows have used so far, for vm_ahead of the vm that continues them. */
size_t vm_flow_bytes(const struct vm *vm);

/* Judge n packets (any n, in batches of VM_BATCH). verdicts[i] belongs to pkts[i]. The caller keeps pkts, except that a
 * PKT_WRITABLE packet with verdict `forward` may have been rewritten in place; then it is the pkt of an entry of tx,
 * and the executor returns it once. */
void vm_run(struct vm *vm, const struct vm_in *in, struct pkt *const pkts[], unsigned n, struct verdict verdicts[],
            struct vm_tx *tx);

/* Return the keys of the next batch, [VM_BATCH], for a caller that parses packets to find their worker (in->parsed). */
struct key *vm_keys(struct vm *vm);
/* True if plain packets (packet/parse/plain.h) need no complete key in a batch that is judged with these facts. */
bool vm_reads_plain(struct vm *vm, const struct facts *facts);

/* Lend the recipe of a plain UDP packet's flow to another worker (flow/track/loan.h), which then sends the packets
 * for which vm_loan_takes is true (`lent` of struct vm_parsed). The flow counts as seen. False: the flow has no
 * recipe, or may not be lent. */
bool vm_lend(const struct vm *vm, uint64_t mono_ns, const struct plain *p, struct loan *loan);
bool vm_loan_takes(const struct loan *loan, const struct pkt *pkt, const struct plain *p);

/* A packet that came up in kernel mode (cfg.kernel). vm_run_up is vm_run for such packets; ups[i] belongs to pkts[i].
 * Held packets that may go leave with the next vm_run (n may be 0) or vm_tick. */
struct vm_up {
    uint64_t decision; /* the kernel judge's decision (judge/decided.h), if `judged` */
    uint64_t would;    /* the same without the word `audit`, if the program has it */
    uint64_t mirrors;  /* if `judged`: mirrors that matched and have not copied the packet yet, one bit each */
    uint32_t turn;     /* turn at the gate of a spliced connection's slot (splice/slots.h); 0: none */
    bool judged;
    bool shown; /* the observers have the packet already (vm_show) */
};
void vm_run_up(struct vm *vm, const struct vm_in *in, struct pkt *const pkts[], unsigned n, const struct vm_up ups[],
               struct verdict verdicts[], struct vm_tx *tx);
/* In kernel mode: translate a packet that the rules have accepted and the host has routed, as it leaves by
 * pkt->iface, and send it by tx. came: 1 + the id in rules of the device by which it came in; 0: this process gave
 * it to the host. It is sent unchanged if no nat's statement takes it, or if it is a reply that was translated
 * before. It is not judged, and counted only for its statement. *v: ACTION_FORWARD if it left translated,
 * ACTION_ACCEPT if it left unchanged, else ACTION_DROP. */
void vm_run_routed(struct vm *vm, const struct vm_in *in, struct pkt *pkt, uint16_t came, struct verdict *v,
                   struct vm_tx *tx);
/* From the next vm_run_up or vm_run_routed on, note in mets[i] the findings of packet i in the flow table
 * (flow/track/met.h); NULL: stop. The caller owns mets and clears it before each run. */
void vm_note_met(struct vm *vm, struct flow_met *mets);
/* Return the findings in the flow table of a packet that the kernel has judged (track_met_at). Do not call this
 * while the vm runs. */
void vm_met(const struct vm *vm, const struct met_told *told, struct flow_met *m);

/* In kernel mode: show the observers a packet that the kernel let through, as its client sees it (vm/observe/). Its
 * views are used during the call; in->mono_ns is the time at which it came. */
void vm_show(struct vm *vm, const struct vm_in *in, struct pkt *pkt);

/* In kernel mode: handle an unbound flow that ended in the kernel (flow/table/ops.h). Its end is reported in tx. */
struct flow_gone;
void vm_flow_gone(struct vm *vm, const struct flow_gone *gone, struct vm_tx *tx);

/* Forward packets that the inline stack sends for inline connections (flow/inline_addr.h): IP packets, writable,
 * LINK_RAW, with headroom for a link header. They are rewritten in place, and are then the pkts of entries; no
 * counter of verdicts includes them. */
void vm_inline_sent(struct vm *vm, const struct vm_in *in, struct pkt *const pkts[], unsigned n, struct vm_tx *tx);
/* Describe the inline connection that began with an entry of TX_CAUSE_INLINE. False: it has ended already. */
bool vm_inline_open(const struct vm *vm, uint32_t number, struct inline_open *o);
/* Note for all inline connections that they come from an earlier process, which may have their sockets. Return the
 * number behind the highest. */
uint32_t vm_inline_former(struct vm *vm);
/* Have the packets of all spliced connections come up from the kernel, until a packet of each has left again. */
void vm_inline_leave_kernel(struct vm *vm);
/* Find the way of a packet from the wire that belongs to an inline connection and so is not judged. False: it
 * belongs to none, or begins another. Nothing changes. */
bool vm_inline_of(const struct vm *vm, const struct key *key, const struct pkt *pkt, struct inline_goes *goes);
/* Carry out the proxy loop's request for an inline connection (flow/spliced.h). */
struct inline_ask;
struct inline_told;
void vm_inline_ask(struct vm *vm, const struct vm_in *in, const struct inline_ask *ask, struct vm_tx *tx);
/* Take the oldest reply for the proxy loop. False: none. Call this after each call of the vm. */
bool vm_inline_told(struct vm *vm, struct inline_told *told);
/* Note that all entries of the last calls' vm_tx have left. The moment matters only with the kernel executor. */
void vm_sent(struct vm *vm);
/* Return the bytes that a worker needs for each inline connection. */
size_t vm_inline_bytes(void);

/* True if a part of a walk that cuts ask for (vm/judge/lives.h) is due: vm_tick makes it. vm_cut: without cfg.cuts,
 * make all of it, after members were added other than by this worker's packets. */
bool vm_cut_due(const struct vm *vm);
void vm_cut(struct vm *vm);

/* Run timers with bounded work; return the next deadline in mono_ns, UINT64_MAX: none. */
uint64_t vm_tick(struct vm *vm, const struct vm_in *in, struct vm_tx *tx);

/* ---- change of program (docs/architecture.md, Reload) ----
 *
 *      any thread     remap_new, once (program/remap.h); vm_prepare, for each worker
 *      the worker     vm_swap between two batches; from then on facts, interface ids and vm_in are of remap->program
 *      any thread     vm_free of the vm from vm_prepare, which now holds the remains
 *      then           remap_free, once no worker is vm_swapping: vm_tick converts the flows, some at a time
 *
 * Flows keep their server if the new program has it, else they drain. Meters, affinity, balancing, source ports and
 * mappings are kept if their definition is the same. Counters continue. Those of a rule continue by its name, or, if
 * the new program lacks it, in `earlier`; with the same program all continue. Verdicts are not remembered. Sizes in
 * `limits` do not change: remap->limits shows if they should. cfg.live of vm_new makes room for the needs of any
 * program. */

/* Mark in gone[remap_gone_count(p)], for remap_new, the parts of p's past that no flow uses; return their number. c:
 * the counters of all workers, added up. The marks stay valid, because the past takes no new flows. */
unsigned vm_gone(const struct program *p, const struct vm_counters *c, uint8_t *gone);
/* Make a worker of remap->program that does not judge yet. NULL: out of memory. */
struct vm *vm_prepare(const struct vm_cfg *cfg, const struct remap *r, const struct vm_in *in);
/* Swap the state of `fresh` into vm. Return 0, or change nothing and return -EAGAIN: the previous swap is not
 * finished; -EINVAL: the remap belongs to another program, or lacks parts that flows use; -ENOTSUP: flows would be
 * bound, but there is no room for that (cfg.live). Work grows with rules, pools, servers, services, meters and
 * fragmented datagrams, not with flows. */
int vm_swap(struct vm *vm, struct vm *fresh, const struct remap *r);
bool vm_swapping(const struct vm *vm);

/* ---- all that a worker remembers, as bytes (keyed/archive.h) ----
 *
 * Flows and their data, meters, positions of balancing, fragments' firsts, cookies, clients. State that can be
 * rebuilt is left out (recipes, remembered verdicts, tables of weights), and so are counters of past events. */
struct archive;
/* True if the state may be written now: not while vm_swapping, not during a search for a down server's flows, and
 * not if flows continue that the program does not need. */
bool vm_rests(const struct vm *vm);
/* Write the state while vm_rests, or read a state into a new vm with the same program, seed and cfg, which continues
 * from there. The input is hostile. False: no room; or malformed, and then the vm may only be freed (vm_free). */
bool vm_archive(struct vm *vm, const struct vm_in *in, struct archive *a);
/* Note that the state read is some seconds old, and packets have passed since: TCP goes on with the largest possible
 * windows. */
void vm_loosen(struct vm *vm);

/* Change the number of workers: move the memory of `count` vms to `workers` new ones of the same program; the old
 * ones may then only be freed (vm_free). Each flow goes to the worker that gets its packets from now on, with all
 * its contents and times, and so do clients, sources, mappings and cookies. Every worker's meter buckets are lowered
 * to the lowest level of any, so that a change never lets more through. Waiting fragments, and datagrams whose first
 * fragment has been seen, are left out: a fragment that comes later is judged as one without its first. in: input of
 * the new vms. owners: owners of the new workers, which then know the owners of shared ports (worker/guests.h); NULL
 * with one worker. False: out of memory, or the program has observed or inline connections, which do not move. */
struct vm_move {
    struct owners *owners;
    struct vm *const *to;
    unsigned workers;
    uint64_t moved;   /* flows that were moved */
    uint64_t doubled; /* flows among them that two workers have, because their fields do not name an owner: one
                       * worker gets no more packets and ends them by timeout */
    uint64_t ended;   /* flows that could not be moved */
};
bool vm_move(struct vm_move *m, struct vm *const from[], unsigned count, const struct vm_in *in);

/* Write flows in advance, as the same bytes in parts, while flows go on changing between two parts, so that
 * vm_archive with a->rest has little left to write and to read. Make each call on the writing side while no worker
 * judges; vm_archive with a->rest then writes the changes since, as long as no program was swapped.
 * vm_advance_write: write flows that have changed since they were written, from *hand on (0: a new round), until about
 * `slots` of them are written or the archive has little room left. True while the round goes on.
 * vm_advance_left: number of groups of sixteen that have changed.
 * vm_advance_read: read such parts into a new vm. vm_advance_check: check in advance all that can be checked, as
 * after a round. */
bool vm_advance_begin(struct vm *vm); /* all flows count as changed. False: out of memory, or flows are in the kernel */
void vm_advance_end(struct vm *vm);
uint32_t vm_advance_left(const struct vm *vm);
bool vm_advance_write(struct vm *vm, struct archive *a, uint32_t *hand, unsigned slots);
bool vm_advance_read(struct vm *vm, struct archive *a);
void vm_advance_check(struct vm *vm);

/* Make balancing tables for future facts, on another thread: this saves vm_run a millisecond for each table of
 * 65,537 slots. The worker takes the tables before its first vm_run with these facts, and leaves old ones in
 * `tables` to be freed (forward/service.h, balance_free). proxied: the tables are for a proxy loop. NULL: out of
 * memory. */
struct balance;
struct balance *vm_tables(const struct program *p, uint64_t seed, const struct vm_in *in, bool proxied);
void vm_take_tables(struct vm *vm, struct balance *tables);

/* Count packets of unknown way that the kernel left to the host (enum way_why), for vm_count's nats. */
void vm_count_ways(struct vm *vm, const uint64_t unknown[]);
const struct vm_counters *vm_counters(const struct vm *vm);
/* Count packets that passed in the kernel without vm_run, for the rule, service and server of the verdict of their
 * connection's first packet. Numbers that the program lacks count as none. */
void vm_carried(struct vm *vm, const struct verdict *v, struct counter of);

/* Data for sending ordinary packets of bound flows in the kernel (vm/kernel/given.h): generation of valid recipes,
 * 0: none; the longest IP packet of each kind; identification of the next outer packet that may be cut, which the
 * kernel and the vm advance in turn. False: no services or translation. */
struct vm_recipes {
    uint32_t generation, datagram;
    uint16_t longest[RECIPE_KINDS];
};
bool vm_recipes(const struct vm *vm, struct vm_recipes *r);
void vm_datagram(struct vm *vm, uint32_t next);

/* Add counts of packets that the kernel executor handled without vm_run: verdicts, reasons, rules, defaults, services,
 * servers, meters, observed connections, audited verdicts, and notes of the parser. Other members of `more` are
 * ignored. */
void vm_count(struct vm *vm, const struct vm_counters *more);
/* Return the program whose numbers these counters have; after a reload, with its past (program/remap.h). */
const struct program *vm_program(const struct vm *vm);

/* Release flows that have timed out and had no packet since. Call this before you count or list flows: each call does
 * a part of the table. *part begins as 0; false after the last part. */
bool vm_expire(struct vm *vm, const struct vm_in *in, struct vm_tx *tx, unsigned *part);

/* Read the flows one by one: *at begins as 0; false at the end. */
bool vm_flow_next(const struct vm *vm, uint32_t *at, struct flow_record *f);
/* The same in parts, for callers that must not wait long: looks at up to `groups` groups of sixteen slots and leaves
 * out flows that have timed out. 1: a flow; 0: none in this part; -1: the end. Do not call this while vm_swapping:
 * some flows then have numbers of the program before. */
int vm_flow_near(const struct vm *vm, uint32_t *at, uint32_t groups, uint64_t now_ns, struct flow_record *f);

/* Open the tunnel of a packet as the rule that decided it would. *inner is a copy in a slot of the pool, which the
 * caller returns; inner_key is its key. It is parsed, and malformed if inner->reason is set. Otherwise *inner is
 * NULL and the result is the reason for a drop; REASON_TUNNEL_SOURCE gives both. */
enum pkt_reason program_open(const struct program *p, uint32_t rule, const struct pkt *pkt, const struct key *key,
                             const struct facts *facts, struct pool *pool, struct pkt **inner, struct key *inner_key);

/* Read the connections that are observed one by one: *at begins as 0; false at the end. Views of the record are valid
 * until the next packet or record. */
bool vm_observed_next(const struct vm *vm, uint32_t *at, struct observe_record *r);
/* Describe the observed connection of a packet. False: not observed. */
bool vm_observed_of(const struct vm *vm, const struct key *key, const struct pkt *pkt, struct observe_record *r);
/* End all observed connections, as still open, at the end of a run. */
void vm_observed_end(struct vm *vm, const struct vm_in *in);

/* Write the packet's flow state into key->marks, where decisions, explanations and conditions read `state`. Nothing
 * else changes. */
void vm_state(struct vm *vm, const struct vm_in *in, struct key *key, const struct pkt *pkt);
/* Find the packet's flow, or the flow that it quotes as an ICMP error; false: none. The time when a flow began is known
 * with cfg.flow_events or cfg.live. */
bool vm_flow_of(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt,
                struct flow_record *f);

/* True for a reply of a bound flow, or an error that quotes such a flow's packet: these are not judged. */
bool vm_follows(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt);

/* The choice of a service for an accepted packet, with the reason in words. vm_explain_service makes the present
 * choice, and changes nothing. For a service whose connections end here, `branch` is its first and the rest is
 * unknown, because the connection's bytes decide (program_stream). */
struct served {
    uint32_t branch, pool, server; /* PBC_NONE: no service; no pool; no server */
    bool drains;                   /* the service drains, and would refuse the packet, which belongs to no flow */
    char how[200];                 /* "hash 0x5ba1c0de12345678, slot 40213 of 65537 -> b (weight 3 of 9, up)" */
};
/* Find the observe service that watches a connection which begins with this packet, and its branch; nothing changes.
 * observe PBC_NONE: none. choice PBC_NONE: the connection's first bytes decide. */
struct observed_by {
    uint32_t observe, choice;
};
struct observed_by vm_explain_observed(const struct program *p, const struct key *key);
struct served vm_explain_service(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt);
/* The same choice, as if the packet began a new flow. */
struct served vm_explain_new(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt);

/* Translation of an accepted packet that begins a flow and goes to no service; nothing changes. nat: the statement,
 * PBC_NONE: none fits. reason: why the packet is still not sent on. to: translated addresses and ports; source port
 * 0: chosen at random. */
struct translated {
    uint8_t unknown; /* enum way_why: a statement may fit, but the packet's outgoing interface is unknown */
    uint32_t nat;
    enum pkt_reason reason;
    struct flow_record to;
};
struct translated vm_explain_nat(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt);

/* Return the decision that the worker would make now, by its meters and flows, which do not change; program_decide
 * (judge/decide.h) assumes unused meters and no flows. */
struct decision vm_explain(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt,
                           trace_fn *fn, void *arg);
/* The same without the word `audit`: rules are numbered as in program->would, which is not NULL. */
struct decision vm_explain_would(struct vm *vm, const struct vm_in *in, const struct key *key, const struct pkt *pkt,
                                 trace_fn *fn, void *arg);

/* Write why the condition failed, in an operator's words ("source is not in abusers", "not icmp6"). */
void cond_explain(const struct program *p, const struct pbc_cond *c, const struct key *key, const struct pkt *pkt,
                  char *buf, size_t len);
/* The same for a step that did not match, with the tokens left in its meter ("syns has 187 tokens for 198.18.0.1"). */
void step_explain(const struct program *p, const struct trace_step *step, const struct key *key, const struct pkt *pkt,
                  char *buf, size_t len);

/* Write the packet in one line: "tcp 198.18.0.1:50000 > 203.0.113.10:443 SYN". */
void pkt_describe(const struct pkt *pkt, const struct key *key, char *buf, size_t len);
