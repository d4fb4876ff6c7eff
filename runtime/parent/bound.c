/* Privileges that the parent gives up once the service runs: all capabilities but those of capability.def, and the
 * calls of refused_call.def. A list of allowed calls would not last: libnftables, libbpf and the C library choose
 * their calls again with each release, and a missing call would leave guard rules behind.
 *
 * Work that needs CAP_SYS_ADMIN is done before, even if only a reload may use it: a network namespace
 * (host/device/aside.h), and the packet sockets' filter. For that filter, libbpf searches the types of modules on
 * kernels that lack a function which the filter may call. */
#include <cap-ng.h>
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "runtime/io/io.h"
#include "runtime/parent/between/confined.h"
#include "runtime/parent/parent_priv.h"

static int leave_rights(bool xdp_replace)
{
    static const struct {
        unsigned right;
        enum { ALWAYS, XDP_REPLACE } when;
    } kept[] = {
#define CAPABILITY(ident, when, doc) {CAP_##ident, when},
#include "runtime/parent/capability.def"
    };
    unsigned had[sizeof kept / sizeof *kept], count = 0;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if ((kept[i].when == ALWAYS || xdp_replace) && capng_have_capability(CAPNG_EFFECTIVE, kept[i].right))
            had[count++] = kept[i].right;
    return confined_capabilities(had, count);
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

/* Refuse namespaces by flags of clone. The flags of clone3 are in memory that a filter can't see; on ENOSYS the C
 * library calls clone. */
static int refuse_namespaces(scmp_filter_ctx f)
{
    static const scmp_datum_t all[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                       CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
    int failed = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    for (size_t i = 0; i < sizeof all / sizeof *all && !failed; i++)
        failed =
            seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, all[i], all[i]));
    return failed;
}

/* Make refused calls fail, not kill: a library that tries such a call has a fallback */
static int leave_calls(void)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    int failed = f ? refuse_plain(f) : -ENOMEM;
    if (!failed) failed = refuse_namespaces(f);
    if (!failed) failed = seccomp_load(f);
    seccomp_release(f);
    return failed;
}

/* Bound the calling thread */
static int bound(bool xdp_replace)
{
    int failed = capng_get_caps_process() ? -EPERM : leave_rights(xdp_replace);
    if (!failed && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) failed = -errno;
    return failed ? failed : leave_calls();
}

static int bound_aside(void) { return bound(false); }

void parent_bound(struct parent *p)
{
    p->check_stack =
        aside_new("a health check through a service", bound_aside, p->no_check_stack, sizeof p->no_check_stack);
    p->inline_stack = aside_again(p->takes_stack ? p->stack_ns : -1, "a service in `mode proxy inline`", bound_aside,
                                  p->no_inline_stack, sizeof p->no_inline_stack);
    if (p->takes_stack) close(p->stack_ns);
    if (p->takes_stack && !p->inline_stack) complain("inline connections: %s", p->no_inline_stack);
    p->takes_stack = false;
    if (!p->in_kernel) io_filter(&p->maker); /* the kernel executor has no packet sockets */
    const int failed = bound(p->o->xdp_replace);
    if (!failed) return;
    kill(p->child, SIGTERM);
    complain("the parent process can't drop the privileges that it no longer needs: %s", strerror(-failed));
}
