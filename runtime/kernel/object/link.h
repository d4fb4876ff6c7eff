/* The linker: one program of the kernel, from the functions that its entry reaches. */
#pragma once

#include <stdbool.h>

#include "runtime/kernel/object/object.h"

/* What a name that is no function stands for. */
struct link_value {
    enum link_kind { LINK_NUMBER, LINK_MAP, LINK_ADDRESS } kind;
    int map;         /* descriptor, of MAP and ADDRESS */
    uint64_t number; /* NUMBER; of ADDRESS: bytes into the map's value, at most 32 bits */
};
/* False: the name is not known. */
typedef bool link_value_fn(void *arg, const char *name, struct link_value *v);

/* A function's place in the program. */
struct linked_function {
    const char *name;
    uint32_t first; /* instruction */
};
/* Ready for BPF_PROG_LOAD. */
struct linked {
    struct bpf_insn *insns;
    uint32_t count;
    struct bpf_func_info *types;
    uint32_t function_count;
    struct linked_function *functions; /* ascending; names live as long as objects and code */
    struct bpf_line_info *lines;
    uint32_t line_count;
};

/* The function `entry` and all that it reaches, of the objects and of `code` (NULL: none). Call linked_fini in any
 * case. 0 or a negative errno with one line in err. */
int link_program(const struct objects *o, const struct code *code, const char *entry, link_value_fn *value, void *arg,
                 struct linked *l, char *err, size_t err_len);
void linked_fini(struct linked *l);

/* The function that the instruction is of. */
const char *linked_name(const struct linked *l, uint32_t insn);
