/* See in_kernel.h. The parent makes maps, loads programs and puts them on interfaces; here their descriptors are known,
 * and what is true of the world is written into the maps. */
#include "runtime/live/in_kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/offload.h"
#include "runtime/kernel/adopt.h"
#include "runtime/kernel/ask.h"
#include "runtime/kernel/counted.h"
#include "runtime/kernel/events.h"
#include "runtime/kernel/facts.h"
#include "runtime/kernel/flows.h"
#include "runtime/live/reload.h"
#include "runtime/live/start.h"
#include "runtime/live/steered.h"
#include "vm/judge/judge.h"
#include "vm/kernel/meters.h"
#include "vm/kernel/note.h"

struct in_kernel {
    struct kernel *kernel;
    struct judge *next; /* of the program that a reload is about to put in force: */
    const struct program *to_judge;
    const struct program *judges; /* atomic: the one in force; not to be followed but while l has it */
    struct asker asker;           /* the worker's */
    struct vm_kernel ops;         /* likewise */
    struct flow_ops flows;        /* its table's */
    struct proof proof;           /* of the program that was loaded last */
    struct counted *counted;      /* of the program in force, into the worker's vm */
    struct kernel_events *events;
    uint64_t logs; /* records of rules that log */
    struct kernel_facts facts;
    uint32_t ifindex[PORTS_MOST]; /* as the kernel knows them */
    uint32_t by_id[KERNEL_WAYS];  /* the same, by their ids in the program */
};

/* ---- chosen ---- */

/* NULL: the stages do all of the program, or send it up. */
static const char *not_there(const struct live *l, const struct program *p)
{
    if (p->services_count || program_all_nats(p)) return "services and nat are this process's alone in this version";
    /* What crosses would be judged twice: where it comes in, and where it leaves. */
    if (start_routes(l, p) || (l->forwards && l->o->iface_count > 1 && steered_routes(p)))
        return "what crosses from one interface to another is judged by this process alone in this version";
    return NULL;
}

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
    if (asked && !no) no = not_there(l, l->now.program);
    if (no) return live_complain("--exec kernel: %s; this does: --exec user", no);
    l->in_kernel = asked;
    return 0;
}

bool in_kernel_takes(const struct live *l, const struct program *p, char *why, size_t len)
{
    const char *no = l->in_kernel ? not_there(l, p) : NULL;
    if (!no && l->kernel && p->meta->flags & PBC_KEEPS_FLOWS && !l->kernel->ops.flows)
        no = "these rules follow connections, and those before did not: a restart makes the tables for it";
    if (no) snprintf(why, len, "--exec kernel: %s", no);
    return !no;
}

/* ---- made ---- */

/* For the worker, of what came up undecided, or lay in a tunnel. A kernel that does not answer lets nothing by. */
static uint64_t judge_there(void *arg, const struct key *key, const struct pkt *pkt, const struct effects *e)
{
    uint64_t decision;
    const int failed = ask_judge(arg, key, pkt, e, clock_ns(CLOCK_MONOTONIC), &decision);
    return failed ? decided_by_nobody(ACTION_DROP) : decision;
}

/* A rule that logs, of the program in force; what the one before has said last is left out. */
static void heard(void *arg, const struct kernel_event *e, size_t len)
{
    struct live *l = arg;
    struct in_kernel *k = l->kernel;
    const struct program *p = __atomic_load_n(&k->judges, __ATOMIC_ACQUIRE);
    const struct labels *labels = reload_labels(l, p);
    const struct kernel_event_packet *said = (const void *)e;
    struct log_note note = {.program = p, .mono_ns = e->now_ns};
    struct pkt pkt;
    struct key key;
    (void)len;
    if (e->kind == KERNEL_EVENT_FLOW && k->ops.flows)
        vm_flow_gone(l->workers[0]->vm, &((const struct kernel_event_flow *)e)->gone, &l->workers[0]->tx);
    if (e->kind != KERNEL_EVENT_LOG) return;
    k->logs++;
    if (l->o->log == LOG_NONE) return;
    if (!labels || e->program != kernel_world(k->kernel)->program || said->rule >= p->rules_count) {
        events_left_out(&l->events, TOLD_RULE, 1);
        return;
    }
    kernel_event_view(said, &pkt);
    pkt_parse(&pkt, &l->latest->facts, &key);
    pkt_describe(&pkt, &key, note.text, sizeof note.text);
    note.rule = said->rule;
    note.bytes = said->wire_len;
    events_packet(&l->events, labels, &note);
}

