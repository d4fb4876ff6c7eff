/* tamper FROM TO COMMAND...: runs COMMAND with a changed number in the kernel's code for its rules. In each judge that
 * it loads (BPF_PROG_LOAD of a program whose name begins with judge_), comparisons with the number FROM become ones
 * with TO; TO `-`: they become invalid. So tests can have a generator with a fault, or one that the kernel's verifier
 * rejects.
 * tamper old - COMMAND...: simulates a kernel that has no links of traffic control (Linux 6.6), rejects programs with
 * may_goto (6.9), gotol (6.6) or calls of its functions by name (the casts of 6.2), and rejects XDP sockets for frames
 * of several buffers (6.6).
 * tamper ancient - COMMAND...: simulates a kernel that rejects programs with bpf_loop (5.17).
 * tamper attach ERRNO COMMAND...: simulates devices that reject XDP programs with that errno. tamper driver ERRNO:
 * only the devices' drivers reject, while the kernel's generic mode works. tamper refuse ERRNO COMMAND...: all calls
 * of bpf(2) fail with that errno, as with a security module.
 *
 * A process beside it gets each call of bpf(2) and bind(2) before the kernel reads its arguments, and changes those or
 * returns a result in the kernel's place. */
#include <ctype.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INSNS_MOST = 1 << 20, UNKNOWN_INSN = 0xff };

struct change {
    int from, to;
    bool changes, breaks, old, ancient;
    int refuse, attach, driver; /* an errno, or 0 */
};

static bool copy(pid_t pid, uint64_t there, void *here, size_t len, bool out)
{
    struct iovec a = {here, len}, b = {(void *)(uintptr_t)there, len};
    const ssize_t n = out ? process_vm_writev(pid, &a, 1, &b, 1, 0) : process_vm_readv(pid, &a, 1, &b, 1, 0);
    return n == (ssize_t)len;
}

static bool compares(const struct bpf_insn *i)
{
    const unsigned class = BPF_CLASS(i->code), op = BPF_OP(i->code);
    return (class == BPF_JMP || class == BPF_JMP32) && BPF_SRC(i->code) == BPF_K && op != BPF_JA && op != BPF_CALL &&
           op != BPF_EXIT;
}

static void change_program(pid_t pid, uint64_t at, const struct change *c)
{
    static struct bpf_insn insns[INSNS_MOST];
    union bpf_attr attr = {0};
    const size_t least = offsetof(union bpf_attr, prog_name) + sizeof attr.prog_name;
    if (!copy(pid, at, &attr, least, false) || strncmp(attr.prog_name, "judge_", 6) || attr.insn_cnt > INSNS_MOST)
        return;
    const size_t bytes = attr.insn_cnt * sizeof *insns;
    if (!copy(pid, attr.insns, insns, bytes, false)) return;
    for (uint32_t i = 0; i < attr.insn_cnt; i++) {
        if (!compares(&insns[i]) || insns[i].imm != c->from) continue;
        if (c->breaks) insns[i].code = UNKNOWN_INSN;
        if (!c->breaks) insns[i].imm = c->to;
    }
    copy(pid, attr.insns, insns, bytes, true);
}

static bool is_link_of_tc(pid_t pid, uint64_t at)
{
    enum { TCX_INGRESS = 46, TCX_EGRESS = 47 };
    union bpf_attr attr = {0};
    if (!copy(pid, at, &attr, offsetof(union bpf_attr, link_create.flags), false)) return false;
    return attr.link_create.attach_type == TCX_INGRESS || attr.link_create.attach_type == TCX_EGRESS;
}

static bool is_link_of_xdp(pid_t pid, uint64_t at, bool driver)
{
    union bpf_attr attr = {0};
    if (!copy(pid, at, &attr, offsetof(union bpf_attr, link_create.flags) + sizeof attr.link_create.flags, false))
        return false;
    return attr.link_create.attach_type == BPF_XDP && (!driver || attr.link_create.flags & XDP_FLAGS_DRV_MODE);
}

/* True for may_goto (Linux 6.9), gotol (6.6), and a call of a kernel function by name. */
static bool is_newer(const struct bpf_insn *n)
{
    const bool called = n->code == (BPF_JMP | BPF_CALL) && n->src_reg == BPF_PSEUDO_KFUNC_CALL;
    return n->code == (BPF_JMP | 0xe0) || n->code == (BPF_JMP32 | BPF_JA) || called;
}

static bool is_loop(const struct bpf_insn *n)
{
    enum { LOOP = 181 /* bpf_loop */ };
    return n->code == (BPF_JMP | BPF_CALL) && !n->src_reg && n->imm == LOOP;
}

