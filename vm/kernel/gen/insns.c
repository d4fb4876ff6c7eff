/* Write BPF instructions (insns.h). */
#include "vm/kernel/gen/insns.h"

#include <stdlib.h>
#include <string.h>

enum { NEAR_MOST = INT16_MAX, NEAR_LEAST = INT16_MIN };

/* Make room for one more entry of `size` bytes. False: out of memory. */
static bool insns_grow(struct insns *a, void **array, uint32_t count, uint32_t *room, size_t size)
{
    if (a->failed || count < *room) return !a->failed;
    const uint32_t more = *room ? 2 * *room : 64;
    void *const bigger = realloc(*array, more * size);
    if (!bigger) {
        a->failed = true;
        return false;
    }
    memset((char *)bigger + *room * size, 0, (more - *room) * size);
    *array = bigger;
    *room = more;
    return true;
}

void insns_begin(struct insns *a, uint32_t labels)
{
    a->insn_count = a->ref_count = a->jump_count = a->label_count = a->relayed = 0;
    a->skipped_to = 0;
    while (a->label_count < labels && !a->failed) insns_label(a);
}

uint32_t insns_label(struct insns *a)
{
    if (!insns_grow(a, (void **)&a->labels, a->label_count, &a->label_room, sizeof *a->labels)) return 0;
    a->labels[a->label_count] = (struct insns_label_at){INSNS_NONE, INSNS_NONE};
    return a->label_count++;
}

void insns_here(struct insns *a, uint32_t label)
{
    if (!a->failed) a->labels[label].at = a->insn_count;
}

void insns_put(struct insns *a, uint8_t code, unsigned dst, unsigned src, int16_t off, int32_t imm)
{
    if (!insns_grow(a, (void **)&a->insns, a->insn_count, &a->insn_room, sizeof *a->insns)) return;
    a->insns[a->insn_count++] =
        (struct bpf_insn){.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm};
    /* Note the target of a jump with a distance instead of a label. */
    const bool jumps = BPF_CLASS(code) == BPF_JMP || BPF_CLASS(code) == BPF_JMP32;
    a->skipped_to >>= 1;
    if (jumps && off > 0 && off < INSNS_SKIP) a->skipped_to |= UINT64_C(1) << off;
}

void insns_number(struct insns *a, unsigned dst, uint64_t value)
{
    insns_put(a, BPF_LD | BPF_DW | BPF_IMM, dst, 0, 0, (int32_t)(uint32_t)value);
    insns_put(a, 0, 0, 0, 0, (int32_t)(uint32_t)(value >> 32));
}

static void refer(struct insns *a, const char *symbol)
{
    if (!insns_grow(a, (void **)&a->refs, a->ref_count, &a->ref_room, sizeof *a->refs)) return;
    a->refs[a->ref_count++] = (struct code_ref){.at = a->insn_count, .symbol = symbol};
}

void insns_symbol(struct insns *a, unsigned dst, const char *symbol, uint32_t add)
{
    refer(a, symbol);
    insns_number(a, dst, add);
}

void insns_call(struct insns *a, const char *symbol)
{
    refer(a, symbol);
    insns_put(a, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0);
}

/* Note a jump to a label. True if it is far. */
static bool jump_to(struct insns *a, uint32_t label, uint32_t at)
{
    const uint32_t room = a->jump_room;
    if (!insns_grow(a, (void **)&a->jumps, a->jump_count, &a->jump_room, sizeof *a->jumps)) return false;
    if (a->jump_room != room) {
        bool *const far = realloc(a->far, a->jump_room * sizeof *far);
        if (!far) {
            a->failed = true;
            return false;
        }
        memset(far + room, 0, (a->jump_room - room) * sizeof *far);
        a->far = far;
    }
    const bool far = a->far[a->jump_count];
    a->jumps[a->jump_count++] = (struct insns_jump_at){.at = at, .label = label, .relay = INSNS_NONE};
    return far;
}

