/* An interpreter of the BPF instructions that the generator writes (RFC 9669). */
#include "tests/lib/machine.h"

#include <stdlib.h>
#include <string.h>

#include "vm/judge/classify/classify.h"
#include "vm/judge/effects.h"
#include "vm/kernel/gen/insns.h"
#include "vm/kernel/kpkt.h"
#include "vm/packet/ip_bits.h"

enum { FRAMES_MOST = 7, REGS = 11, STACK_WORDS = 8, STEPS_MOST = 1 << 20 };

struct machine {
    const struct program *p;
    const struct code *code;
    const struct pkt *pkt;
    struct kpkt *k;
    struct machine_effects *e;
    const char *why;
    unsigned steps;
};

static bool fails(struct machine *m, const char *why)
{
    m->why = why;
    return false;
}

static uint64_t address(const void *p) { return (uint64_t)(uintptr_t)p; }

static uint32_t next_power(uint32_t n)
{
    uint32_t p = 1;
    while (p < n) p *= 2;
    return p;
}

/* Look up the value that a name stands for. */
static bool value_of(struct machine *m, const char *name, uint64_t *value)
{
    static const uint64_t nothing;
    const struct program *p = m->p;
    if (!strcmp(name, "table_maps")) return *value = address(p->maps_count ? (const void *)p->maps : &nothing), true;
    if (!strcmp(name, "table_entries")) return *value = address(p->entries), true;
    if (!strcmp(name, "mask_entries")) return *value = next_power(p->entries_count) - 1, true;
    if (!strcmp(name, "table_verdicts")) return *value = address(p->verdicts), true;
    if (!strcmp(name, "table_would_verdicts")) return *value = address(p->would->verdicts), true;
    if (!strcmp(name, "mask_would_verdicts")) return *value = next_power(p->would->rules_count) - 1, true;
    if (!strcmp(name, "mask_verdicts")) return *value = next_power(p->rules_count) - 1, true;
    return fails(m, name);
}

/* Call a function of the C code. */
static bool answer(struct machine *m, const char *name, const uint64_t r[REGS], uint64_t *result)
{
    const struct key *key = &m->k->key;
    const uint32_t a = (uint32_t)r[2], b = (uint32_t)r[3];
    if (!strcmp(name, "kernel_set")) return *result = set_has(m->p, a, key, b), true;
    const bool ether = key->kind & KIND_ETHER;
    if (!strcmp(name, "kernel_mac_set")) return *result = ether && mac_set_has(m->p, a, pkt_mac(m->pkt, b)), true;
    if (!strcmp(name, "kernel_mac_kind")) return *result = ether && mac_is(pkt_mac(m->pkt, b), a), true;
    if (!strcmp(name, "kernel_pattern")) {
        return *result = pkt_pattern(m->pkt, key, &m->p->patterns[a]), true;
    }
    if (!strcmp(name, "kernel_header")) {
        const uint32_t place = key->kind & KIND_IP6 ? b : a;
        const struct ip_bits bits = {(uint8_t)place, (uint8_t)(place >> 8)};
        return *result = ip_bits_get(m->pkt->data + m->pkt->l3, bits), true;
    }
    if (!strcmp(name, "kernel_meter")) return *result = meter_peek(NULL, m->p, a, key, NULL), true;
    if (!strcmp(name, "kernel_classify") || !strcmp(name, "kernel_classify_ranked"))
        return *result = classify_one(m->p, a, key, b), true;
    if (!strcmp(name, "kernel_flows")) return *result = 0, true;
    struct machine_effects *e = m->e;
    const bool counts = !strcmp(name, "kernel_count");
    if (counts && e->counts < MACHINE_EFFECTS) return e->counted[e->counts++] = a, true;
    if (!strcmp(name, "kernel_log") && e->logs < MACHINE_EFFECTS) return e->logged[e->logs++] = a, true;
    return fails(m, name);
}

