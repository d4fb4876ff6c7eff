/* Audit: the decisions that rules, firewalls and defaults with the word `audit` before them would make. The rules
 * are judged a second time, as they would decide without the word (program->would); nothing of that is carried out.
 * Differences are noted in the verdict and counted. */
#pragma once

#include "vm/context/context.h"

struct audit;

/* Return the audit of a program with `would`; NULL: out of memory. */
struct audit *audit_new(const struct program *p, const struct vm_cfg *cfg);
void audit_free(struct audit *a);
void audit_at(struct audit *a, uint64_t now_ns);
bool audit_sweep(struct audit *a);
/* Point the worker's counters to those of its audit. */
void audit_point_counters(struct vm *vm);
struct meters *audit_meters(const struct audit *a);
/* Keep the former worker's meters and counts: those of rules and firewalls that continue (program/remap.h). */
struct remap;
void audit_keep(struct vm *to, const struct vm *from, const struct remap *r);

/* Add what the kernel has counted: would, would_rules, would_defaults. */
void audit_add(struct vm *vm, const struct vm_counters *more);

/* Decide the packets of `todo`, without state, as if nothing were in audit; bit 0 is packet `first` of the batch. */
void audit_decide(const struct job *j, unsigned first, const struct key keys[], struct pkt *const pkts[], uint64_t todo,
                  decided out[]);
/* Decide a packet with state as if nothing were in audit, into c->would. Note the flow's state under audit. */
void audit_judge(const struct job *j, struct packet_ctx *c);
/* The same for a packet that is not judged, because its flow is bound: if the flow would not exist, rules would
 * judge it. */
void audit_unjudged(const struct job *j, struct packet_ctx *c);
/* Take the decisions remembered for the packet's flow. */
void audit_recall(const struct job *j, struct packet_ctx *c, const struct flow *f, const struct remembered_pair *pair);

/* Note differences in the verdicts of a batch without state, and count them; bit i of `judged` is packet i. */
void audit_batch(const struct job *j, struct pkt *const pkts[], uint64_t judged, struct verdict verdicts[]);
/* The same if all firewalls are in audit, so that all packets pass; also replaces settle_counted. */
void audit_let_by(const struct job *j, struct pkt *const pkts[], uint64_t judged, struct verdict verdicts[]);
/* Note a difference in the packet's final verdict, and count it, with c->audited. */
void audit_settle(const struct job *j, struct packet_ctx *c);
/* Count a packet that shares the verdict of another, in which the difference is noted already. */
void audit_count(struct vm *vm, const struct verdict *v, uint32_t bytes, bool flow);
