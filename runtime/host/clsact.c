/* See clsact.h. */
#include "runtime/host/clsact.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/host/change_priv.h"
#include "runtime/host/netlink_priv.h"

enum { ATTACH_TCX_EGRESS = 47 }; /* Linux 6.6; headers may be older */

/* ---- what is there ---- */

struct found {
    unsigned ifindex, count;
    uint16_t priority; /* taken is said of it */
    bool taken, older; /* older: of RTM_GETQDISC, it is an ingress, which has no hook for what leaves */
};

static int found_one(const struct nlmsghdr *nlh, void *arg)
{
    const struct tcmsg *t = mnl_nlmsg_get_payload(nlh);
    struct found *f = arg;
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *t || t->tcm_ifindex != (int)f->ifindex) return MNL_CB_OK;
    const struct nlattr *at[TCA_KIND + 1];
    netlink_attributes(nlh, sizeof *t, at, TCA_KIND);
    const char *kind = netlink_text(at[TCA_KIND]);
    if (nlh->nlmsg_type == RTM_NEWTFILTER && TC_H_MAJ(t->tcm_info) >> 16 == f->priority)
        f->taken |= TC_H_MIN(t->tcm_info) != htons(ETH_P_ALL) || !kind || strcmp(kind, "bpf") != 0;
    const bool is_hooks = nlh->nlmsg_type == RTM_NEWQDISC && t->tcm_parent == TC_H_CLSACT;
    f->older |= is_hooks && kind && !strcmp(kind, "ingress");
    f->count += is_hooks || nlh->nlmsg_type != RTM_NEWQDISC;
    return MNL_CB_OK;
}

/* Filters of a hook, or (RTM_GETQDISC) whether there is a clsact. */
static int look(uint16_t type, uint32_t parent, struct found *f)
{
    char bytes[128];
    struct netlink n;
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = NLM_F_DUMP;
    struct tcmsg *t = mnl_nlmsg_put_extra_header(nlh, sizeof *t);
    *t = (struct tcmsg){.tcm_ifindex = (int)f->ifindex, .tcm_parent = parent};
    int failed = netlink_open(&n, NETLINK_ROUTE);
    if (!failed) failed = netlink_ask(&n, nlh, found_one, f);
    netlink_close(&n);
    return failed;
}

static unsigned count_of(uint16_t type, unsigned ifindex, uint32_t parent)
{
    struct found f = {.ifindex = ifindex};
    return look(type, parent, &f) ? 1 : f.count; /* not known: as if somebody used it */
}

/* The older ingress stands in the place of clsact, and the kernel would put a filter for what leaves among those for
 * what arrives. */
static bool is_older(unsigned ifindex)
{
    struct found f = {.ifindex = ifindex};
    return !look(RTM_GETQDISC, 0, &f) && f.older;
}

int clsact_taken(const struct clsact *at)
{
    struct found f = {.ifindex = at->ifindex, .priority = at->priority};
    const uint32_t side = at->leaves ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS;
    if (at->leaves && is_older(at->ifindex)) return -EEXIST;
    return !look(RTM_GETTFILTER, TC_H_MAKE(TC_H_CLSACT, side), &f) && f.taken ? -EINVAL : 0;
}

bool clsact_is_there(unsigned ifindex) { return count_of(RTM_GETQDISC, ifindex, 0) > 0; }

static bool has_filters(unsigned ifindex)
{
    return count_of(RTM_GETTFILTER, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)) +
               count_of(RTM_GETTFILTER, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)) >
           0;
}

void clsact_end(unsigned ifindex)
{
    LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
    libbpf_set_print(NULL);
    if (clsact_is_there(ifindex) && !has_filters(ifindex)) bpf_tc_hook_destroy(&both);
}

/* ---- set ---- */

int clsact_set(const struct clsact *at, int program)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)at->ifindex,
                .attach_point = at->leaves ? BPF_TC_EGRESS : BPF_TC_INGRESS);
    LIBBPF_OPTS(bpf_tc_opts, opts, .handle = at->handle, .priority = at->priority, .prog_fd = program,
                .flags = BPF_TC_F_REPLACE);
    libbpf_set_print(NULL);
    if (at->leaves && is_older(at->ifindex)) return -EEXIST;
    const int made = bpf_tc_hook_create(&hook);
    const int failed = made && made != -EEXIST ? made : bpf_tc_attach(&hook, &opts);
    if (failed && !made) clsact_end(at->ifindex);
    return failed;
}

/* Goes on with the program that the array holds, and lets pass where it holds none any more: the kernel empties an
 * array of programs when no process has a descriptor of it. */
static int load_front(int array)
{
    const struct bpf_insn code[] = {
        {.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_2, .src_reg = BPF_PSEUDO_MAP_FD, .imm = array},
        {.code = 0},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 0},
        {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_UNSPEC},
        {.code = BPF_JMP | BPF_EXIT}};
    return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "front", "Dual BSD/GPL", code, sizeof code / sizeof *code, NULL);
}

