/* Linux before 6.8 assumes that a pointer argument of a global function may be NULL, regardless of its type
 * ("arg:nonnull"). So in the counted form each such function begins with a test of those pointers, and returns 0. */
#include <bpf/btf.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/object/object_priv.h"

enum { ARGUMENTS = 5, TEST = 3 /* instructions per test */ };

/* Return the arguments that are never NULL by the function's tags; bit i: argument i. */
static uint32_t tagged(const struct object_file *f, int function)
{
    uint32_t arguments = 0;
    for (uint32_t i = 1; i < btf__type_cnt(f->types); i++) {
        const struct btf_type *t = btf__type_by_id(f->types, i);
        if (!btf_is_decl_tag(t) || (int)t->type != function) continue;
        const int argument = btf_decl_tag(t)->component_idx;
        if (argument >= 0 && !strcmp(btf__name_by_offset(f->types, t->name_off), "arg:nonnull"))
            arguments |= 1u << argument;
    }
    return arguments;
}

static uint32_t write_tests(struct bpf_insn *to, uint32_t arguments)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < ARGUMENTS; i++) {
        if (!(arguments >> i & 1)) continue;
        to[n++] = (struct bpf_insn){.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = (BPF_REG_1 + i) & 15, .off = 2};
        to[n++] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0};
        to[n++] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
    }
    return n;
}

/* Move all references and lines by `by` instructions, but not the first line. */
static void move_refs(struct object_function *to, uint32_t by)
{
    struct code_ref *const refs = (struct code_ref *)(uintptr_t)to->code.refs;
    struct object_line *const lines = (struct object_line *)(uintptr_t)to->lines;
    for (uint32_t i = 0; i < to->code.ref_count; i++) refs[i].at += by;
    for (uint32_t i = 0; i < to->line_count; i++)
        if (lines[i].at) lines[i].at += by;
}

bool object_test_pointers(const struct object_file *f, const char *name, struct object_function *to)
{
    const int function = btf__find_by_name_kind(f->types, name, BTF_KIND_FUNC);
    const uint32_t arguments = tagged(f, function);
    if (to->is_own || !arguments) return true;
    struct bpf_insn *insns = malloc((to->code.count + ARGUMENTS * TEST) * sizeof *insns);
    if (!insns) return false;
    const uint32_t tests = write_tests(insns, arguments);
    memcpy(insns + tests, to->code.insns, to->code.count * sizeof *insns);
    free((void *)(uintptr_t)to->code.insns);
    to->code.insns = insns;
    to->code.count += tests;
    move_refs(to, tests);
    return true;
}