void insns_jump_if(struct insns *a, uint8_t code, unsigned dst, uint32_t imm, uint32_t label)
{
    if (!jump_to(a, label, a->insn_count)) {
        insns_put(a, code, dst, 0, 0, (int32_t)imm);
        return;
    }
    if (a->failed) return;
    insns_put(a, code, dst, 0, 1, (int32_t)imm);
    insns_put(a, BPF_JMP | BPF_JA, 0, 0, 1, 0);
    a->jumps[a->jump_count - 1].at = a->insn_count;
    insns_put(a, INSN_GOTOL, 0, 0, 0, 0);
}

void insns_jump(struct insns *a, uint32_t label)
{
    jump_to(a, label, a->insn_count);
    insns_put(a, INSN_GOTOL, 0, 0, 0, 0);
}

/* Return a relay to the label: its last one, or a new one if the last is before instruction `first`. */
static uint32_t relay_to(struct insns *a, uint32_t label, uint32_t first)
{
    const uint32_t last = a->labels[label].relay;
    if (last != INSNS_NONE && last >= first) return last;
    a->labels[label].relay = a->insn_count;
    insns_jump(a, label);
    return a->labels[label].relay;
}

/* True if the next instruction is reached from the last, or by a jump that has been written. */
static bool is_reached(const struct insns *a)
{
    const uint8_t last = a->insn_count ? a->insns[a->insn_count - 1].code : 0;
    if (last != (BPF_JMP | BPF_EXIT) && last != (BPF_JMP | BPF_JA) && last != INSN_GOTOL) return true;
    for (uint32_t i = 0; i < a->jump_count; i++)
        if (a->labels[a->jumps[i].label].at == a->insn_count && a->jumps[i].relay == INSNS_NONE) return true;
    return a->skipped_to & 1;
}

void insns_relay(struct insns *a)
{
    enum { EVERY = 1 << 14 };
    if (!a->no_gotol || a->insn_count - a->relayed < EVERY) return;
    const uint32_t before = a->jump_count, over = insns_label(a);
    if (is_reached(a)) insns_jump(a, over);
    const uint32_t first = a->insn_count;
    for (uint32_t i = 0; i < before && !a->failed; i++) {
        if (a->labels[a->jumps[i].label].at != INSNS_NONE || a->jumps[i].relay != INSNS_NONE) continue;
        const uint32_t relay = relay_to(a, a->jumps[i].label, first); /* may move the array */
        a->jumps[i].relay = relay;
    }
    insns_here(a, over);
    a->relayed = a->insn_count;
}

bool insns_has_gotol(const struct insns *a)
{
    for (uint32_t i = 0; i < a->jump_count; i++)
        if (a->insns[a->jumps[i].at].code == INSN_GOTOL) return true;
    return false;
}

static bool is_near(int64_t off) { return off >= NEAR_LEAST && off <= NEAR_MOST; }

bool insns_end(struct insns *a)
{
    bool all_near = true;
    if (a->failed) return true;
    for (uint32_t i = 0; i < a->jump_count; i++) {
        struct bpf_insn *const n = &a->insns[a->jumps[i].at];
        const uint32_t relay = a->jumps[i].relay, to = relay == INSNS_NONE ? a->labels[a->jumps[i].label].at : relay;
        const int64_t off = (int64_t)to - a->jumps[i].at - 1;
        if (n->code == INSN_GOTOL && a->no_gotol && is_near(off)) {
            *n = (struct bpf_insn){.code = BPF_JMP | BPF_JA, .off = (int16_t)off};
        } else if (n->code == INSN_GOTOL) {
            n->imm = (int32_t)off;
        } else if (is_near(off)) {
            n->off = (int16_t)off;
        } else {
            a->far[i] = true;
            all_near = false;
        }
    }
    return all_near;
}

void insns_free(struct insns *a)
{
    free(a->insns);
    free(a->refs);
    free(a->jumps);
    free(a->labels);
    free(a->far);
    *a = (struct insns){0};
}
