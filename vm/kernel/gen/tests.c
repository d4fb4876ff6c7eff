/* Write instructions that test the packet and jump. Comparisons of the key are in line; sets, MACs, patterns and
 * meters are functions of judge.bpf.c and its neighbours. */
#include <stddef.h>

#include "vm/judge/effects.h"
#include "vm/kernel/gen/emit_priv.h"
#include "vm/kernel/kpkt.h"

enum { MAP_BYTES = sizeof(struct pbc_map), WORD_BITS = 32 };

static void load_field(struct emit *e, unsigned dst, unsigned size, size_t at)
{
    insns_put(&e->a, (uint8_t)(BPF_LDX | BPF_MEM | size), dst, PACKET, (int16_t)at, 0);
}

static void load_slot(struct emit *e, unsigned dst, unsigned slot)
{
    load_field(e, dst, BPF_W, offsetof(struct kpkt, key) + 4 * (size_t)slot);
}

static void load_half(struct emit *e, unsigned dst, unsigned half)
{
    load_field(e, dst, BPF_H, offsetof(struct kpkt, key) + 2 * (size_t)half);
}

static void alu(struct emit *e, unsigned op, unsigned dst, uint32_t imm)
{
    insns_put(&e->a, (uint8_t)(BPF_ALU | op | BPF_K), dst, 0, 0, (int32_t)imm);
}

static void jump_if(struct emit *e, unsigned condition, unsigned reg, uint32_t imm, uint32_t to)
{
    insns_jump_if(&e->a, (uint8_t)(BPF_JMP32 | condition | BPF_K), reg, imm, to);
}

static void all_bits(struct emit *e, const struct insn *n, uint32_t to)
{
    load_slot(e, R1, n->a);
    alu(e, BPF_AND, R1, n->imm);
    jump_if(e, n->op == OP_JALL ? BPF_JEQ : BPF_JNE, R1, n->imm, to);
}

static void any_bit(struct emit *e, const struct insn *n, uint32_t to)
{
    load_slot(e, R1, n->a);
    if (n->op == OP_JANY) {
        jump_if(e, BPF_JSET, R1, n->imm, to);
        return;
    }
    alu(e, BPF_AND, R1, n->imm);
    jump_if(e, BPF_JEQ, R1, 0, to);
}

static void prefix(struct emit *e, const struct insn *n, uint32_t to)
{
    const unsigned shift = n->a & 31;
    load_slot(e, R1, n->a >> 5);
    if (shift) alu(e, BPF_RSH, R1, shift);
    jump_if(e, n->op == OP_JPFX ? BPF_JEQ : BPF_JNE, R1, n->imm >> shift, to);
}

/* Test lo <= register <= hi by one comparison. */
static void range(struct emit *e, unsigned reg, uint32_t lo, uint32_t hi, bool inside, uint32_t to)
{
    if (lo == hi) {
        jump_if(e, inside ? BPF_JEQ : BPF_JNE, reg, lo, to);
        return;
    }
    if (lo) alu(e, BPF_SUB, reg, lo);
    jump_if(e, inside ? BPF_JLE : BPF_JGT, reg, hi - lo, to);
}

static void half_range(struct emit *e, const struct insn *n, uint32_t to)
{
    load_half(e, R1, n->a);
    range(e, R1, n->imm >> 16, n->imm & 0xffff, n->op == OP_JIN, to);
}

static void map_bit(struct emit *e, const struct insn *n, uint32_t to)
{
    struct insns *const a = &e->a;
    load_half(e, R1, n->a);
    insns_put(a, BPF_ALU | BPF_MOV | BPF_X, R2, R1, 0, 0);
    alu(e, BPF_RSH, R2, 5);
    alu(e, BPF_LSH, R2, 2);
    insns_symbol(a, R3, "table_maps", n->imm * MAP_BYTES);
    insns_put(a, BPF_ALU64 | BPF_ADD | BPF_X, R3, R2, 0, 0);
    insns_put(a, BPF_LDX | BPF_MEM | BPF_W, R3, R3, 0, 0);
    alu(e, BPF_AND, R1, WORD_BITS - 1);
    insns_put(a, BPF_ALU | BPF_RSH | BPF_X, R3, R1, 0, 0);
    alu(e, BPF_AND, R3, 1);
    jump_if(e, n->op == OP_JMAP ? BPF_JNE : BPF_JEQ, R3, 0, to);
}

