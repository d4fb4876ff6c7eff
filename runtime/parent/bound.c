/* What the parent gives up once the service runs: capabilities but for those of capability.def, and the calls of
 * refused_call.def. A list of the calls that it needs cannot
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

static int refuse_plain(scmp_filter_ctx f)
{
    static const int calls[] = {
#define REFUSED_CALL(name, doc) SCMP_SYS(name),
#include "runtime/parent/refused_call.def"
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof calls / sizeof *calls && !failed; i++)
        failed = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
    return failed;
}

/* Of namespaces only those of the network, for checks by the way of a service (host/aside.h), and these by unshare. The
 * flags of clone3 lie in memory, which a filter does not see: with ENOSYS the C library takes clone. */
static int refuse_namespaces(scmp_filter_ctx f)
{
    static const scmp_datum_t all[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                       CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
    const scmp_datum_t network = CLONE_NEWNET;
    const struct scmp_arg_cmp made = SCMP_A0(SCMP_CMP_NE, network, 0), entered = SCMP_A1(SCMP_CMP_NE, network, 0);
    int failed = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1, made);
    if (!failed) failed = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(setns), 1, entered);
    if (!failed) failed = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    for (size_t i = 0; i < sizeof all / sizeof *all && !failed; i++)
        failed =
            seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, all[i], all[i]));
    return failed;
}

/* Refused, not deadly: a library that tries has another way. */
static int leave_calls(void)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    int failed = f ? refuse_plain(f) : -ENOMEM;
    if (!failed) failed = refuse_namespaces(f);
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
