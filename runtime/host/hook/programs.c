/* Loads an empty program to detect an interpreter; reads /sys for missing types and a lockdown */
#include "runtime/host/hook/programs.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "runtime/host/hook/jit.h"
#include "runtime/host/proc_priv.h"

/* True if programs are interpreted, tested with a program that does nothing */
static bool interpreted(void)
{
    const struct bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
    const int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "probe", "Dual BSD/GPL", code, 2, NULL);
    const bool is = fd >= 0 && jit_is_off(fd);
    if (fd >= 0) close(fd);
    return is;
}

static bool locked_down(void)
{
    char text[80] = "";
    return !proc_read("/sys/kernel/security/lockdown", text, sizeof text) && strstr(text, "[confidentiality]");
}

const char *programs_lack(int failed)
{
    if (failed == -EPERM || failed == -EACCES)
        return "the kernel doesn't let preyrun load eBPF programs: the capability BPF, NET_ADMIN or PERFMON is "
               "missing, or a "
               "container's or a security module's rules forbid it (dmesg or the audit log shows which)";
    if (failed == -ENOMEM) return "out of memory: raise the limit (MemoryMax= of a systemd unit)";
    if (failed == -E2BIG) return "the eBPF program is longer than the kernel allows";
    if (interpreted())
        return "the kernel interprets eBPF programs, which then may not call functions; to fix it, run: " JIT_ON;
    if (access("/sys/kernel/btf/vmlinux", R_OK))
        return "the kernel has no type information (BTF): /sys/kernel/btf/vmlinux is missing (CONFIG_DEBUG_INFO_BTF)";
    if (locked_down())
        return "the kernel is locked down (lockdown=confidentiality), and before Linux 6.2 prey's programs need to "
               "read kernel memory; lockdown=integrity allows that";
    return NULL;
}
