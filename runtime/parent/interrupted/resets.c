/* The process has no capability and few system calls. Its sockets are opened before, by the parent; one is bound to an
 * abstract name of the network namespace, by which the next start ends it. */
#include "runtime/parent/interrupted/resets.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/complain.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/run/events.h"
#include "runtime/parent/between/confined.h"
#include "runtime/parent/interrupted/answer.h"
#include "vm/packet/pkt.h"

#define SECOND_NS UINT64_C(1000000000)
enum {
    LASTS_S = 120,
    A_SECOND = 10000 /* most RSTs per second */,
    SEEN = 512 /* bytes of a frame that are read */,
    BATCH = 64,
    SAID_BATCH = 16 /* datagrams looked at before a frame: strangers may send them, too */,
    SAYS_S = 1 /* most seconds that the next start waits for room */,
    MACS = 12,
    TAG = 4
};

struct resets {
    struct interrupted *interrupted;
    size_t connections;
    uid_t user;                    /* user whose starts may end the process, beside root's */
    int said;                      /* socket for datagrams of the next start */
    struct kernel_events *came_up; /* packets that programs in the kernel hand up; NULL: no such programs */
    int ports[OPTIONS_IFACES];     /* packet sockets; -1: none */
    unsigned ifindex[OPTIONS_IFACES], port_count;
    unsigned left; /* RSTs that may still be sent in this second */
};

static socklen_t address_of(const char *name, struct sockaddr_un *a)
{
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    const int len = snprintf(a->sun_path + 1, sizeof a->sun_path - 1, RESETS_NAME "/%.64s", name);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

static int said_open(const char *name)
{
    struct sockaddr_un a;
    const socklen_t len = address_of(name, &a);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1;
    if (fd < 0) return -1;
    if (!setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) && !bind(fd, (struct sockaddr *)&a, len)) return fd;
    close(fd);
    return -1;
}

/* Let TCP over IPv4 pass, and frames that may be TCP: IPv6 and tagged ones */
static int filter(int fd)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 2),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + 9),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT16_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const struct sock_fprog p = {sizeof code / sizeof *code, code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p);
}

/* Open a packet socket, whose frames no filter of traffic control judges as the host's own. bridged: frames have the
 * ends' MACs */
static int port_open(const char *name, bool bridged)
{
    const int ifindex = (int)if_nametoindex(name), yes = 1;
    const int fd = ifindex ? socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
    const struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = ifindex};
    const struct packet_mreq all = {.mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC};
    if (fd < 0) return -1;
    bool good = !filter(fd) && !setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &yes, sizeof yes) &&
                !setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes) &&
                !setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes);
    if (good && bridged) good = !setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all);
    if (good && !bind(fd, (const struct sockaddr *)&a, sizeof a)) return fd;
    close(fd);
    return -1;
}

static void resets_free(struct resets *r)
{
    for (unsigned i = 0; i < r->port_count; i++)
        if (r->ports[i] >= 0) close(r->ports[i]);
    if (r->said >= 0) close(r->said);
    kernel_events_free(r->came_up);
    if (r->interrupted) interrupted_free(r->interrupted);
    free(r);
}

/* Send an RST that answers a frame of that port. */
static void reset_left(struct resets *r, unsigned port, const uint8_t *frame, uint32_t len, uint32_t wire_len)
{
    struct pkt *rst = r->left && r->ports[port] >= 0 ? interrupted_answer(r->interrupted, frame, len, wire_len) : NULL;
    if (!rst) return;
    if (sendto(r->ports[port], rst->data, rst->head_len, MSG_DONTWAIT, NULL, 0) > 0) r->left--;
    pool_put(rst);
}

/* Answer a frame that programs in the kernel handed up. */
static void came_up(void *arg, const struct kernel_event *event, size_t len)
{
    struct resets *r = arg;
    const struct kernel_event_packet *e = (const struct kernel_event_packet *)event;
    if (event->kind != KERNEL_EVENT_LEFT || len < sizeof *e || e->len > sizeof e->bytes) return;
    for (unsigned i = 0; i < r->port_count; i++)
        if (r->ifindex[i] == e->ifindex) reset_left(r, i, e->bytes, e->len, e->wire_len);
}