static const struct code_function *find(const struct code *code, const char *name)
{
    for (uint32_t i = 0; i < code->count; i++)
        if (!strcmp(code->functions[i].name, name)) return &code->functions[i];
    return NULL;
}

static const char *symbol_at(const struct code_function *f, uint32_t at)
{
    uint32_t lo = 0, hi = f->ref_count;
    while (lo < hi) {
        const uint32_t mid = (lo + hi) / 2;
        if (f->refs[mid].at < at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < f->ref_count && f->refs[lo].at == at ? f->refs[lo].symbol : NULL;
}

static uint64_t load(unsigned size, uint64_t at)
{
    const void *p = (const void *)(uintptr_t)at; /* NOLINT: a machine's address */
    uint64_t v = 0;
    memcpy(&v, p, size == BPF_B ? 1 : size == BPF_H ? 2 : size == BPF_W ? 4 : 8);
    return v;
}

static void store(unsigned size, uint64_t at, uint64_t v)
{
    void *p = (void *)(uintptr_t)at;
    memcpy(p, &v, size == BPF_B ? 1 : size == BPF_H ? 2 : size == BPF_W ? 4 : 8);
}

static bool compute(struct machine *m, const struct bpf_insn *n, uint64_t r[REGS])
{
    const bool wide = BPF_CLASS(n->code) == BPF_ALU64;
    const uint64_t operand = BPF_SRC(n->code) == BPF_X ? r[n->src_reg] : (uint64_t)(int64_t)n->imm;
    const uint64_t b = wide ? operand : (uint32_t)operand, a = wide ? r[n->dst_reg] : (uint32_t)r[n->dst_reg];
    uint64_t v = 0;
    switch (BPF_OP(n->code)) {
    case BPF_MOV: v = b; break;
    case BPF_ADD: v = a + b; break;
    case BPF_SUB: v = a - b; break;
    case BPF_AND: v = a & b; break;
    case BPF_OR: v = a | b; break;
    case BPF_LSH: v = a << (b & (wide ? 63 : 31)); break;
    case BPF_RSH: v = a >> (b & (wide ? 63 : 31)); break;
    default: return fails(m, "an operation that isn't known");
    }
    r[n->dst_reg] = wide ? v : (uint32_t)v;
    return true;
}

static bool holds(struct machine *m, const struct bpf_insn *n, const uint64_t r[REGS])
{
    const bool wide = BPF_CLASS(n->code) == BPF_JMP;
    const uint64_t a = wide ? r[n->dst_reg] : (uint32_t)r[n->dst_reg];
    const uint64_t b = wide ? (uint64_t)(int64_t)n->imm : (uint32_t)n->imm;
    switch (BPF_OP(n->code)) {
    case BPF_JEQ: return a == b;
    case BPF_JNE: return a != b;
    case BPF_JLE: return a <= b;
    case BPF_JGT: return a > b;
    case BPF_JGE: return a >= b;
    case BPF_JSET: return a & b;
    default: return fails(m, "a condition that isn't known");
    }
}

static bool run(struct machine *m, const struct code_function *f, unsigned depth, const uint64_t args[2],
                uint64_t *result);

/* Do the kernel's bpf_loop: call the function whose address is in r2 at most r1 times, with the argument in r3. */
static bool turn(struct machine *m, unsigned depth, uint64_t r[REGS])
{
    const struct code_function *body = NULL;
    for (uint32_t i = 0; i < m->code->count; i++)
        if (address(&m->code->functions[i]) == r[2]) body = &m->code->functions[i];
    if (!body || !body->turns || r[4]) return fails(m, "a loop over something else");
    uint64_t turns = 0, ends = 0;
    while (turns < r[1] && !ends)
        if (!run(m, body, depth + 1, (const uint64_t[]){turns++, r[3]}, &ends)) return false;
    r[0] = turns;
    return ends <= 1 || fails(m, "a turn that says more than whether it is the last");
}

static bool call(struct machine *m, const char *symbol, const struct bpf_insn *n, unsigned depth, uint64_t r[REGS])
{
    const struct code_function *callee = symbol ? find(m->code, symbol) : NULL;
    bool done;
    if (!symbol)
        done = n->imm == BPF_FUNC_loop ? turn(m, depth, r) : fails(m, "a call of nothing");
    else if (callee)
        done = callee->turns ? fails(m, "a turn that is called") : run(m, callee, depth + 1, &r[1], &r[0]);
    else
        done = answer(m, symbol, r, &r[0]);
    r[1] = r[2] = r[3] = r[4] = r[5] = 0xdeadbeefdeadbeef;
    return done;
}

static bool run(struct machine *m, const struct code_function *f, unsigned depth, const uint64_t args[2],
                uint64_t *result)
{
    uint64_t stack[STACK_WORDS] = {0}, r[REGS] = {0};
    r[1] = args[0];
    r[2] = args[1];
    r[10] = address(stack + STACK_WORDS);
    if (depth > FRAMES_MOST) return fails(m, "calls nested too deep");
    for (uint32_t pc = 0; !m->why; pc++) {
        if (pc >= f->count) return fails(m, "past the end");
        if (m->steps++ > STEPS_MOST) return fails(m, "it doesn't end");
        const struct bpf_insn *n = &f->insns[pc];
        const char *symbol = symbol_at(f, pc);
        const unsigned class = BPF_CLASS(n->code);
        if (class == BPF_ALU || class == BPF_ALU64) {
            compute(m, n, r);
        } else if (class == BPF_LD) {
            r[n->dst_reg] = (uint32_t)n->imm | (uint64_t)(uint32_t)f->insns[pc + 1].imm << 32;
            const struct code_function *of = symbol ? find(m->code, symbol) : NULL;
            uint64_t value = address(of);
            if (symbol && !of && !value_of(m, symbol, &value)) return false;
            r[n->dst_reg] += value;
            pc++;
        } else if (class == BPF_LDX) {
            r[n->dst_reg] = load(BPF_SIZE(n->code), r[n->src_reg] + (uint64_t)n->off);
        } else if (class == BPF_STX) {
            store(BPF_SIZE(n->code), r[n->dst_reg] + (uint64_t)n->off, r[n->src_reg]);
        } else if (class == BPF_ST) {
            store(BPF_SIZE(n->code), r[n->dst_reg] + (uint64_t)n->off, (uint64_t)n->imm);
        } else if (n->code == (BPF_JMP | BPF_EXIT)) {
            *result = r[0];
            return true;
        } else if (n->code == (BPF_JMP | BPF_CALL)) {
            if (!call(m, symbol, n, depth, r)) return false;
        } else if (n->code == (BPF_JMP | BPF_JA)) {
            pc = (uint32_t)((int64_t)pc + n->off);
        } else if (n->code == INSN_GOTOL) {
            pc = (uint32_t)((int64_t)pc + n->imm);
        } else if (n->code != INSN_MAY_GOTO && holds(m, n, r)) {
            pc = (uint32_t)((int64_t)pc + n->off);
        }
    }
    return false;
}

bool machine_run(const struct program *p, const struct code *code, const char *function, const struct key *key,
                 const struct pkt *pkt, uint64_t *result, struct machine_effects *e, const char **why)
{
    static struct kpkt k;
    struct machine m = {.p = p, .code = code, .pkt = pkt, .k = &k, .e = e};
    k.key = *key;
    k.way = (uint16_t)pkt_way(pkt, key); /* judge.bpf.c, settle_ways */
    k.source_failed = (uint16_t)pkt_source_failed(pkt);
    const struct code_function *f = find(code, function);
    const bool good = f && run(&m, f, 2, (const uint64_t[]){address(&k), 0}, result);
    *why = f ? m.why : function;
    return good;
}