/* Call f(k, imm) or f(k, imm, side), and jump by its result: not 0 means yes. */
static void test_asked(struct emit *e, const char *function, const struct insn *n, bool yes, uint32_t to)
{
    step_mov(e, R2, n->imm);
    step_mov(e, R3, n->a);
    step_call(e, function);
    jump_if(e, yes ? BPF_JNE : BPF_JEQ, R0, 0, to);
}

/* Return the number's place in one family, as kernel_header takes it. */
static uint32_t header_place(struct ip_bits b) { return b.first | (uint32_t)b.count << 8; }

/* Load a number that the key has no room for into r0. */
static void load_number(struct emit *e, const struct cond_info *k)
{
    if (k->half != HALF_NONE) {
        load_field(e, R0, BPF_H,
                   k->half == HALF_WAY ? offsetof(struct kpkt, way) : offsetof(struct kpkt, source_failed));
        return;
    }
    step_mov(e, R2, header_place(k->ip[0]));
    step_mov(e, R3, header_place(k->ip[1]));
    STEP_CALL(e, kernel_header);
}

static void header(struct emit *e, const struct insn *n, uint32_t to)
{
    const struct cond_info *const k = &cond_info[n->a];
    const struct pbc_range *const r = &e->p->ranges[n->imm];
    const uint32_t lacks = insns_label(&e->a);
    if (k->has) {
        load_slot(e, R1, KEY_SLOT(kind));
        alu(e, BPF_AND, R1, k->has);
        jump_if(e, BPF_JEQ, R1, 0, n->op == OP_JHDR ? lacks : to);
    }
    load_number(e, k);
    range(e, R0, r->lo, r->hi, n->op == OP_JHDR, to);
    insns_here(&e->a, lacks);
}

static void meter(struct emit *e, const struct insn *n, enum meter_says passes, uint32_t to)
{
    step_mov(e, R2, n->imm + (e->p->root ? e->p->meters_count : 0)); /* the second judgement has its own meters */
    STEP_CALL(e, kernel_meter);
    jump_if(e, BPF_JNE, R0, passes, to);
}

static void flows(struct emit *e, const struct insn *n, uint32_t to)
{
    step_mov(e, R2, e->p->grains[n->a].len4);
    step_mov(e, R3, e->p->grains[n->a].len6);
    STEP_CALL(e, kernel_flows);
    jump_if(e, BPF_JLE, R0, n->imm, to);
}

void step_test(struct emit *e, const struct insn *n, uint32_t to)
{
    switch (n->op) {
    case OP_JEQ:
    case OP_JNE:
        load_slot(e, R1, n->a);
        jump_if(e, n->op == OP_JEQ ? BPF_JEQ : BPF_JNE, R1, n->imm, to);
        break;
    case OP_JALL:
    case OP_JNALL: all_bits(e, n, to); break;
    case OP_JANY:
    case OP_JNONE: any_bit(e, n, to); break;
    case OP_JPFX:
    case OP_JNPFX: prefix(e, n, to); break;
    case OP_JIN:
    case OP_JNIN: half_range(e, n, to); break;
    case OP_JMAP:
    case OP_JNMAP: map_bit(e, n, to); break;
    case OP_JSET:
    case OP_JNSET:
        test_asked(e, e->p->sets[n->imm].live ? NAME(kernel_live_set) : NAME(kernel_set), n, n->op == OP_JSET, to);
        break;
    case OP_JMAC:
    case OP_JNMAC: test_asked(e, NAME(kernel_mac_set), n, n->op == OP_JMAC, to); break;
    case OP_JMACK:
    case OP_JNMACK: test_asked(e, NAME(kernel_mac_kind), n, n->op == OP_JMACK, to); break;
    case OP_JPAT:
    case OP_JNPAT: test_asked(e, NAME(kernel_pattern), n, n->op == OP_JPAT, to); break;
    case OP_JHDR:
    case OP_JNHDR: header(e, n, to); break;
    case OP_JNOVER: meter(e, n, METER_OVER, to); break;
    case OP_JNWITHIN: meter(e, n, METER_WITHIN, to); break;
    case OP_JNFLOWS: flows(e, n, to); break;
    default: break;
    }
}
