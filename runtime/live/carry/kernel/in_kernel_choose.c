/* When the executor in the kernel is taken, and which programs it takes. */
#include <stdio.h>
#include <string.h>

#include "runtime/kernel/object/refused.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"
#include "runtime/live/main/start.h"
#include "vm/kernel/gate.h"

const char *in_kernel_obstacle(const struct live *l)
{
    static char why[200];
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const struct host_link *link = host_link_named(l->host, l->o->ifaces[i]);
        if (link && link->loopback) return "the loopback has no XDP";
        if (link && !l->latest && xdp_refuses_mtu(link->name, link->mtu, sizeof(struct kernel_note), why, sizeof why))
            return why;
    }
    if (l->o->bridge_count) return "a bridge is carried by this process";
    if (l->o->io == OPTIONS_IO_PACKET) return "--io packet shows frames to this process alone";
    if (!io_XDP.open) return "this preyrun was built without clang (make KERNEL=0)";
    return *l->kernel_lacks ? l->kernel_lacks : NULL;
}

/* What this machine lacks for it: the reason, without what helps where it is asked for. */
static void find_lacks(struct live *l)
{
    refused_here(l->kernel_lacks, sizeof l->kernel_lacks);
    char *remedy = strstr(l->kernel_lacks, ": ");
    if (remedy) *remedy = 0;
}

static void say_auto(struct live *l, bool in_kernel, const char *why)
{
    l->in_kernel = in_kernel;
    snprintf(l->exec_why, sizeof l->exec_why, "%s", why);
    if (in_kernel || l->o->exec == OPTIONS_EXEC_AUTO)
        fprintf(stderr, "--exec auto: %s, for %s\n", in_kernel ? "kernel" : "user", why);
}

/* The kernel is taken where this process could only watch; start_enforces refuses what neither enforces. */
static void choose_auto(struct live *l)
{
    char why[600];
    const struct program *p = l->now.program;
    const char *no = NULL;
    const bool enforced = start_enforces(l, p, why, sizeof why);
    if (!enforced) find_lacks(l);
    if (!enforced) no = l->o->io == OPTIONS_IO_XDP ? "--io xdp shows frames to this process" : in_kernel_obstacle(l);
    if (!enforced && !no) start_watched(l, p, why, sizeof why);
    say_auto(l, !enforced && !no,
             no              ? no
             : !enforced     ? why
             : l->o->monitor ? "--monitor asks for no more than watching"
                             : "this process enforces all that the rules say");
}

int in_kernel_choose(struct live *l)
{
    if (l->o->exec == OPTIONS_EXEC_SILENT || l->o->exec == OPTIONS_EXEC_AUTO) {
        choose_auto(l);
        return 0;
    }
    const bool asked = l->o->exec == OPTIONS_EXEC_KERNEL;
    const char *no = asked ? in_kernel_obstacle(l) : NULL;
    snprintf(l->exec_why, sizeof l->exec_why, "--exec %s is said", asked ? "kernel" : "user");
    l->in_kernel = asked && !no;
    return no ? live_complain("--exec kernel: %s; this does: --exec user", no) : 0;
}

void in_kernel_why(struct live *l)
{
    if (!l->in_kernel || l->o->exec == OPTIONS_EXEC_KERNEL) return;
    if (!start_watched(l, l->now.program, l->exec_why, sizeof l->exec_why))
        snprintf(l->exec_why, sizeof l->exec_why, "the rules at the start needed it; these do not");
}

bool in_kernel_takes(const struct live *l, const struct program *p, char *why, size_t len)
{
    const char *lack = l->kernel ? flows_lack(l->kernel->kernel, p) : NULL;
    if (lack)
        snprintf(why, len, "--exec kernel: these rules %s, and those before did not: a restart makes the tables for it",
                 lack);
    return !lack;
}
