#include "runtime/kernel/maps/form.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include "vm/kernel/gen/insns.h"

/* Where nothing may be loaded at all, the stages say so. */
bool form_is_counted(void)
{
    static const struct bpf_insn loop[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K},
                                           {.code = INSN_MAY_GOTO, .off = 1},
                                           {.code = BPF_JMP | BPF_JA, .off = -2},
                                           {.code = BPF_JMP | BPF_EXIT}};
    const int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "may_goto", "Dual BSD/GPL", loop, sizeof loop / sizeof *loop, NULL);
    if (fd >= 0) close(fd);
    return fd < 0;
}
