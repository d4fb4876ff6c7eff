/* Write CLASSIFY and AGAIN. The search itself is kernel_classify of classify.bpf.c. It finds a rule, or leads to
 * code of the function. That code is found by halving, because BPF has no jump to a computed place. */
#include <stdlib.h>

#include "vm/judge/classify/classify.h"
#include "vm/kernel/gen/emit_priv.h"
#include "vm/kernel/kpkt.h"

/* Write the bound of a search that the kernel's verifier demands: the kernel's own counter, which is larger than any
 * search (PBC_CHAIN_MAX). If a search used it up, the packet would go up. */
static void bound_search(struct emit *e)
{
    struct insns *const a = &e->a;
    insns_put(a, INSN_MAY_GOTO, 0, 0, 1, 0);
    insns_put(a, BPF_JMP | BPF_JA, 0, 0, 3, 0);
    insns_put(a, BPF_ST | BPF_MEM | BPF_B, PACKET, 0, offsetof(struct kpkt, up), KERNEL_UP_BUSY);
    step_mov(e, R0, 0);
    insns_put(a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* A place in the code to which entries lead, and its label. */
struct target {
    uint32_t code, label;
};

static int by_code(const void *a, const void *b)
{
    const uint32_t x = ((const struct target *)a)->code, y = ((const struct target *)b)->code;
    return (x > y) - (x < y);
}

/* Write the jump to one of the targets, by the code in r1, which equals a target's or is between it and the next. */
static void halve(struct emit *e, const struct target *t, uint32_t count)
{
    if (count == 1) {
        insns_jump(&e->a, t->label);
        return;
    }
    const uint32_t half = count / 2, upper = insns_label(&e->a);
    insns_jump_if(&e->a, BPF_JMP32 | BPF_JGE | BPF_K, R1, t[half].code, upper);
    halve(e, t, half);
    insns_here(&e->a, upper);
    halve(e, t + half, count - half);
}

/* Code that entries share, with its labels in this pass. */
enum { SHAPES_MOST = 32 };
struct in_common {
    uint32_t count, shape[SHAPES_MOST], label[SHAPES_MOST];
};

static uint32_t label_of(struct emit *e, struct in_common *s, uint32_t shape)
{
    uint32_t i = 0;
    while (i < s->count && s->shape[i] != shape) i++;
    if (i == s->count) {
        s->shape[i] = shape;
        s->label[i] = insns_label(&e->a);
        s->count++;
    }
    return s->label[i];
}

/* Return the targets of the classifier's entries, ascending; neighbours with the same label are one target. The
 * caller frees the targets. NULL: no memory. */
static struct target *targets_of(struct emit *e, const struct pbc_classifier *c, struct in_common *s, uint32_t *count)
{
    struct target *const t = malloc(((size_t)c->entry_count + 1) * sizeof *t);
    uint32_t n = 0;
    *count = 0;
    if (!t) return NULL;
    for (uint32_t i = 0; i < c->entry_count; i++) {
        const uint32_t code = e->p->entries[c->entries + i].code;
        if (code) t[n++] = (struct target){code, e->shapes[i] ? label_of(e, s, e->shapes[i]) : code};
    }
    qsort(t, n, sizeof *t, by_code);
    for (uint32_t i = 0; i < n; i++)
        if (!*count || t[*count - 1].label != t[i].label) t[(*count)++] = t[i];
    return t;
}

/* Write the jump to an entry's code. r1: the code, r0: the entry's rule. */
static void run_code_of(struct emit *e, const struct pbc_classifier *c)
{
    struct in_common s = {0};
    uint32_t count;
    struct target *const t = targets_of(e, c, &s, &count);
    if (!t) {
        e->a.failed = true;
        return;
    }
    if (s.count) step_set(e, e->regs + 1, R0);
    if (count) halve(e, t, count);
    for (uint32_t i = 0; i < s.count; i++) {
        insns_here(&e->a, s.label[i]);
        shape_code(e, s.shape[i]);
    }
    free(t);
}

static bool has_code(const struct program *p, const struct pbc_classifier *c)
{
    for (uint32_t i = 0; i < c->entry_count; i++)
        if (p->entries[c->entries + i].code) return true;
    return false;
}

/* Write the look-up of the entry in r0: r0 becomes its rule, r1 its code. */
static void look_entry_up(struct emit *e, const struct pbc_classifier *c)
{
    struct insns *const a = &e->a;
    insns_put(a, BPF_ALU64 | BPF_ADD | BPF_K, R0, 0, 0, (int32_t)c->entries);
    insns_symbol(a, R1, "mask_entries", 0);
    insns_put(a, BPF_ALU64 | BPF_AND | BPF_X, R0, R1, 0, 0);
    insns_put(a, BPF_ALU64 | BPF_LSH | BPF_K, R0, 0, 0, 3);
    insns_symbol(a, R1, "table_entries", 0);
    insns_put(a, BPF_ALU64 | BPF_ADD | BPF_X, R1, R0, 0, 0);
    insns_put(a, BPF_LDX | BPF_MEM | BPF_W, R0, R1, offsetof(struct pbc_entry, rule), 0);
    insns_put(a, BPF_LDX | BPF_MEM | BPF_W, R1, R1, offsetof(struct pbc_entry, code), 0);
}

void step_classify(struct emit *e, const struct insn *n, uint32_t next)
{
    struct insns *const a = &e->a;
    const struct pbc_classifier *const c = &e->p->classifiers[n->imm];
    const uint32_t coded = insns_label(a);
    const bool some = has_code(e->p, c);
    step_mov(e, R3, 0);
    insns_here(a, e->search);
    if (e->again && !e->counted) bound_search(e);
    step_mov(e, R2, n->imm);
    step_call(e, c->rank_count ? NAME(kernel_classify_ranked) : NAME(kernel_classify));
    insns_jump_if(a, BPF_JMP32 | BPF_JEQ | BPF_K, R0, ENTRY_NONE, next);
    if (e->again) step_set(e, e->regs, R0);
    look_entry_up(e, c);
    if (some) insns_jump_if(a, BPF_JMP32 | BPF_JNE | BPF_K, R1, 0, coded);
    insns_put(a, BPF_ALU64 | BPF_ADD | BPF_K, R0, 0, 0, 1);
    step_leave(e);
    insns_here(a, coded);
    if (some) run_code_of(e, c);
}

void step_again(struct emit *e)
{
    step_get(e, R3, e->regs);
    insns_put(&e->a, BPF_ALU64 | BPF_ADD | BPF_K, R3, 0, 0, 1);
    if (e->counted)
        turn_again(e);
    else
        insns_jump(&e->a, e->search);
}
