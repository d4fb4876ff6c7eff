/* See in_kernel.h. The parent makes maps, loads programs and puts them on interfaces; here their descriptors are known,
 * and what is true of the world is written into the maps. */
#include "runtime/live/in_kernel.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/host/offload.h"
#include "runtime/kernel/adopt.h"
#include "runtime/kernel/ask.h"
#include "runtime/live/start.h"
#include "vm/judge/judge.h"
#include "vm/kernel/note.h"

struct in_kernel {
    struct kernel *kernel;
    struct judge *next;   /* of the program that a reload is about to put in force */
    struct asker asker;   /* the worker's */
    struct vm_kernel ops; /* likewise */
};

/* ---- chosen ---- */

/* NULL: nothing of the command line stands in the way. */
static const char *refusal(const struct live *l)
{
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const struct host_link *link = host_link_named(l->host, l->o->ifaces[i]);
        if (link && link->loopback) return "the loopback has no XDP";
        if (link && !xdp_frame_most(link->mtu)) return "an interface's MTU is above 61,000";
    }
    if (l->o->bridge_count) return "a bridge is carried by this process";
    if (l->o->monitor) return "--monitor watches, and the kernel enforces";
    if (l->o->record) return "--record keeps what this process judges";
    if (l->o->io == OPTIONS_IO_PACKET) return "--io packet shows frames to this process alone";
    return io_XDP.open ? NULL : "this preyrun was built without clang (make KERNEL=0)";
}

int in_kernel_choose(struct live *l)
{
    const bool asked = l->o->exec == OPTIONS_EXEC_KERNEL;
    const char *no = asked ? refusal(l) : NULL;
    if (no) return live_complain("--exec kernel: %s; this does: --exec user", no);
    l->in_kernel = asked;
    return 0;
}

/* ---- made ---- */

/* For the worker, of what came up undecided, or lay in a tunnel. A kernel that does not answer lets nothing by. */
static uint64_t judge_there(void *arg, const struct key *key, const struct pkt *pkt, const struct effects *e)
{
    uint64_t decision;
    const int failed = ask_judge(arg, key, pkt, e, clock_ns(CLOCK_MONOTONIC), &decision);
    return failed ? decided_by_nobody(ACTION_DROP) : decision;
}

int in_kernel_begin(struct live *l)
{
    char err[500] = "out of memory";
    struct in_kernel *k = l->kernel = calloc(1, sizeof *k);
    const struct program *p = l->now.program;
    if (!k || ask_kernel(l->channel, p, &k->kernel, err, sizeof err) || !in_kernel_prepare(l, p, err, sizeof err) ||
        in_kernel_swap(l))
        return live_complain("--exec kernel: %s", err);
    asker_init(&k->asker, k->kernel, 0);
    k->ops = (struct vm_kernel){.arg = &k->asker, .judge = judge_there};
    return 0;
}

const struct vm_kernel *in_kernel_ops(const struct live *l) { return l->kernel ? &l->kernel->ops : NULL; }
const uint32_t *in_kernel_in_force(const struct live *l)
{
    return l->kernel ? &kernel_world(l->kernel->kernel)->program : NULL;
}

void in_kernel_close(struct live *l)
{
    if (!l->kernel) return;
    kernel_discard(l->kernel->next);
    kernel_free(l->kernel->kernel);
    free(l->kernel);
    l->kernel = NULL;
}

/* ---- interfaces ---- */

/* The slots serve the longest frames of all as they were at the start, behind a note. */
static unsigned frame_most(struct live *l)
{
    uint32_t mtu = 0;
    for (unsigned i = 0; i < l->o->iface_count && !l->frame_most; i++) {
        const struct host_link *link = host_link(l->host, l->ifindex[i]);
        if (link && link->mtu > mtu) mtu = link->mtu;
    }
    if (!l->frame_most) l->frame_most = xdp_frame_most(mtu + (uint32_t)sizeof(struct kernel_note));
    return l->frame_most;
}

/* Tags that a card takes off XDP does not see, nor what it joins. */
int in_kernel_open(struct live *l, unsigned at, struct io_ask *ask)
{
    char err[300];
    const unsigned change = OFFLOAD_LRO | OFFLOAD_GROHW | OFFLOAD_RXVLAN | OFFLOAD_RXSTAG;
    ask->ports = (uint8_t)l->o->iface_count;
    ask->workers = (uint8_t)l->worker_count;
    ask->frame_most = frame_most(l);
    ask->noted = true;
    if (ask->worker || !ask_offloads(l->channel, at, change, err, sizeof err)) return 0;
    return live_fault(l, "%s", err);
}

int in_kernel_port(struct live *l, unsigned at)
{
    char err[400];
    bool generic, pinned;
    if (ask_hooks(l->channel, at, &generic, &pinned, err, sizeof err))
        return live_fault(l, "%s: %s", l->o->ifaces[at], err);
    l->generic |= generic;
    if (!pinned && !at)
        live_complain("notice: /sys/fs/bpf is no file system of BPF's, so a kill would leave nothing that judges; this "
                      "mends it, before a start: mount -t bpf bpf /sys/fs/bpf");
    return 0;
}

void in_kernel_world(struct live *l) { (void)l; }

/* ---- another program ---- */

bool in_kernel_prepare(struct live *l, const struct program *p, char *err, size_t err_len)
{
    if (!l->kernel) return true;
    kernel_discard(l->kernel->next);
    return !ask_prepare(l->channel, p->past ? p->past->under : p, &l->kernel->next, err, err_len);
}

int in_kernel_swap(void *live)
{
    const struct live *l = live;
    char err[300];
    const int failed = ask_swap(l->channel, l->kernel->kernel, l->kernel->next, err, sizeof err);
    if (!failed) l->kernel->next = NULL;
    return failed;
}
