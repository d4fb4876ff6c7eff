/* The kernel's compiler for programs, which may be off: then they are interpreted, and functions of theirs cannot be
 * called. */
#pragma once

#include <bpf/bpf.h>
#include <stdbool.h>
#include <stdint.h>

/* Is it off? A program that was loaded, a descriptor, is asked whether it was compiled: the setting itself is out of
 * sight in other network namespaces than the machine's own. */
static inline bool jit_is_off(int program)
{
    struct bpf_prog_info info = {0};
    uint32_t len = sizeof info;
    return !bpf_obj_get_info_by_fd(program, &info, &len) && info.xlated_prog_len && !info.jited_prog_len;
}

/* What mends it. */
#define JIT_ON                                                                                                         \
    "sysctl -w net.core.bpf_jit_enable=1, in the machine's own network namespace, for others do not have that setting"
