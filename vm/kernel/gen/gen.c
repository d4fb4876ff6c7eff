/* The judge of a program as BPF instructions (gen.h): one BPF function for each reached function of the program. */
#include "vm/kernel/gen/gen.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/judge/effects.h"
#include "vm/kernel/gen/emit_priv.h"
#include "vm/kernel/kpkt.h"

enum { NAME_MOST = 24 };

/* State of the generation. The array of `functions` also has room for the texts of their names. */
struct made {
    const struct program *p;
    bool counted;
    bool too_far; /* code too long for jumps of 16 bits */
    struct code *code;
    uint32_t room;
    const char **names; /* [function of the program] */
    char (*texts)[NAME_MOST];
};

/* Write the decision by a rule, whose verdict is read from the table. r0: rule + 1, r1: firewall + 1. */
static void decide_by_rule(struct emit *e)
{
    struct insns *const a = &e->a;
    insns_here(a, e->tail);
    insns_put(a, BPF_ALU64 | BPF_ADD | BPF_K, R0, 0, 0, -1);
    insns_put(a, BPF_ALU64 | BPF_MOV | BPF_X, R2, R0, 0, 0);
    const bool would = e->p->root != 0;
    insns_symbol(a, R3, would ? "mask_would_verdicts" : "mask_verdicts", 0);
    insns_put(a, BPF_ALU64 | BPF_AND | BPF_X, R2, R3, 0, 0);
    insns_symbol(a, R3, would ? "table_would_verdicts" : "table_verdicts", 0);
    insns_put(a, BPF_ALU64 | BPF_ADD | BPF_X, R3, R2, 0, 0);
    insns_put(a, BPF_LDX | BPF_MEM | BPF_B, R2, R3, 0, 0);
    insns_put(a, BPF_JMP32 | BPF_JLE | BPF_K, R2, 0, 1, PBC_V_REJECT);
    step_mov(e, R2, ACTION_DROP); /* the inner packet is judged in user space */
    insns_put(a, BPF_ALU64 | BPF_LSH | BPF_K, R2, 0, 0, 32);
    insns_put(a, BPF_ALU64 | BPF_LSH | BPF_K, R1, 0, 0, 40);
    insns_put(a, BPF_ALU64 | BPF_OR | BPF_X, R0, R2, 0, 0);
    insns_put(a, BPF_ALU64 | BPF_OR | BPF_X, R0, R1, 0, 0);
    step_leave(e);
}

