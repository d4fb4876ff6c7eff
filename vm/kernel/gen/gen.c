/* The judge of a program, as BPF instructions (gen.h): one function of the kernel's for each of the program's that is
 * reached. */
#include "vm/kernel/gen/gen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/judge/judge.h"
#include "vm/kernel/gen/emit_priv.h"

enum { NAME_MOST = 24 };

/* All that is made lies behind the functions themselves. */
struct made {
    const struct program *p;
    struct code *code;
    uint32_t room;
    const char **names; /* [function of the program] */
    char (*texts)[NAME_MOST];
};

static void no_branch(struct emit *e) { step_return(e, 0); }

/* A rule decides: its verdict comes from the table. r0: rule + 1, r1: firewall + 1. */
static void decide_by_rule(struct emit *e)
{
    struct insns *const a = &e->a;
    insns_here(a, e->tail);
    insns_put(a, BPF_ALU64 | BPF_ADD | BPF_K, R0, 0, 0, -1);
    insns_put(a, BPF_ALU64 | BPF_MOV | BPF_X, R2, R0, 0, 0);
    insns_symbol(a, R3, "mask_verdicts", 0);
    insns_put(a, BPF_ALU64 | BPF_AND | BPF_X, R2, R3, 0, 0);
    insns_symbol(a, R3, "table_verdicts", 0);
    insns_put(a, BPF_ALU64 | BPF_ADD | BPF_X, R3, R2, 0, 0);
    insns_put(a, BPF_LDX | BPF_MEM | BPF_B, R2, R3, 0, 0);
    insns_put(a, BPF_JMP32 | BPF_JLE | BPF_K, R2, 0, 1, PBC_V_REJECT);
    step_mov(e, R2, ACTION_DROP); /* what is inside, user space judges */
    insns_put(a, BPF_ALU64 | BPF_LSH | BPF_K, R2, 0, 0, 32);
    insns_put(a, BPF_ALU64 | BPF_LSH | BPF_K, R1, 0, 0, 40);
    insns_put(a, BPF_ALU64 | BPF_OR | BPF_X, R0, R2, 0, 0);
    insns_put(a, BPF_ALU64 | BPF_OR | BPF_X, R0, R1, 0, 0);
    insns_put(a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void pass(struct emit *e)
{
    insns_begin(&e->a, e->count);
    e->tail = insns_label(&e->a);
    e->search = insns_label(&e->a);
    insns_put(&e->a, BPF_ALU64 | BPF_MOV | BPF_X, PACKET, R1, 0, 0);
    for (uint32_t i = 0; i < e->count && !e->a.failed; i++) {
        insns_here(&e->a, i);
        step_insn(e, i);
    }
    if (e->decides) decide_by_rule(e);
}

static void survey(struct emit *e)
{
    for (uint32_t i = 0; i < e->count; i++) {
        const struct insn *n = &e->p->code[e->first + i];
        if (n->op == OP_CALL && n->a >= e->regs) e->regs = n->a + 1u;
        e->decides |= n->op == OP_DECIDE;
        e->again |= n->op == OP_AGAIN;
    }
}

/* The arrays become the function's. */
static bool take(struct made *m, const char *name, struct emit *e)
{
    const bool failed = e->a.failed;
    if (!failed) {
        m->code->functions[m->code->count++] = (struct code_function){.name = name,
                                                                      .insns = e->a.insns,
                                                                      .count = e->a.insn_count,
                                                                      .refs = e->a.refs,
                                                                      .ref_count = e->a.ref_count};
        e->a.insns = NULL;
        e->a.refs = NULL;
    }
    insns_free(&e->a);
    return !failed;
}

static bool make(struct made *m, uint32_t func)
{
    struct emit e = {
        .p = m->p, .names = m->names, .func = func, .first = m->p->funcs[func].first, .count = m->p->funcs[func].count};
    survey(&e);
    do pass(&e);
    while (!insns_end(&e.a));
    return take(m, m->names[func], &e);
}

/* Where there are no services. */
static bool make_no_services(struct made *m)
{
    struct emit e = {.p = m->p};
    insns_begin(&e.a, 0);
    no_branch(&e);
    return take(m, "judge_services", &e);
}

/* Calls go to later functions alone, so one pass names all that are reached. */
static void name_reached(struct made *m)
{
    const struct program *p = m->p;
    const uint32_t services = p->meta->services;
    m->names[0] = "judge_program";
    if (services) m->names[services] = "judge_services";
    for (uint32_t f = 0; f < p->funcs_count; f++) {
        if (!m->names[f]) continue;
        for (uint32_t i = p->funcs[f].first; i < p->funcs[f].first + p->funcs[f].count; i++) {
            const uint32_t callee = p->code[i].imm;
            if (p->code[i].op != OP_CALL || m->names[callee]) continue;
            snprintf(m->texts[callee], NAME_MOST, "judge_%u", callee);
            m->names[callee] = m->texts[callee];
        }
    }
}

static bool make_all(struct made *m)
{
    for (uint32_t f = 0; f < m->p->funcs_count; f++)
        if (m->names[f] && !make(m, f)) return false;
    return m->p->meta->services || make_no_services(m);
}

int gen_judge(const struct program *p, struct code *code, char *err, size_t err_len)
{
    const size_t n = p->funcs_count + (size_t)1;
    struct made m = {.p = p, .code = code};
    *code = (struct code){.functions = calloc(1, n * (sizeof *code->functions + NAME_MOST))};
    m.names = calloc(n, sizeof *m.names);
    m.texts = (char(*)[NAME_MOST])(void *)(code->functions + n);
    bool made = code->functions && m.names;
    if (made) {
        name_reached(&m);
        made = make_all(&m);
    }
    free(m.names);
    if (made) return 0;
    gen_free(code);
    snprintf(err, err_len, "no memory");
    return -ENOMEM;
}

void gen_free(struct code *code)
{
    for (uint32_t i = 0; i < code->count; i++) {
        free((void *)(uintptr_t)code->functions[i].insns);
        free((void *)(uintptr_t)code->functions[i].refs);
    }
    free(code->functions);
    *code = (struct code){0};
}
