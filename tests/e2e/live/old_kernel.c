/* A kernel before 5.17, preloaded before preyrun: it takes no program with may_goto or a callback, and says its
 * version. */
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

static int has_loop(const union bpf_attr *attr)
{
    const struct bpf_insn *insns = (const struct bpf_insn *)(unsigned long)attr->insns;
    for (unsigned i = 0; i < attr->insn_cnt; i++)
        if (insns[i].code == (BPF_JMP | 0xe0) ||
            (insns[i].code == (BPF_LD | BPF_DW | BPF_IMM) && insns[i].src_reg == BPF_PSEUDO_FUNC))
            return 1;
    return 0;
}

long syscall(long number, ...)
{
    long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    long a[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_bpf && a[0] == BPF_PROG_LOAD && has_loop((const union bpf_attr *)a[1])) {
        errno = EINVAL;
        return -1;
    }
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int uname(struct utsname *u)
{
    int (*next)(struct utsname *) = (int (*)(struct utsname *))dlsym(RTLD_NEXT, "uname");
    const int status = next(u);
    snprintf(u->release, sizeof u->release, "5.15.0-91-generic");
    return status;
}
