/* What the parent gives up once the service runs: capabilities but for those of capability.def, and calls by which a
 * process becomes another program or changes the machine beyond the network. A list of the calls that it needs cannot
 * be held: libnftables, libbpf and the C library choose theirs anew with each release, and a missing one would leave
 * guard rules behind. */
#include <cap-ng.h>
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "runtime/parent/parent_priv.h"

static int leave_rights(void)
{
    static const unsigned kept[] = {
#define CAPABILITY(ident, doc) CAP_##ident,
#include "runtime/parent/capability.def"
    };
    unsigned had[sizeof kept / sizeof *kept], count = 0;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (capng_have_capability(CAPNG_EFFECTIVE, kept[i])) had[count++] = kept[i];
    capng_clear(CAPNG_SELECT_ALL);
    for (unsigned i = 0; i < count; i++) capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, had[i]);
    capng_apply(CAPNG_SELECT_BOUNDS); /* where the right to is missing, no_new_privs does the same */
    return capng_apply(CAPNG_SELECT_CAPS) ? -EPERM : 0;
}

/* Refused, not deadly: a library that tries has another way. */
static int leave_calls(void)
{
    static const int calls[] = {SCMP_SYS(execve),
                                SCMP_SYS(execveat),
#ifndef PREY_LOOSE /* how sanitizers look for leaks at the end */
                                SCMP_SYS(ptrace),
#endif
                                SCMP_SYS(process_vm_readv),
                                SCMP_SYS(process_vm_writev),
                                SCMP_SYS(mount),
                                SCMP_SYS(umount2),
                                SCMP_SYS(pivot_root),
                                SCMP_SYS(chroot),
                                SCMP_SYS(init_module),
                                SCMP_SYS(finit_module),
                                SCMP_SYS(delete_module),
                                SCMP_SYS(kexec_load),
                                SCMP_SYS(kexec_file_load),
                                SCMP_SYS(reboot),
                                SCMP_SYS(swapon),
                                SCMP_SYS(swapoff),
                                SCMP_SYS(settimeofday),
                                SCMP_SYS(clock_settime),
                                SCMP_SYS(setuid),
                                SCMP_SYS(setgid),
                                SCMP_SYS(mknodat),
                                SCMP_SYS(add_key),
                                SCMP_SYS(request_key),
                                SCMP_SYS(keyctl),
                                SCMP_SYS(perf_event_open),
                                SCMP_SYS(userfaultfd),
                                SCMP_SYS(sethostname),
                                SCMP_SYS(io_uring_setup)};
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    int failed = f ? 0 : -ENOMEM;
    for (size_t i = 0; i < sizeof calls / sizeof *calls && !failed; i++)
        failed = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
    /* Network namespaces alone: for checks by the way of a service (host/aside.h). */
    const scmp_datum_t network = CLONE_NEWNET;
    const struct scmp_arg_cmp made = SCMP_A0(SCMP_CMP_NE, network, 0), entered = SCMP_A1(SCMP_CMP_NE, network, 0);
    if (!failed) failed = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1, made);
    if (!failed) failed = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(setns), 1, entered);
    if (!failed) failed = seccomp_load(f);
    seccomp_release(f);
    return failed;
}

static int bound(void)
{
    int failed = capng_get_caps_process() ? -EPERM : leave_rights();
    if (!failed && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) failed = -errno;
    return failed ? failed : leave_calls();
}

void parent_bound(const struct parent *p)
{
    const int failed = bound();
    if (!failed) return;
    kill(p->child, SIGTERM);
    parent_say("the parent process can't give up rights that it needs no more: %s", strerror(-failed));
}
