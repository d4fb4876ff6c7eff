/* Labels, fixups and relays of straight code. */
#include "compiler/code/asm.h"

#include <stdlib.h>

#include "lang/heap.h"

void asm_init(struct assembler *a, struct image *img) { *a = (struct assembler){.img = img}; }
void asm_fini(struct assembler *a) { free(a->fixups); }
uint32_t asm_here(const struct assembler *a) { return a->img->code_count; }

void asm_begin(struct assembler *a)
{
    a->reachable = true;
    a->waiting = NULL;
}

void asm_entry(struct assembler *a) { a->reachable = true; }

static bool ends(uint8_t op)
{
    static const bool all[] = {
#define OP(ident, name, operands, ends, kernel, doc) [OP_##ident] = ends,
#include "vm/opcode.def"
    };
    return op < sizeof all && all[op];
}

void asm_to(struct assembler *a, uint8_t op, uint8_t operand, uint16_t to, uint32_t imm)
{
    if (!a->reachable) return;
    struct insn *insn = image_add_code(a->img);
    if (insn)
        *insn = (struct insn){op, operand, to, imm};
    else
        a->full = true;
    a->reachable = !ends(op);
}

void asm_op(struct assembler *a, uint8_t op, uint8_t operand, uint32_t imm) { asm_to(a, op, operand, 0, imm); }

static uint32_t new_fixup(struct assembler *a)
{
    if (a->fixup_free) {
        const uint32_t i = a->fixup_free - 1;
        a->fixup_free = a->fixups[i].next;
        return i;
    }
    a->fixups = heap_grown(a->fixups, (size_t)a->fixup_count + 1, sizeof(*a->fixups), &a->fixup_cap);
    return a->fixup_count++;
}

void asm_jump(struct assembler *a, uint8_t op, uint8_t operand, uint32_t imm, struct label *to)
{
    if (!a->reachable) return;
    asm_op(a, op, operand, imm);
    if (a->full) return;
    const uint32_t f = new_fixup(a), insn = asm_here(a) - 1;
    if (!to->fixups) {
        to->oldest = insn;
        to->next = a->waiting;
        a->waiting = to;
    }
    a->fixups[f] = (struct fixup){insn, to->fixups};
    to->fixups = f + 1;
}

/* Direct all jumps that wait for the label to this place. */
static void resolve(struct assembler *a, struct label *l)
{
    while (l->fixups) {
        struct fixup *f = &a->fixups[l->fixups - 1];
        const uint32_t next = f->next;
        a->img->code[f->insn].to = (uint16_t)(asm_here(a) - f->insn - 1);
        f->next = a->fixup_free;
        a->fixup_free = l->fixups;
        l->fixups = next;
    }
}

void asm_bind(struct assembler *a, struct label *l)
{
    if (!l->fixups) return;
    for (struct label **p = &a->waiting; *p; p = &(*p)->next)
        if (*p == l) {
            *p = l->next;
            break;
        }
    resolve(a, l);
    a->reachable = true;
}

void asm_relay(struct assembler *a)
{
    struct label past = {0}, *old = NULL;
    for (struct label **p = &a->waiting; *p;) {
        struct label *l = *p;
        if (asm_here(a) - l->oldest > PBC_BRANCH_MAX - ASM_STRETCH) {
            *p = l->next;
            l->next = old;
            old = l;
        } else {
            p = &l->next;
        }
    }
    if (!old) return;
    asm_jump(a, OP_JUMP, 0, 0, &past);
    while (old && !a->full) {
        struct label *l = old;
        old = l->next;
        resolve(a, l);
        a->reachable = true;
        asm_jump(a, OP_JUMP, 0, 0, l);
    }
    asm_bind(a, &past);
}
