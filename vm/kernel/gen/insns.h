/* Writing BPF instructions: labels, jumps of any distance, symbols. One function at a time, in passes: jumps that turn
 * out to be too far for 16 bits are written as two in the next pass. */
#pragma once

#include <stdbool.h>

#include "vm/kernel/gen/code.h"

/* Of a jump without condition, of any distance: a call's and an exit's class with a 32 bit offset (since Linux 6.6),
 * for those that 16 bits do not reach. */
#define INSN_GOTOL (BPF_JMP32 | BPF_JA)
/* The jump that is taken when a program has looped too often (since Linux 6.9): its code, and its source. */
#define INSN_MAY_GOTO (BPF_JMP | 0xe0)

struct insns_label_at {
    uint32_t at;    /* the instruction that it stands before; INSNS_NONE: it is still to come */
    uint32_t relay; /* its last relay, or INSNS_NONE */
};
struct insns_jump_at {
    uint32_t at, label;
    uint32_t relay; /* the instruction of a relay that it leads to, which leads on; INSNS_NONE: straight to its label */
};
#define INSNS_NONE UINT32_MAX

struct insns {
    struct bpf_insn *insns;
    struct code_ref *refs;
    struct insns_jump_at *jumps;
    struct insns_label_at *labels;
    bool *far; /* [jump]: kept from pass to pass */
    uint32_t insn_count, ref_count, jump_count, label_count;
    uint32_t insn_room, ref_room, jump_room, label_room;
    uint32_t relayed;    /* the instruction behind the last relays */
    uint64_t skipped_to; /* bit i: a jump leads over others to the instruction that is i behind the next */
    bool no_gotol;       /* for kernels without it: long jumps go by relays */
    bool failed;         /* memory is out */
};

/* A pass begins: nothing is written, and labels 0 .. labels - 1 are there. */
void insns_begin(struct insns *a, uint32_t labels);
/* One more label. */
uint32_t insns_label(struct insns *a);
/* It stands here. */
void insns_here(struct insns *a, uint32_t label);
/* Between two steps, for kernels without gotol: where many instructions stand behind the last relays, each label that
 * is still to come gets one here, and jumps to it lead there. All jumps lead forward. */
void insns_relay(struct insns *a);
/* After the last pass: is there a gotol all the same? Relays of many thousand labels reach no further than themselves.
 */
bool insns_has_gotol(const struct insns *a);
/* The pass ends: jumps are given their distances. False: some were too far, and another pass is needed. */
bool insns_end(struct insns *a);
void insns_free(struct insns *a);

/* One instruction. A jump with a distance leads over fewer than INSNS_SKIP; others are for insns_jump and
 * insns_jump_if. */
enum { INSNS_SKIP = 64 };
void insns_put(struct insns *a, uint8_t code, unsigned dst, unsigned src, int16_t off, int32_t imm);
/* Loads of 64 bits: a number; the address, or number, that a symbol stands for (code.h), and `add` behind it. */
void insns_number(struct insns *a, unsigned dst, uint64_t value);
void insns_symbol(struct insns *a, unsigned dst, const char *symbol, uint32_t add);
void insns_call(struct insns *a, const char *symbol);
/* `code`: class and condition, with BPF_K. */
void insns_jump_if(struct insns *a, uint8_t code, unsigned dst, uint32_t imm, uint32_t label);
void insns_jump(struct insns *a, uint32_t label);
