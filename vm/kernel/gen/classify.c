/* CLASSIFY and AGAIN. The search itself is kernel_classify of judge.bpf.c; what it finds is a rule, or leads to code of
 * the function, which is found by halving, for the kernel's machine knows no jump to a computed place. */
#include <stdlib.h>

#include "vm/judge/classify/classify.h"
#include "vm/kernel/gen/emit_priv.h"
#include "vm/kernel/kpkt.h"

/* No search goes on for ever, and the verifier wants to see it: a counter of the kernel's, which no search gets to the
 * end of (PBC_CHAIN_MAX). If it did, user space would have the packet. */
static void bound_search(struct emit *e)
{
    struct insns *const a = &e->a;
    insns_put(a, INSN_MAY_GOTO, 0, 0, 1, 0);
    insns_put(a, BPF_JMP | BPF_JA, 0, 0, 3, 0);
    insns_put(a, BPF_ST | BPF_MEM | BPF_B, PACKET, 0, offsetof(struct kpkt, up), KERNEL_UP_BUSY);
    step_mov(e, R0, 0);
    insns_put(a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* r1 is one of these codes: go there. */
static void halve(struct emit *e, const uint32_t *codes, uint32_t count)
{
    if (count == 1) {
        insns_jump(&e->a, codes[0]);
        return;
    }
    const uint32_t half = count / 2, upper = insns_label(&e->a);
    insns_jump_if(&e->a, BPF_JMP32 | BPF_JGE | BPF_K, R1, codes[half], upper);
    halve(e, codes, half);
    insns_here(&e->a, upper);
    halve(e, codes + half, count - half);
}

/* The codes that entries of the classifier lead to, ascending, each once; the caller frees them. */
static uint32_t *codes_of(const struct program *p, const struct pbc_classifier *c, uint32_t *count)
{
    uint32_t *const codes = malloc(((size_t)c->entry_count + 1) * sizeof *codes), n = 0;
    *count = 0;
    if (!codes) return NULL;
    for (uint32_t i = 0; i < c->entry_count; i++)
        if (p->entries[c->entries + i].code) codes[n++] = p->entries[c->entries + i].code;
    qsort(codes, n, sizeof *codes, by_number);
    for (uint32_t i = 0; i < n; i++)
        if (!*count || codes[*count - 1] != codes[i]) codes[(*count)++] = codes[i];
    return codes;
}

/* r0: the entry that was found becomes its rule, r1 its code. */
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
    uint32_t count, *const codes = codes_of(e->p, c, &count);
    const uint32_t coded = insns_label(a);
    if (!codes) {
        a->failed = true;
        return;
    }
    step_mov(e, R3, 0);
    insns_here(a, e->search);
    if (e->again) bound_search(e);
    step_mov(e, R2, n->imm);
    STEP_CALL(e, kernel_classify);
    insns_jump_if(a, BPF_JMP32 | BPF_JEQ | BPF_K, R0, ENTRY_NONE, next);
    if (e->again) step_set(e, e->regs, R0);
    look_entry_up(e, c);
    if (count) insns_jump_if(a, BPF_JMP32 | BPF_JNE | BPF_K, R1, 0, coded);
    insns_put(a, BPF_ALU64 | BPF_ADD | BPF_K, R0, 0, 0, 1);
    insns_put(a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    insns_here(a, coded);
    if (count) halve(e, codes, count);
    free(codes);
}

void step_again(struct emit *e)
{
    step_get(e, R3, e->regs);
    insns_put(&e->a, BPF_ALU64 | BPF_ADD | BPF_K, R3, 0, 0, 1);
    insns_jump(&e->a, e->search);
}