static bool has(bool (*is)(const struct bpf_insn *), pid_t pid, uint64_t at)
{
    static struct bpf_insn insns[INSNS_MOST];
    union bpf_attr attr = {0};
    if (!copy(pid, at, &attr, offsetof(union bpf_attr, prog_name), false) || attr.insn_cnt > INSNS_MOST ||
        !copy(pid, attr.insns, insns, attr.insn_cnt * sizeof *insns, false))
        return false;
    for (uint32_t i = 0; i < attr.insn_cnt; i++)
        if (is(&insns[i])) return true;
    return false;
}

/* True for an XDP socket for frames of several buffers. */
static bool is_in_pieces(pid_t pid, uint64_t at, uint64_t len)
{
    enum { FAMILY = 44, PIECES = 1 << 4 };
    uint16_t address[2]; /* family and flags */
    return len >= sizeof address && copy(pid, at, address, sizeof address, false) && address[0] == FAMILY &&
           address[1] & PIECES;
}

/* Return the errno that replaces the kernel's result; 0: the call goes on. */
static int answer(const struct seccomp_notif *asked, const struct change *c)
{
    const pid_t pid = (pid_t)asked->pid;
    const uint64_t command = asked->data.args[0], at = asked->data.args[1];
    if (asked->data.nr == SYS_bind) return c->old && is_in_pieces(pid, at, asked->data.args[2]) ? EINVAL : 0;
    if (c->refuse) return c->refuse;
    if (c->attach && command == BPF_LINK_CREATE && is_link_of_xdp(pid, at, false)) return c->attach;
    if (c->driver && command == BPF_LINK_CREATE && is_link_of_xdp(pid, at, true)) return c->driver;
    if (c->ancient) return command == BPF_PROG_LOAD && has(is_loop, pid, at) ? EINVAL : 0;
    if (c->changes && command == BPF_PROG_LOAD) change_program(pid, at, c);
    if (!c->old) return 0;
    const bool unknown =
        command == BPF_LINK_CREATE ? is_link_of_tc(pid, at) : command == BPF_PROG_LOAD && has(is_newer, pid, at);
    return unknown ? EINVAL : 0;
}

/* Handle the calls until the last process that makes them has ended. */
static void beside(int calls, const struct change *c)
{
    struct pollfd p = {.fd = calls, .events = POLLIN};
    while (poll(&p, 1, -1) > 0 && !(p.revents & POLLHUP)) {
        struct seccomp_notif asked = {0};
        if (ioctl(calls, SECCOMP_IOCTL_NOTIF_RECV, &asked)) continue; /* the calling process is gone */
        const int error = answer(&asked, c);
        struct seccomp_notif_resp said = {
            .id = asked.id, .error = -error, .flags = error ? 0 : (uint32_t)SECCOMP_USER_NOTIF_FLAG_CONTINUE};
        ioctl(calls, SECCOMP_IOCTL_NOTIF_SEND, &said);
    }
}

static int tell_calls(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bind, 1, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const struct sock_fprog filter = {.len = sizeof code / sizeof *code, .filter = code};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
}

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static bool give(int to, int fd)
{
    union control control = {.bytes = ""};
    char byte = 0;
    struct iovec io = {&byte, 1};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    return sendmsg(to, &m, 0) == 1;
}

static int take(int from)
{
    union control control;
    char byte;
    int fd = -1;
    struct iovec io = {&byte, 1};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control};
    if (recvmsg(from, &m, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&m))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    return fd;
}

/* Start the watching process as nobody's child, so that COMMAND has no child that it did not start. */
static void start_beside(const int pair[2], const struct change *c)
{
    const pid_t pid = fork();
    if (pid > 0) waitpid(pid, NULL, 0);
    if (pid) return;
    if (fork()) _exit(0);
    close(pair[1]);
    const int calls = take(pair[0]);
    close(pair[0]);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    if (calls >= 0) beside(calls, c);
    _exit(0);
}

int main(int argc, char **argv)
{
    int pair[2];
    if (argc < 4 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) return 2;
    const struct change c = {.from = atoi(argv[1]),
                             .to = atoi(argv[2]),
                             .changes = isdigit((unsigned char)*argv[1]),
                             .breaks = !strcmp(argv[2], "-"),
                             .old = !strcmp(argv[1], "old"),
                             .ancient = !strcmp(argv[1], "ancient"),
                             .attach = strcmp(argv[1], "attach") ? 0 : atoi(argv[2]),
                             .driver = strcmp(argv[1], "driver") ? 0 : atoi(argv[2]),
                             .refuse = strcmp(argv[1], "refuse") ? 0 : atoi(argv[2])};
    start_beside(pair, &c);
    close(pair[0]);
    const int calls = tell_calls();
    if (calls < 0 || !give(pair[1], calls)) {
        fprintf(stderr, "tamper: who watches us lets us not watch\n");
        return 77;
    }
    close(calls);
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 2;
}
