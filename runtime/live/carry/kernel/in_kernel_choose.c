/* The choice of the kernel executor, and the programs that it can take. */
#include <stdio.h>
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/kernel/object/refused.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"
#include "vm/kernel/gate.h"

static bool stands(struct obstacle *o, const char *why)
{
    *o = (struct obstacle){0};
    snprintf(o->why, sizeof o->why, "%s", why);
    return true;
}

bool in_kernel_obstacle(const struct carry *carry, struct obstacle *o)
{
    for (unsigned i = 0; i < carry->o->iface_count; i++) {
        const struct host_link *link = host_link_named(carry->host, carry->o->ifaces[i]);
        if (link && link->loopback) return stands(o, "the loopback has no XDP");
        if (link && !carry->latest && xdp_refuses_mtu(link->name, link->mtu, sizeof(struct kernel_note), o))
            return true;
    }
    if (carry->o->bridge_count) return stands(o, "--bridge is carried by this process, not in the kernel");
    if (program_guards(carry->now.program) != PBC_NONE)
        return stands(o, "a branch of mode observe holds packets back, which is done in this process");
    if (carry->o->io == OPTIONS_IO_PACKET) return stands(o, "--io packet shows frames to this process alone");
    if (!io_XDP.open) return stands(o, "this preyrun was built without clang (make KERNEL=0)");
    *o = carry->kernel_lacks;
    return *o->why;
}

static void say_auto(struct carry *carry, bool in_kernel, const char *why)
{
    carry->in_kernel = in_kernel;
    snprintf(carry->exec_why, sizeof carry->exec_why, "%s", why);
    if (in_kernel || carry->o->exec == OPTIONS_EXEC_AUTO)
        fprintf(stderr, "--exec auto: %s, because %s\n", in_kernel ? "kernel" : "user", why);
}

/* Choose the kernel where this process could only watch. enforce_all refuses what neither can enforce. */
static void choose_auto(struct carry *carry)
{
    char why[600];
    struct obstacle o;
    const struct program *p = carry->now.program;
    const bool enforced = enforce_all(carry, p, why, sizeof why);
    if (!enforced) refused_here(&carry->kernel_lacks);
    const bool barred =
        !enforced && (carry->o->io == OPTIONS_IO_XDP ? stands(&o, "--io xdp shows frames to this process")
                                                     : in_kernel_obstacle(carry, &o));
    if (barred)
        obstacle_text(&o, why, sizeof why);
    else if (!enforced)
        enforce_watched(carry, p, why, sizeof why);
    say_auto(carry, !enforced && !barred,
             !enforced           ? why
             : carry->o->monitor ? "--monitor asks for no more than watching"
                                 : "this process enforces all that the rules say");
}

int in_kernel_choose(struct carry *carry)
{
    if (carry->o->exec == OPTIONS_EXEC_UNSET || carry->o->exec == OPTIONS_EXEC_AUTO) {
        choose_auto(carry);
        return 0;
    }
    const bool asked = carry->o->exec == OPTIONS_EXEC_KERNEL;
    struct obstacle o;
    const bool barred = asked && in_kernel_obstacle(carry, &o);
    snprintf(carry->exec_why, sizeof carry->exec_why, "--exec %s was given", asked ? "kernel" : "user");
    carry->in_kernel = asked && !barred;
    if (!barred) return 0;
    char what[400], why[OBSTACLE_TEXT];
    const bool watched = !carry->o->monitor && enforce_watched(carry, carry->now.program, what, sizeof what);
    return complain("--exec kernel: %s; this does: --exec user%s", obstacle_text(&o, why, sizeof why),
                    watched ? " --monitor" : "");
}

void in_kernel_why(struct carry *carry)
{
    if (!carry->in_kernel || carry->o->exec == OPTIONS_EXEC_KERNEL) return;
    if (!enforce_watched(carry, carry->now.program, carry->exec_why, sizeof carry->exec_why))
        snprintf(carry->exec_why, sizeof carry->exec_why, "the rules at the start needed it; these do not");
}

bool in_kernel_takes(const struct carry *carry, const struct program *p, char *why, size_t len)
{
    const char *lack = carry->kernel ? flows_lack(carry->kernel->kernel, p) : NULL;
    if (!lack && program_guards(p) != PBC_NONE) {
        snprintf(why, len,
                 "--exec kernel: a branch of mode observe holds packets back, which is done in user space "
                 "alone: a restart with --exec user does it");
        return false;
    }
    if (lack)
        snprintf(why, len, "--exec kernel: these rules %s, and those before did not: a restart makes the tables for it",
                 lack);
    return !lack;
}
