/* libbpf sets the filters; a held program is called through a map that empties when its holder dies */
#include "runtime/host/hook/clsact.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/host/change_priv.h"

enum { ATTACH_TCX_EGRESS = 47 }; /* Linux 6.6; headers may be older */

enum { BESIDE = 1 << 30 }; /* bit of a handle: the filter that takes over while another moves */

void clsact_end(unsigned ifindex)
{
    LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
    libbpf_set_print(NULL);
    if (clsact_is_there(ifindex) && !clsact_has_filters(ifindex)) bpf_tc_hook_destroy(&both);
}

/* A macro, because libbpf requires the padding between fields to be zero, too */
#define HOOK(name, at)                                                                                                 \
    LIBBPF_OPTS(bpf_tc_hook, name, .ifindex = (int)(at)->ifindex,                                                      \
                .attach_point = (at)->leaves ? BPF_TC_EGRESS : BPF_TC_INGRESS)

/* Attach a filter. A new filter is first in its priority; an existing one keeps its position. */
static int clsact_attach(const struct clsact *at, uint32_t handle, int program)
{
    HOOK(hook, at);
    LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = at->priority, .prog_fd = program,
                .flags = BPF_TC_F_REPLACE);
    return bpf_tc_attach(&hook, &opts);
}

static int detach(const struct clsact *at, uint32_t handle)
{
    HOOK(hook, at);
    LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = at->priority);
    const int failed = bpf_tc_detach(&hook, &opts);
    /* never made, removed by others, hooks shared by others since, or the interface is gone */
    const bool gone = failed == -ENOENT || failed == -EINVAL || failed == -EOPNOTSUPP || failed == -ENODEV;
    return gone ? 0 : failed;
}

/* Move a filter to the front. Meanwhile another with the same program is in front, so each packet is judged. */
static int move_to_front(const struct clsact *at, int program)
{
    int failed = clsact_attach(at, at->handle ^ BESIDE, program);
    if (!failed) failed = detach(at, at->handle);
    if (!failed) failed = clsact_attach(at, at->handle, program);
    if (!failed) failed = detach(at, at->handle ^ BESIDE);
    return failed;
}

int clsact_set(const struct clsact *at, int program)
{
    HOOK(hook, at);
    struct clsact_seen seen;
    libbpf_set_print(NULL);
    const int obstacle = clsact_obstacle(at);
    if (obstacle) return obstacle;
    const int made = bpf_tc_hook_create(&hook);
    int failed = made && made != -EEXIST ? made : clsact_look(at, &seen);
    if (!failed)
        failed = seen.there && seen.behind ? move_to_front(at, program) : clsact_attach(at, at->handle, program);
    if (failed && !made) clsact_end(at->ifindex);
    return failed;
}

/* Load a program that continues with the program in the array, and passes all packets if the array is empty: the kernel
 * empties an array of programs when no process has its descriptor */
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
    if (front >= 0) close(front); /* the filter holds it */
    if (failed && array >= 0) close(array);
    *held = failed ? -1 : array;
    return failed;
}

/* Load a program that does nothing but "go on" */
static int load_nothing(void)
{
    const struct bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = TC_ACT_UNSPEC},
                                    {.code = BPF_JMP | BPF_EXIT}};
    return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "nothing", "Dual BSD/GPL", code, 2, NULL);
}

bool clsact_needed(void)
{
    const int program = load_nothing();
    /* Interface 0 does not exist: a kernel with these links reports it as missing, a kernel without them rejects the
     * kind */
    const int link = bpf_link_create(program, 0, (enum bpf_attach_type)ATTACH_TCX_EGRESS, NULL);
    const bool needed = program >= 0 && link < 0 && errno == EINVAL;
    if (link >= 0) close(link);
    if (program >= 0) close(program);
    return needed;
}

/* Set a filter on the loopback of a new namespace, which ends with this process */
static void try_here(int program, int tell)
{
    const struct clsact at = {.ifindex = 1, .leaves = true, .priority = CLSACT_FIRST, .handle = 1};
    const int failed = unshare(CLONE_NEWNET) ? 0 : clsact_set(&at, program);
    (void)!write(tell, &failed, sizeof failed);
    _exit(0);
}

/* Try in a child process, which writes its result to a pipe: an exit status has only eight bits */
static int try_elsewhere(int program)
{
    int fds[2], failed = 0, status;
    if (pipe2(fds, O_CLOEXEC)) return 0;
    const pid_t pid = fork();
    if (!pid) try_here(program, fds[1]);
    close(fds[1]);
    if (pid > 0 && read(fds[0], &failed, sizeof failed) != sizeof failed) failed = 0;
    close(fds[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return failed;
}

int clsact_try(void)
{
    const int program = clsact_needed() ? load_nothing() : -1;
    const int failed = program >= 0 ? try_elsewhere(program) : 0;
    if (program >= 0) close(program);
    return failed;
}

int clsact_drop(const struct clsact *at)
{
    libbpf_set_print(NULL);
    const int failed = detach(at, at->handle);
    const int beside = detach(at, at->handle ^ BESIDE); /* left by a move that a kill interrupted */
    return failed ? failed : beside;
}

void clsact_before(unsigned ifindex, bool made, char text[CLSACT_TEXT])
{
    snprintf(text, CLSACT_TEXT, "%s/%u", made ? "clsact" : "filter", ifindex);
}

/* Return the interface's number; 0: no filter */
static unsigned interface_of(const char *before, char made[8])
{
    unsigned ifindex = 0;
    return sscanf(before, "%7[a-z]/%u", made, &ifindex) == 2 ? ifindex : 0;
}

bool clsact_is_over(const char *before)
{
    char made[8] = "", name[IF_NAMESIZE];
    const unsigned ifindex = interface_of(before, made);
    return ifindex && !if_indextoname(ifindex, name);
}

int clsact_undo(const char *before, bool leaves, uint16_t priority, uint32_t handle)
{
    char made[8] = "";
    const struct clsact at = {interface_of(before, made), leaves, priority, handle};
    if (!at.ifindex) return 0;
    const int failed = clsact_drop(&at);
    if (!failed && !strcmp(made, "clsact")) clsact_end(at.ifindex);
    return failed;
}

int gate_undo(const char *what, const char *before, const char *after)
{
    return clsact_undo(before, false, CLSACT_OWN, CLSACT_GATE);
}
