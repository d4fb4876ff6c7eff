/* Choose the decisions of a program that the kernel may remember, see vm/kernel/shapes.h. */
#include "vm/judge/remember.h"
#include "vm/kernel/shapes.h"

static void put_decision(uint64_t rows[KERNEL_MEMOS], uint64_t decision)
{
    const uint32_t place = memo_place(decision);
    for (uint32_t i = 0; i < KERNEL_MEMO_TRIES; i++) {
        uint64_t *row = &rows[(place + i) % KERNEL_MEMOS];
        if (row == rows || (*row && *row != decision)) continue;
        *row = decision;
        return;
    }
}

void kernel_memos_of(uint64_t rows[KERNEL_MEMOS], const struct program *p)
{
    put_decision(
        rows, decided_by_nobody(ACTION_ACCEPT)); /* for packets of a direction and interface that no firewall judges */
    for (uint32_t i = 0; i < p->memos_count; i++) {
        const decided d = remember_decides(p, i);
        const uint32_t rule = decided_rule(d);
        /* The rule accepts the packet and does not open a tunnel, whose inner packet is also judged. */
        if (decided_action(d) == ACTION_ACCEPT && (rule >= RULE_DEFAULT || p->verdicts[rule] <= PBC_V_REJECT))
            put_decision(rows, d);
    }
}

void kernel_memos_would(uint64_t rows[KERNEL_MEMOS], const struct program *would)
{
    for (uint32_t i = 0; i < would->memos_count; i++) put_decision(rows, remember_decides(would, i));
}
