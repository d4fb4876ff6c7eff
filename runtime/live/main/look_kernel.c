#include "runtime/live/main/look_kernel.h"

#include <stdio.h>

#include "runtime/base/complain.h"
#include "runtime/base/obstacle.h"
#include "runtime/host/hook/hooks.h"
#include "runtime/kernel/object/refused.h"
#include "runtime/kernel/prove.h"
#include "runtime/kernel/run/facts.h"
#include "runtime/live/main/live.h"
#include "runtime/live/main/state.h"

/* What is pinned goes on judging after a kill, and after an end that is to be closed. */
static int look_at_pins(const struct live *l)
{
    const bool closed = l->o->on_exit == OPTIONS_END_CLOSED;
    if (hooks_last()) return 0;
    const int status =
        complain("%s%s is no file system of BPF's that can be written, so %s; this mends it: mount -t bpf bpf %s",
                 closed ? "--on-exit closed: " : "notice: ", HOOKS_FILES,
                 closed ? "nothing would go on judging" : "a kill would leave nothing that judges", HOOKS_FILES);
    return closed ? status : 0;
}

static unsigned number_of(const struct live *l, unsigned at)
{
    const struct host_link *link = host_link_named(l->carry.host, l->o->ifaces[at]);
    return link ? link->ifindex : 0;
}

/* Stages tell interfaces apart by the lowest bits of their numbers. */
static int look_at_numbers(const struct live *l)
{
    for (unsigned i = 0; i < l->o->iface_count; i++)
        for (unsigned k = 0; k < i; k++) {
            const unsigned a = number_of(l, k), b = number_of(l, i);
            if (a && b && a != b && a % KERNEL_PORTS == b % KERNEL_PORTS)
                return complain("--exec kernel: the numbers of %s and %s, %u and %u, are a multiple of %u apart; this "
                                "mends it: %s made anew",
                                l->o->ifaces[k], l->o->ifaces[i], a, b, (unsigned)KERNEL_PORTS, l->o->ifaces[i]);
        }
    return 0;
}

/* Stages look single addresses up. */
static int look_at_networks(const struct live *l)
{
    const struct host_self self = host_self(l->carry.host);
    bool whole = self.left_out;
    for (unsigned i = 0; i < self.v6_count; i++)
        whole |= self.v6[i].lo_hi != self.v6[i].hi_hi || self.v6[i].lo_lo != self.v6[i].hi_lo;
    if (!whole) return 0;
    return complain(
        "--exec kernel: a whole network is this machine's own (ip route show table local type local, ip -6 "
        "route show table local type local), and programs in the kernel know single addresses: --exec user");
}

/* What leaves is judged by a link of traffic control, or a filter. */
static int look_at_hooks(const struct live *l)
{
    struct hooks_where where[OPTIONS_IFACES];
    char err[300];
    for (unsigned i = 0; i < l->o->iface_count; i++)
        where[i] = (struct hooks_where){l->o->name, l->o->ifaces[i], number_of(l, i)};
    return hooks_lack(where, l->o->iface_count, err, sizeof err) ? complain("--exec kernel: %s", err) : 0;
}

/* As the parent does it at a start. */
static int try_program(const struct program *p)
{
    char err[500], frames[TEXT_NUMBER], lasted[TEXT_NUMBER];
    struct proof proof;
    const struct kernel_cfg cfg = {.hooks = KERNEL_XDP | KERNEL_TC, .live = true, .seed = 1};
    struct kernel *k = kernel_new(p, &cfg, err, sizeof err);
    struct judge *j = k ? kernel_prepare(k, p, err, sizeof err) : NULL;
    const bool good = j && !kernel_prove_prepared(k, j, p, &proof, err, sizeof err);
    kernel_discard(j);
    kernel_free(k);
    if (!good) return complain("--exec kernel: %s", err);
    complain("notice: tcpdump here does not see what the kernel drops; this shows it: preyctl capture -w FILE");
    if (proof.frames)
        fprintf(stderr, "preflight: the kernel takes the program, proved by %s frames in %s\n",
                text_number(proof.frames, frames), text_duration(proof.ns, lasted));
    else
        fprintf(stderr, "preflight: the kernel takes the program, which has no rule to prove\n");
    return 0;
}

int look_at_kernel(const struct live *l)
{
    struct obstacle o;
    char why[OBSTACLE_TEXT];
    if (refused_here(&o))
        return complain("--exec kernel: %s; --exec user does without", obstacle_text(&o, why, sizeof why));
    const int status = look_at_numbers(l) | look_at_networks(l) | look_at_hooks(l) | look_at_pins(l);
    return l->o->preflight && !status ? try_program(l->carry.now.program) : status;
}