int clsact_set_held(const struct clsact *at, int program, int *held)
{
    const uint32_t zero = 0;
    const int array = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "held", sizeof zero, sizeof zero, 1, NULL);
    int failed = array < 0 ? -errno : bpf_map_update_elem(array, &zero, &program, BPF_ANY) ? -errno : 0;
    const int front = failed ? -1 : load_front(array);
    if (!failed) failed = front < 0 ? -errno : clsact_set(at, front);
    if (front >= 0) close(front); /* the filter has it */
    if (failed && array >= 0) close(array);
    *held = failed ? -1 : array;
    return failed;
}

/* Nothing but "go on". */
static int load_nothing(void)
{
    const struct bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = TC_ACT_UNSPEC},
                                    {.code = BPF_JMP | BPF_EXIT}};
    return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "nothing", "Dual BSD/GPL", code, 2, NULL);
}

bool clsact_needed(void)
{
    const int program = load_nothing();
    /* There is no interface 0: who knows these links looks for it, who does not refuses the kind. */
    const int link = bpf_link_create(program, 0, (enum bpf_attach_type)ATTACH_TCX_EGRESS, NULL);
    const bool needed = program >= 0 && link < 0 && errno == EINVAL;
    if (link >= 0) close(link);
    if (program >= 0) close(program);
    return needed;
}

/* In a process of its own: on the loopback of a namespace that ends with it. */
static int try_aside(int program)
{
    const struct clsact at = {.ifindex = 1, .leaves = true, .priority = CLSACT_FIRST, .handle = 1};
    int status;
    const pid_t pid = fork();
    if (!pid) _exit(unshare(CLONE_NEWNET) ? 0 : -clsact_set(&at, program));
    pid_t ended = pid;
    do ended = pid < 0 ? pid : waitpid(pid, &status, 0);
    while (ended < 0 && pid >= 0 && errno == EINTR);
    if (ended < 0 || !WIFEXITED(status)) return 0;
    return -WEXITSTATUS(status);
}

int clsact_try(void)
{
    const int program = clsact_needed() ? load_nothing() : -1;
    const int failed = program >= 0 ? try_aside(program) : 0;
    if (program >= 0) close(program);
    return failed;
}

void clsact_why(const struct clsact *at, int failed, const char *device, char *err, size_t err_len)
{
    if (failed == -ENOENT)
        snprintf(err, err_len,
                 "the kernel has no filters of traffic control that run programs (its modules sch_ingress and "
                 "cls_bpf); this mends it: modprobe -a sch_ingress cls_bpf");
    else if (failed == -EEXIST)
        snprintf(
            err, err_len,
            "%s has the queueing discipline ingress of another program, in whose place clsact goes; this mends it, "
            "and takes off its filters: tc qdisc del dev %s ingress",
            device, device);
    else if (failed == -EINVAL)
        snprintf(err, err_len,
                 "another program has a filter of another kind at priority %u for what %s by %s; this shows it: tc "
                 "filter show dev %s %s",
                 at->priority, at->leaves ? "leaves" : "arrives", device, device, at->leaves ? "egress" : "ingress");
    else
        snprintf(err, err_len, "no filter of traffic control can be put on %s: %s", device, strerror(-failed));
}

/* ---- taken off ---- */

int clsact_drop(const struct clsact *at)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)at->ifindex,
                .attach_point = at->leaves ? BPF_TC_EGRESS : BPF_TC_INGRESS);
    LIBBPF_OPTS(bpf_tc_opts, opts, .handle = at->handle, .priority = at->priority);
    libbpf_set_print(NULL);
    const int failed = bpf_tc_detach(&hook, &opts);
    /* Never made, somebody took it away, or the interface is gone. */
    return failed == -ENOENT || failed == -EINVAL || failed == -ENODEV ? 0 : failed;
}

void clsact_before(unsigned ifindex, bool made, char text[CLSACT_TEXT])
{
    snprintf(text, CLSACT_TEXT, "%s/%u", made ? "clsact" : "filter", ifindex);
}

int clsact_undo(const char *before, bool leaves, uint16_t priority, uint32_t handle)
{
    char made[8] = "";
    struct clsact at = {.leaves = leaves, .priority = priority, .handle = handle};
    if (sscanf(before, "%7[a-z]/%u", made, &at.ifindex) != 2) return 0;
    const int failed = clsact_drop(&at);
    if (!failed && !strcmp(made, "clsact")) clsact_end(at.ifindex);
    return failed;
}

int gate_undo(const char *what, const char *before, const char *after)
{
    (void)what, (void)after;
    return clsact_undo(before, false, CLSACT_OWN, CLSACT_GATE);
}
