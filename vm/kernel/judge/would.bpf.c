/* The second judgement, for programs with `audit` (vm/worker/audit.h): the program's code without `audit` runs
 * between would_begin and would_end, which the generator calls only for such programs. */
#include "vm/flow/track/track_look.h"
#include "vm/judge/decided.h"
#include "vm/kernel/count.bpf.h"
#include "vm/kernel/events.h"
#include "vm/kernel/loop.bpf.h"

SECTION(const uint32_t, would_twins);
SECTION(const struct pbc_rule, would_rules);
extern const char const_would_rules, const_meter_defs;

uint64_t kernel_flow_would(struct kpkt *k NONNULL); /* defined in flow.bpf.c */
uint64_t kernel_meter_take(struct kpkt *k NONNULL, uint32_t id);
uint64_t kernel_tell(struct kpkt *k NONNULL, uint32_t kind, uint32_t rule);

/* Put the value of `state` without `audit` into the key. */
GLOBAL uint64_t kernel_would_begin(struct kpkt *k NONNULL)
{
    const bool flows = count_program(k->program)->flags & KERNEL_KEEPS_FLOWS;
    k->would_mark = flows ? (uint16_t)kernel_flow_would(k) : MARK_NONE;
    k->key.marks = (k->key.marks & ~(uint32_t)MARK_STATES) | k->would_mark;
    return 0;
}

/* Note the differences, and restore the value of `state`. */
GLOBAL uint64_t kernel_would_end(struct kpkt *k NONNULL)
{
    const decided d = k->decision, would = k->would;
    const uint32_t twin = ROW(would_twins, decided_twin_at(would, (uint32_t)NUMBER(would_rules)));
    const bool changes = decided_changes(d, would), other = !decided_same(d, would, twin);
    const bool flows = count_program(k->program)->flags & KERNEL_KEEPS_FLOWS;
    k->key.marks = (k->key.marks & ~(uint32_t)MARK_STATES) | (flows ? k->seen.mark : MARK_NONE);
    k->seen.would = keep_noted_first((enum flow_mark)k->would_mark, decided_lets_in(would), other && changes);
    k->said = (uint8_t)(KERNEL_WOULD_JUDGED | (flows ? KERNEL_WOULD_DUE : 0) | (other ? KERNEL_WOULD_OTHER : 0) |
                        (other && changes ? KERNEL_WOULD_CHANGES : 0));
    return 0;
}

/* Count as effect_count does, without `audit`. */
GLOBAL uint64_t kernel_would_count(struct kpkt *k NONNULL, uint32_t rule)
{
    const struct kernel_program *p = count_program((uint32_t)NUMBER(serial));
    if (!(k->flags & KERNEL_DRY)) count_at(p, p->would + kernel_would_at(rule), k->pkt.wire_len);
    return 0;
}

/* Log as effect_log does, without `audit`. Only rules in audit are logged. */
GLOBAL uint64_t kernel_would_log(struct kpkt *k NONNULL, uint32_t rule)
{
    const struct pbc_rule *r = &ROW(would_rules, rule);
    if (k->flags & KERNEL_DRY || !(r->flags & PBC_RULE_AUDIT)) return 0;
    if (r->log_meter && !kernel_meter_take(k, r->log_meter - 1 + (uint32_t)NUMBER(meter_defs))) return 0;
    return kernel_tell(k, KERNEL_EVENT_LOG_WOULD, rule);
}