struct resets *resets_open(const struct options *o, const struct tuples *tuples, const struct kernel *kernel)
{
    size_t count, connections;
    struct inline_tuple *all = tuples_copy(tuples, &count, &connections);
    if (!count) return NULL;
    struct resets *r = calloc(1, sizeof *r);
    if (!r) return free(all), NULL;
    resets_end(o->name);
    *r = (struct resets){.interrupted = interrupted_new(all, count),
                         .connections = connections,
                         .user = getuid(),
                         .said = said_open(o->name)};
    for (; r->port_count < o->iface_count; r->port_count++) {
        const unsigned i = r->port_count;
        r->ports[i] = port_open(o->ifaces[i], o->peer[i] != OPTIONS_NO_PEER);
        r->ifindex[i] = if_nametoindex(o->ifaces[i]);
    }
    /* The programs in the kernel, which go on judging, report packets that only the service could take. */
    if (kernel) r->came_up = kernel_events_new(kernel_map(kernel, KERNEL_MAP_events)->fd, came_up, r);
    if (r->came_up) kernel_world(kernel)->interrupted = 1;
    if (r->interrupted && r->said >= 0) return r;
    resets_free(r);
    complain("notice: prey can't answer segments of interrupted connections: %s",
             errno == EADDRINUSE ? "an earlier process still answers them" : strerror(errno));
    return NULL;
}

static int leave_calls(void)
{
    static const int calls[] = {SCMP_SYS(poll),         SCMP_SYS(ppoll),           SCMP_SYS(recvmsg),
                                SCMP_SYS(sendto),       SCMP_SYS(clock_gettime),   SCMP_SYS(exit_group),
                                SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(exit)};
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int failed = f ? confined_calls(f, calls, sizeof calls / sizeof *calls) : -ENOMEM;
    if (!failed) failed = seccomp_load(f);
    seccomp_release(f);
    return failed;
}

/* Return the lowest of its sockets that is at least `fd`; UINT_MAX: none */
static unsigned own_from(const struct resets *r, unsigned fd)
{
    const unsigned others[] = {(unsigned)r->said, r->came_up ? (unsigned)kernel_events_fd(r->came_up) : UINT_MAX};
    unsigned found = UINT_MAX;
    for (unsigned i = 0; i < 2; i++)
        if (others[i] >= fd && others[i] < found) found = others[i];
    for (unsigned i = 0; i < r->port_count; i++)
        if (r->ports[i] >= 0 && (unsigned)r->ports[i] >= fd && (unsigned)r->ports[i] < found)
            found = (unsigned)r->ports[i];
    return found;
}

/* Give up all privileges, the terminal, and the parent's mask of signals */
static int confine(const struct resets *r)
{
    sigset_t ends;
    prctl(PR_SET_NAME, RESETS_NAME);
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++)
        if (nowhere < 0 || dup2(nowhere, fd) < 0) return -errno;
    /* Close the parent's open files, such as logs */
    for (unsigned fd = 3, own; fd != UINT_MAX; fd = own == UINT_MAX ? own : own + 1) {
        own = own_from(r, fd);
        if (own > fd) close_range(fd, own == UINT_MAX ? own : own - 1, 0);
    }
    if (setsid() < 0) return -errno;
    capng_clear(CAPNG_SELECT_ALL);
    if (capng_apply(CAPNG_SELECT_CAPS)) return -EPERM;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -errno;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    if (sigprocmask(SIG_UNBLOCK, &ends, NULL)) return -errno;
    return CONFINED_LOOSE ? 0 : leave_calls();
}

/* Bytes of a control message of a datagram, and of a frame, aligned: it has no room for descriptors of strangers. */
union sender {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(struct ucred))];
};
union auxiliary {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
};

