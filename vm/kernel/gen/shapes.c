/* Shared code for all entries of a classifier that do the same with their own rule: count or log it, then decide by
 * it or search on. The rule is a variable in that code, so the code for a hundred thousand rules that log is no
 * longer than for one rule. */
#include <stdlib.h>
#include <string.h>

#include "vm/kernel/gen/emit_priv.h"

/* Return the opcodes of the entry's code in order, as one number; 0: the code has another form. */
enum { SHAPE_MOST = 4, SHAPE_BITS = 8 };

static uint32_t shape_of(const struct emit *e, const struct pbc_entry *entry)
{
    uint32_t shape = 0;
    for (uint32_t i = entry->code; i < e->count && i < entry->code + SHAPE_MOST; i++) {
        const struct insn *n = &e->p->code[e->first + i];
        const bool own = n->imm == entry->rule;
        shape = shape << SHAPE_BITS | n->op;
        if (n->op == OP_AGAIN || (n->op == OP_RETK && own)) return shape;
        if ((n->op != OP_COUNT && n->op != OP_LOG) || !own) return 0;
    }
    return 0;
}

/* Bits of an instruction. JUMPED: a jump leads to it; FALLEN: the instruction before continues with it. */
enum { JUMPED = 1, FALLEN = 2 };
static void mark_led_to(const struct emit *e, uint8_t *led)
{
    for (uint32_t i = 0; i < e->count; i++) {
        const struct insn *n = &e->p->code[e->first + i];
        if (op_jumps(n->op)) led[i + 1 + n->to] |= JUMPED;
        if (!op_info[n->op].ends) led[i + 1] |= FALLEN;
    }
}

static uint32_t code_end(const struct emit *e, uint32_t i)
{
    while (!op_info[e->p->code[e->first + i].op].ends) i++;
    return i + 1;
}

/* True if only entries lead to the code, or into it. */
static bool is_apart(const struct emit *e, const uint8_t *led, uint32_t code)
{
    if (led[code]) return false;
    for (uint32_t i = code; i < code_end(e, code); i++)
        if (led[i] & JUMPED) return false;
    return true;
}

bool shapes_find(struct emit *e, const struct pbc_classifier *c)
{
    uint8_t *const led = calloc((size_t)e->count + 1, sizeof *led);
    e->left_out = calloc((size_t)e->count + 1, sizeof *e->left_out);
    e->shapes = calloc((size_t)c->entry_count + 1, sizeof *e->shapes);
    const bool there = led && e->left_out && e->shapes;
    if (there) mark_led_to(e, led);
    for (uint32_t i = 0; there && i < c->entry_count; i++) {
        const struct pbc_entry *entry = &e->p->entries[c->entries + i];
        if (entry->code && is_apart(e, led, entry->code)) e->shapes[i] = shape_of(e, entry);
        if (e->shapes[i]) memset(e->left_out + entry->code, true, code_end(e, entry->code) - entry->code);
    }
    free(led);
    return there;
}

/* Write a shape's code. The rule that was found is in register e->regs + 1. */
void shape_code(struct emit *e, uint32_t shape)
{
    int shift = SHAPE_BITS * (SHAPE_MOST - 1);
    while (!(shape >> shift & 0xff)) shift -= SHAPE_BITS;
    for (; shift >= 0; shift -= SHAPE_BITS) {
        const unsigned op = shape >> shift & 0xff;
        if (op == OP_AGAIN) {
            step_again(e);
        } else if (op == OP_RETK) {
            step_get(e, R0, e->regs + 1);
            insns_put(&e->a, BPF_ALU64 | BPF_ADD | BPF_K, R0, 0, 0, 1);
            step_leave(e);
        } else {
            step_get(e, R2, e->regs + 1);
            step_call(e, step_effect(e, op));
        }
    }
}