/* Write the start of a function. Older kernels assume that the packet may be NULL. */
static void emit_begin(struct emit *e)
{
    struct insns *const a = &e->a;
    if (e->counted) {
        insns_put(a, BPF_JMP | BPF_JNE | BPF_K, R1, 0, 2, 0);
        step_mov(e, R0, 0);
        insns_put(a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    }
    insns_put(a, BPF_ALU64 | BPF_MOV | BPF_X, PACKET, R1, 0, 0);
}

static void pass(struct emit *e)
{
    insns_begin(&e->a, e->count);
    e->tail = insns_label(&e->a);
    e->search = insns_label(&e->a);
    e->leave = insns_label(&e->a);
    if (e->counted && e->again)
        turn_begin(e);
    else
        emit_begin(e);
    for (uint32_t i = 0; i < e->count && !e->a.failed; i++) {
        insns_relay(&e->a);
        insns_here(&e->a, i);
        if (!e->left_out || !e->left_out[i]) step_insn(e, i);
    }
    if (e->decides) decide_by_rule(e);
    if (e->counted && e->again) turn_end(e);
}

/* Find the registers, labels and shared code that the function needs. False: no memory. */
static bool survey(struct emit *e)
{
    const struct insn *classify = NULL;
    for (uint32_t i = 0; i < e->count; i++) {
        const struct insn *n = &e->p->code[e->first + i];
        if (n->op == OP_CALL && n->a >= e->regs) e->regs = n->a + 1u;
        e->decides |= n->op == OP_DECIDE;
        e->again |= n->op == OP_AGAIN;
        if (n->op == OP_CLASSIFY) classify = n;
    }
    return !classify || shapes_find(e, &e->p->classifiers[classify->imm]);
}

/* Hand the arrays over to a new function. False: writing had failed. */
static bool made_take(struct made *m, const char *name, struct emit *e)
{
    const bool failed = e->a.failed;
    if (!failed) {
        m->code->functions[m->code->count++] = (struct code_function){.name = name,
                                                                      .insns = e->a.insns,
                                                                      .count = e->a.insn_count,
                                                                      .refs = e->a.refs,
                                                                      .ref_count = e->a.ref_count,
                                                                      .turns = e->counted && e->again};
        e->a.insns = NULL;
        e->a.refs = NULL;
    }
    insns_free(&e->a);
    return !failed;
}

static bool make_function(struct made *m, uint32_t func)
{
    const bool would = m->p->would && func >= m->p->meta->would; /* the rules as they would decide without `audit` */
    struct emit e = {.p = would ? m->p->would : m->p,
                     .names = m->names,
                     .func = func,
                     .first = m->p->funcs[func].first,
                     .count = m->p->funcs[func].count,
                     .counted = m->counted,
                     .a.no_gotol = m->counted};
    e.a.failed = !survey(&e);
    do pass(&e);
    while (!insns_end(&e.a));
    m->too_far |= m->counted && !e.a.failed && insns_has_gotol(&e.a);
    free(e.shapes);
    free(e.left_out);
    return made_take(m, m->names[func], &e);
}

/* Make a function that the program lacks: one that finds nothing, one that only calls another, or one around a loop. */
static bool make_apart(struct made *m, const char *name, void (*write)(struct emit *, const char *), const char *of)
{
    struct emit e = {.p = m->p, .counted = m->counted, .a.no_gotol = m->counted};
    insns_begin(&e.a, 0);
    emit_begin(&e);
    write(&e, of);
    return insns_end(&e.a) && made_take(m, name, &e);
}

static void returns_none(struct emit *e, const char *of) { step_return(e, 0); }
static void calls(struct emit *e, const char *of)
{
    step_call(e, of);
    step_leave(e);
}

/* Return the reached functions. Calls lead to later functions only, so one pass finds all. */
bool *gen_reached(const struct program *p)
{
    bool *const reached = calloc(p->funcs_count + (size_t)1, sizeof *reached);
    if (!reached) return NULL;
    reached[0] = reached[p->meta->services] = reached[p->meta->would] = true;
    for (uint32_t f = 0; f < p->funcs_count; f++)
        for (uint32_t i = p->funcs[f].first; reached[f] && i < p->funcs[f].first + p->funcs[f].count; i++)
            if (p->code[i].op == OP_CALL) reached[p->code[i].imm] = true;
    return reached;
}

/* Return the name by which stages call an entry function; NULL: not an entry function. */
static const char *called(const struct program *p, uint32_t func)
{
    if (!func) return "judge_program";
    return func == p->meta->services ? "judge_services" : func == p->meta->would ? "judge_would" : NULL;
}

static bool is_turn(const struct made *m, uint32_t func) { return m->counted && turns_has(m->p, func); }

/* Name the reached functions. False: no memory. */
static bool name_reached(struct made *m, uint32_t *count)
{
    bool *const reached = gen_reached(m->p);
    *count = 0;
    for (uint32_t f = 0; reached && f < m->p->funcs_count; f++) {
        if (!reached[f]) continue;
        snprintf(m->texts[f], NAME_MOST, "judge_%u", f);
        m->names[f] = is_turn(m, f) || !called(m->p, f) ? m->texts[f] : called(m->p, f);
        ++*count;
    }
    free(reached);
    return reached;
}

/* Write the code around the second judgement (judge/would.bpf.c). */
static bool make_would(struct made *m)
{
    if (m->p->would)
        return make_apart(m, "would_begin", calls, NAME(kernel_would_begin)) &&
               make_apart(m, "would_end", calls, NAME(kernel_would_end));
    return make_apart(m, "judge_would", returns_none, NULL) && make_apart(m, "would_begin", returns_none, NULL) &&
           make_apart(m, "would_end", returns_none, NULL);
}

static bool make_all(struct made *m)
{
    const uint32_t services = m->p->meta->services;
    for (uint32_t f = 0; f < m->p->funcs_count; f++) {
        if (m->names[f] && !make_function(m, f)) return false;
        const char *entry = called(m->p, f);
        if (m->names[f] && entry && is_turn(m, f) && !make_apart(m, entry, turns_whole, m->names[f])) return false;
    }
    return (services || make_apart(m, "judge_services", returns_none, NULL)) && make_would(m);
}

/* Limits of a judge. The kernel takes 256 functions in one program, and the stages' C has some of them. */
enum { FUNCTIONS_MOST = 192, INSNS_MOST = 900000 };

static int refuse_size(char *err, size_t err_len, uint64_t count, const char *what, uint64_t most)
{
    snprintf(err, err_len,
             "the rules' code is too large for the kernel: %" PRIu64 " %s, at most %" PRIu64
             " fit in one program: use --exec user",
             count, what, most);
    return -E2BIG;
}

static int make_judge(struct made *m, char *err, size_t err_len)
{
    uint32_t count;
    uint64_t insns = 0;
    if (m->p->meta->reach > KERNEL_HEAD) {
        snprintf(err, err_len,
                 "rules test bytes up to %u of a frame, and the kernel executor reads the first %u: use --exec user",
                 m->p->meta->reach, KERNEL_HEAD);
        return -E2BIG;
    }
    if (!m->code->functions || !m->names || !name_reached(m, &count)) return -ENOMEM;
    if (count > FUNCTIONS_MOST) return refuse_size(err, err_len, count, "functions", FUNCTIONS_MOST);
    if (!make_all(m)) return -ENOMEM;
    if (m->too_far) {
        snprintf(
            err, err_len,
            "one list has too many rules with conditions of their own for Linux before 6.9, where jumps are short: "
            "use a newer kernel, or --exec user");
        return -E2BIG;
    }
    for (uint32_t i = 0; i < m->code->count; i++) insns += m->code->functions[i].count;
    return insns > INSNS_MOST ? refuse_size(err, err_len, insns, "instructions", INSNS_MOST) : 0;
}

int gen_judge(const struct program *p, bool counted, struct code *code, char *err, size_t err_len)
{
    const size_t n = p->funcs_count + (size_t)8; /* entry functions may have two parts each */
    struct made m = {.p = p, .counted = counted, .code = code};
    *code = (struct code){.functions = calloc(1, n * (sizeof *code->functions + NAME_MOST))};
    m.names = calloc(n, sizeof *m.names);
    m.texts = (char(*)[NAME_MOST])(void *)(code->functions + n);
    const int failed = make_judge(&m, err, err_len);
    free(m.names);
    if (failed == -ENOMEM) snprintf(err, err_len, "out of memory");
    if (failed) gen_free(code);
    return failed;
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
