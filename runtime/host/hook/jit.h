/* The kernel's compiler for BPF programs. If it is off, programs are interpreted, and can't call their own
 * functions. */
#pragma once

#include <bpf/bpf.h>
#include <stdbool.h>
#include <stdint.h>

/* True if the compiler is off, found from a loaded program (a descriptor): the setting itself is hidden in network
 * namespaces other than the machine's own */
static inline bool jit_is_off(int program)
{
    struct bpf_prog_info info = {0};
    uint32_t len = sizeof info;
    return !bpf_obj_get_info_by_fd(program, &info, &len) && info.xlated_prog_len && !info.jited_prog_len;
}

/* Remedy if it is off */
#define JIT_ON                                                                                                         \
    "sysctl -w net.core.bpf_jit_enable=1 (in the machine's own network namespace; other namespaces lack this setting)"
