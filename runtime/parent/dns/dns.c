/* The process: a fork of the parent without capabilities, descriptors and files, with the system calls of a DNS
 * client. */
#include "runtime/parent/dns/dns.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/parent/between/apart.h"
#include "runtime/parent/between/confined.h"

enum { KEPT = 3 /* first descriptor that stays, after the standard ones */, MEMORY_MOST = 256 << 20 };

/* Refuse all calls but these with EPERM, because c-ares goes on if one fails. */
static int keep_calls(void)
{
    static const int calls[] = {
#define SYSCALL(name, doc) SCMP_SYS(name),
#include "runtime/parent/dns/dns_call.def"
    };
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!f) return -ENOMEM;
    int failed = confined_sockets(f);
    if (!failed) failed = confined_calls(f, calls, sizeof calls / sizeof *calls);
    if (!failed) failed = seccomp_load(f);
    seccomp_release(f);
    return failed;
}

static int confine(void)
{
    const struct rlimit memory = {MEMORY_MOST, MEMORY_MOST}, none = {0, 0};
    if (confined_capabilities(NULL, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -EPERM;
    if (CONFINED_LOOSE) return 0;
    if (setrlimit(RLIMIT_DATA, &memory) || setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return -errno;
    return keep_calls();
}

/* Close all descriptors but these, which then are KEPT and those after it. Standard output and errors stay open. */
static int leave_descriptors(int fds[DNS_FDS])
{
    for (int i = 0; i < DNS_FDS; i++)
        if ((fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, KEPT + DNS_FDS)) < 0) return -errno;
    for (int i = 0; i < DNS_FDS; i++)
        if ((fds[i] = dup3(fds[i], KEPT + i, O_CLOEXEC)) < 0) return -errno;
    return syscall(SYS_close_range, KEPT + DNS_FDS, ~0u, 0) ? -errno : 0;
}

static void be_dns(int fds[DNS_FDS], const struct dns_name names[], uint32_t count)
{
    sigset_t none;
    prctl(PR_SET_NAME, "prey-resolver");
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++) signal(s, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* a terminal's SIGINT ends prey, and with it this process */
    sigprocmask(SIG_SETMASK, &none, NULL);
    struct dns *r = leave_descriptors(fds) ? NULL : dns_new(fds, names, count);
    if (r && !confine()) dns_run(r);
    _exit(0);
}

/* Return a pidfd of the process at the peer of `held`, or -1 if it has ended, because another process may have its
 * number. */
static int process_of(pid_t pid, int held)
{
    char none;
    const int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 || recv(held, &none, 1, MSG_PEEK | MSG_DONTWAIT) < 0) return fd;
    close(fd);
    return -1;
}

int dns_start(const struct dns_name names[], uint32_t count, struct dns_held *held)
{
    int pair[2];
    dns_end(held);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) return -errno;
    const pid_t pid = fork_apart(&held->fd);
    if (!pid) be_dns((int[DNS_FDS]){[DNS_TELLS] = pair[1], [DNS_HELD] = held->fd}, names, count);
    close(pair[1]);
    if (pid > 0) {
        held->process = process_of(pid, held->fd);
        return pair[0];
    }
    held->fd = -1;
    close(pair[0]);
    return pid;
}

void dns_end(struct dns_held *held)
{
    if (held->process >= 0) {
        syscall(SYS_pidfd_send_signal, held->process, SIGKILL, NULL, 0);
        close(held->process);
    }
    if (held->fd >= 0) close(held->fd);
    *held = (struct dns_held){-1, -1};
}

uint64_t dns_files(void)
{
    static const char *const files[] = {"/etc/resolv.conf", "/etc/hosts"};
    uint64_t mark = 14695981039346656037u; /* offset basis of FNV-1a */
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        struct stat s = {.st_size = -1};
        if (stat(files[i], &s)) s = (struct stat){.st_size = -1};
        const uint64_t of[] = {s.st_dev, s.st_ino, (uint64_t)s.st_size, (uint64_t)s.st_mtim.tv_sec,
                               (uint64_t)s.st_mtim.tv_nsec};
        for (unsigned k = 0; k < sizeof of / sizeof *of; k++) mark = (mark ^ of[k]) * 1099511628211u;
    }
    return mark;
}