/* True if the next start of this user has asked for the end */
static bool is_ended(const struct resets *r)
{
    char byte;
    union sender control;
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct ucred who;
    for (unsigned n = 0; n < SAID_BATCH && recvmsg(r->said, &m, MSG_DONTWAIT) >= 0; n++) {
        const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
            memcpy(&who, CMSG_DATA(c), sizeof who);
            if (who.uid == 0 || who.uid == r->user) return true;
        }
        m.msg_controllen = sizeof control;
    }
    return false;
}

/* Put the tag that the kernel took off back between the MACs and the rest. The frame has room before it. Return the
 * number of bytes put back. */
static uint32_t put_tag_back(struct msghdr *m, uint8_t *frame)
{
    struct tpacket_auxdata aux = {0};
    for (const struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, (struct cmsghdr *)(uintptr_t)c))
        if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) memcpy(&aux, CMSG_DATA(c), sizeof aux);
    if (!(aux.tp_status & TP_STATUS_VLAN_VALID)) return 0;
    const uint16_t tpid = aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid : ETH_P_8021Q;
    memmove(frame - TAG, frame, MACS);
    const uint8_t tag[TAG] = {(uint8_t)(tpid >> 8), (uint8_t)tpid, (uint8_t)(aux.tp_vlan_tci >> 8),
                              (uint8_t)aux.tp_vlan_tci};
    memcpy(frame - TAG + MACS, tag, TAG);
    return TAG;
}

/* Answer one frame of a port. False if none waits. */
static bool answer_one(struct resets *r, unsigned port)
{
    uint8_t bytes[TAG + SEEN];
    union auxiliary control;
    struct iovec v = {bytes + TAG, SEEN};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    const ssize_t len = recvmsg(r->ports[port], &m, MSG_DONTWAIT | MSG_TRUNC);
    if (len < 0) return false;
    if (len < MACS || !r->left) return true;
    const uint32_t tag = put_tag_back(&m, bytes + TAG), wire_len = (uint32_t)len + tag;
    const uint32_t here = (uint32_t)(len < SEEN ? len : SEEN) + tag;
    reset_left(r, port, bytes + TAG - tag, here, wire_len);
    return true;
}

/* Answer until the time has expired, or the process is ended */
static void segments_answer(struct resets *r)
{
    const int ring = r->came_up ? kernel_events_fd(r->came_up) : -1;
    struct pollfd fds[OPTIONS_IFACES + 2] = {{.fd = r->said, .events = POLLIN}, {.fd = ring, .events = POLLIN}};
    const uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + LASTS_S * SECOND_NS;
    uint64_t now_ns, second = 0;
    for (unsigned i = 0; i < r->port_count; i++) fds[2 + i] = (struct pollfd){.fd = r->ports[i], .events = POLLIN};
    while ((now_ns = clock_ns(CLOCK_MONOTONIC)) < until_ns) {
        if (now_ns / SECOND_NS != second) r->left = A_SECOND;
        second = now_ns / SECOND_NS;
        poll(fds, 2 + r->port_count, clock_wait_ms(until_ns, now_ns, LASTS_S * 1000));
        if (is_ended(r)) return;
        if (r->came_up) kernel_events_some(r->came_up, BATCH);
        for (unsigned i = 0; i < r->port_count; i++)
            for (unsigned n = 0; n < BATCH && r->ports[i] >= 0 && answer_one(r, i); n++)
                if (is_ended(r)) return;
    }
}

void resets_start(struct resets *r)
{
    if (!r) return;
    fflush(NULL);
    const pid_t pid = fork();
    if (!pid) {
        if (!confine(r)) segments_answer(r);
        _exit(0);
    }
    if (pid > 0)
        complain("%zu interrupted connection%s %s answered by RST, for %d s or until the next start, by process %ld",
                 r->connections, r->connections == 1 ? "" : "s", r->connections == 1 ? "is" : "are", LASTS_S,
                 (long)pid);
    resets_free(r);
}

void resets_end(const char *name)
{
    struct sockaddr_un a;
    const socklen_t len = address_of(name, &a);
    const struct timeval most = {.tv_sec = SAYS_S};
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    sendto(fd, "", 1, MSG_NOSIGNAL, (const struct sockaddr *)&a, len);
    close(fd);
}
