/* Write BPF instructions with labels, jumps of any distance, and symbols. One function at a time is written, in
 * passes: a jump that proves too far for 16 bits becomes two in the next pass. */
#pragma once

#include <stdbool.h>

#include "vm/kernel/gen/gen.h"

/* Code of an unconditional jump with an offset of 32 bits (since Linux 6.6), for targets that 16 bits do not reach. */
#define INSN_GOTOL (BPF_JMP32 | BPF_JA)
/* Code of the jump, with its source, that is taken when a program has looped too often (since Linux 6.9). */
#define INSN_MAY_GOTO (BPF_JMP | 0xe0)

struct insns_label_at {
    uint32_t at;    /* index of the instruction behind the label; INSNS_NONE: not placed yet */
    uint32_t relay; /* instruction of the label's last relay, or INSNS_NONE */
};
struct insns_jump_at {
    uint32_t at, label;
    uint32_t relay; /* instruction of the relay that the jump leads to; INSNS_NONE: it leads to its label */
};
#define INSNS_NONE UINT32_MAX

struct insns {
    struct bpf_insn *insns;
    struct code_ref *refs;
    struct insns_jump_at *jumps;
    struct insns_label_at *labels;
    bool *far; /* [jump]: too far for 16 bits; kept from pass to pass */
    uint32_t insn_count, ref_count, jump_count, label_count;
    uint32_t insn_room, ref_room, jump_room, label_room;
    uint32_t relayed;    /* index of the instruction behind the last relays */
    uint64_t skipped_to; /* bit i: a jump without a label leads to the i-th instruction behind the next */
    bool no_gotol;       /* for kernels without gotol: long jumps go by relays */
    bool failed;         /* out of memory */
};

/* Begin a pass: nothing is written, and labels 0 .. labels - 1 exist. */
void insns_begin(struct insns *a, uint32_t labels);
/* Return a new label. */
uint32_t insns_label(struct insns *a);
/* Place the label here. */
void insns_here(struct insns *a, uint32_t label);
/* Write relays, for kernels without gotol; to be called between two steps. If many instructions are behind the last
 * relays, each label that is not placed yet gets a relay here, and jumps to it lead there. All jumps lead forward. */
void insns_relay(struct insns *a);
/* True if a gotol is left after the last pass, because a group of many thousand relays is longer than a jump. */
bool insns_has_gotol(const struct insns *a);
/* End a pass: give jumps their distances. False: some were too far, and another pass is needed. */
bool insns_end(struct insns *a);
void insns_free(struct insns *a);

/* Write one instruction. A jump with a distance skips fewer than INSNS_SKIP instructions; others need insns_jump or
 * insns_jump_if. */
enum { INSNS_SKIP = 64 };
void insns_put(struct insns *a, uint8_t code, unsigned dst, unsigned src, int16_t off, int32_t imm);
/* Write a load of 64 bits: of a number, or of the address or number of a symbol (gen.h) plus `add`. */
void insns_number(struct insns *a, unsigned dst, uint64_t value);
void insns_symbol(struct insns *a, unsigned dst, const char *symbol, uint32_t add);
void insns_call(struct insns *a, const char *symbol);
/* Write a jump to a label. `code`: class and condition, with BPF_K. */
void insns_jump_if(struct insns *a, uint8_t code, unsigned dst, uint32_t imm, uint32_t label);
void insns_jump(struct insns *a, uint32_t label);
