/* Jumps of generated code: in a function of any length each reaches its label, by relays if 16 bits aren't enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vm/kernel/gen/insns.h"

enum { STEPS = 60000, EXITS = 3, ASKED = 7, JUMP_EVERY = 1001 };
enum { R0, R1 };

static void put_exit(struct insns *a, uint32_t result)
{
    insns_put(a, BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, (int32_t)result);
    insns_put(a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Write steps: every seventh tests if r1 is its number and then leaves by one of the exits; some jump over an end. */
static void write_pass(struct insns *a)
{
    insns_begin(a, EXITS);
    for (uint32_t i = 0; i < STEPS; i++) {
        insns_relay(a);
        if (i % ASKED == 0) {
            insns_jump_if(a, BPF_JMP32 | BPF_JEQ | BPF_K, R1, i, i % EXITS);
        } else if (i % JUMP_EVERY == 0) {
            const uint32_t over = insns_label(a);
            insns_jump_if(a, BPF_JMP32 | BPF_JNE | BPF_K, R1, i, over);
            put_exit(a, i);
            insns_relay(a);
            insns_here(a, over);
        } else {
            insns_put(a, BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, 0);
        }
    }
    for (uint32_t exit = 0; exit < EXITS; exit++) {
        insns_here(a, exit);
        put_exit(a, exit + 1);
    }
}

/* Return the function's result for r1; UINT32_MAX: it doesn't end. `seen`: instructions that ran. */
static uint32_t run(const struct insns *a, uint32_t r1, bool *seen)
{
    uint32_t r0 = 0, pc = 0;
    for (uint32_t steps = 0; steps < 2 * STEPS && pc < a->insn_count; steps++) {
        const struct bpf_insn *n = &a->insns[pc];
        seen[pc++] = true;
        switch (n->code) {
        case BPF_ALU64 | BPF_MOV | BPF_K: r0 = (uint32_t)n->imm; break;
        case BPF_JMP | BPF_EXIT: return r0;
        case BPF_JMP | BPF_JA: pc = (uint32_t)((int32_t)pc + n->off); break;
        case BPF_JMP32 | BPF_JEQ | BPF_K: pc = (uint32_t)((int32_t)pc + (r1 == (uint32_t)n->imm ? n->off : 0)); break;
        case BPF_JMP32 | BPF_JNE | BPF_K: pc = (uint32_t)((int32_t)pc + (r1 != (uint32_t)n->imm ? n->off : 0)); break;
        default: fail_msg("an instruction that no kernel before 6.6 knows: %#x", n->code);
        }
    }
    return UINT32_MAX;
}

static void test_relays_lead_on(void **state)
{
    struct insns a = {.no_gotol = true};
    (void)state;
    write_pass(&a);
    assert_true(insns_end(&a));
    assert_false(a.failed);
    bool *const seen = calloc(a.insn_count, sizeof *seen);
    assert_non_null(seen);
    for (uint32_t i = 0; i < STEPS; i += ASKED) {
        if (i % (ASKED * 97) == 0 || i > STEPS - 1000 || i < 1000) assert_int_equal(run(&a, i, seen), i % EXITS + 1);
    }
    for (uint32_t i = JUMP_EVERY; i < STEPS; i += JUMP_EVERY)
        if (i % ASKED) assert_int_equal(run(&a, i, seen), i);
    assert_int_equal(run(&a, STEPS, seen), 1); /* no step matches: it falls through to the first exit */
    for (uint32_t i = 0; i < a.insn_count; i++)
        if (!seen[i]) fail_msg("instruction %u of %u is not reached", i, a.insn_count);
    free(seen);
    insns_free(&a);
}

/* If the last instruction is an exit, and nothing leads behind it, there is no jump over relays, because verifiers
 * reject unreachable code. */
static void test_nothing_is_unreached(void **state)
{
    struct insns a = {.no_gotol = true};
    (void)state;
    insns_begin(&a, 2);
    insns_jump_if(&a, BPF_JMP32 | BPF_JEQ | BPF_K, R1, 1, 0);
    insns_jump_if(&a, BPF_JMP32 | BPF_JEQ | BPF_K, R1, 2, 1);
    for (uint32_t i = 0; i < STEPS / 3; i++) insns_put(&a, BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, 0);
    put_exit(&a, 9);
    insns_relay(&a);
    insns_here(&a, 0);
    put_exit(&a, 1);
    insns_here(&a, 1);
    put_exit(&a, 2);
    assert_true(insns_end(&a));
    bool *const seen = calloc(a.insn_count, sizeof *seen);
    assert_non_null(seen);
    for (uint32_t r1 = 0; r1 < 3; r1++) assert_int_equal(run(&a, r1, seen), r1 ? r1 : 9);
    for (uint32_t i = 0; i < a.insn_count; i++) assert_true(seen[i]);
    free(seen);
    insns_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relays_lead_on),
        cmocka_unit_test(test_nothing_is_unreached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