int in_kernel_fd(const struct live *l) { return l->kernel ? kernel_events_fd(l->kernel->events) : -1; }
/* Ends of flows are counted by the worker's vm: it stands still meanwhile. */
void in_kernel_called(struct live *l)
{
    const bool flows = l->kernel->ops.flows;
    if (flows) worker_hold(l->workers[0]);
    kernel_events_take(l->kernel->events);
    if (flows) worker_release(l->workers[0]);
}

void in_kernel_tick(struct live *l, uint64_t now_ns)
{
    if (!l->kernel || reload_pending(l)) return; /* else its meters may be gone meanwhile */
    kernel_meters_at(kernel_meters(l->kernel->kernel), now_ns);
    kernel_sweep(l->kernel->kernel, now_ns);
}

int in_kernel_begin(struct live *l)
{
    char err[500] = "out of memory";
    struct in_kernel *k = l->kernel = calloc(1, sizeof *k);
    const struct program *p = l->now.program;
    if (!k || ask_kernel(l->channel, p, &k->kernel, err, sizeof err) || !in_kernel_prepare(l, p, err, sizeof err) ||
        in_kernel_swap(l, NULL))
        return live_complain("--exec kernel: %s", err);
    asker_init(&k->asker, k->kernel, 0);
    k->ops = (struct vm_kernel){.arg = &k->asker, .judge = judge_there};
    if (p->meta->flags & PBC_KEEPS_FLOWS) {
        flows_init(&k->flows, k->kernel);
        k->ops.flows = &k->flows;
    }
    k->events = kernel_events_new(kernel_map(k->kernel, KERNEL_MAP_events)->fd, heard, l);
    return k->events ? 0 : live_complain("--exec kernel: its log: %s", strerror(errno));
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
    counted_free(l->kernel->counted);
    kernel_events_free(l->kernel->events);
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

/* One whose number has changed leaves its old place. */
static void push_ports(const struct live *l)
{
    struct in_kernel *k = l->kernel;
    struct kernel_port *ports = kernel_map(k->kernel, KERNEL_MAP_ports)->memory;
    memset(k->by_id, 0, sizeof k->by_id);
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const struct kernel_port now = {
            .ifindex = l->ifindex[i], .iface = l->now.iface[i], .link = LINK_ETHER, .xsks = (uint16_t)(i * IO_QUEUES)};
        if (k->ifindex[i] && k->ifindex[i] != now.ifindex)
            ports[k->ifindex[i] % KERNEL_PORTS] = (struct kernel_port){0};
        k->ifindex[i] = now.ifindex;
        ports[now.ifindex % KERNEL_PORTS] = now;
        if (now.iface < KERNEL_WAYS) k->by_id[now.iface] = now.ifindex;
    }
}

/* 0 or a negative errno. */
static int push(const struct live *l)
{
    struct in_kernel *k = l->kernel;
    push_ports(l);
    k->facts.ifindexes = k->by_id;
    return kernel_facts_push(&k->facts, k->kernel, &l->latest->facts);
}

void in_kernel_world(struct live *l)
{
    const int failed = push(l);
    if (failed)
        events_tell(&l->events, TOLD_FAULT, "own addresses, for the programs in the kernel: %s", strerror(-failed));
}

/* ---- another program ---- */

bool in_kernel_prepare(struct live *l, const struct program *p, char *err, size_t err_len)
{
    if (!l->kernel) return true;
    kernel_discard(l->kernel->next);
    l->kernel->to_judge = p;
    return !ask_prepare(l->channel, p->past ? p->past->under : p, &l->kernel->next, &l->kernel->proof, err, err_len);
}

/* What the program before has counted is the worker's, before its rules are others. */
int in_kernel_swap(void *live, struct vm *vm)
{
    const struct live *l = live;
    struct in_kernel *k = l->kernel;
    char err[300];
    const int failed = ask_swap(l->channel, err, sizeof err);
    if (failed) return failed;
    if (k->counted) counted_add(k->counted, vm);
    kernel_took(k->kernel, k->next);
    k->next = NULL;
    __atomic_store_n(&k->judges, k->to_judge, __ATOMIC_RELEASE);
    if (k->counted)
        counted_follow(k->counted);
    else
        k->counted = counted_new(k->kernel);
    if (l->latest) push(l);
    return 0;
}

/* ---- counted ---- */

void in_kernel_count(const struct live *l)
{
    if (l->kernel && l->kernel->counted) counted_add(l->kernel->counted, l->workers[0]->vm);
}

struct proof in_kernel_proof(const struct live *l) { return l->kernel ? l->kernel->proof : (struct proof){0}; }

uint64_t in_kernel_logs(const struct live *l) { return l->kernel ? l->kernel->logs : 0; }

struct kernel_counters in_kernel_counters(const struct live *l)
{
    return l->kernel ? kernel_counters(l->kernel->kernel) : (struct kernel_counters){0};
}
