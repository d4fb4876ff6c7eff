/* Messages in the form of a takeover's running side (handoff.h). The service is dead, so nothing is held, and only
 * programs in the kernel run on meanwhile. */
#include "runtime/parent/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/host/manager.h"
#include "runtime/kernel/pass/passed.h"
#include "runtime/parent/between/channel.h"
#include "runtime/parent/between/last.h"
#include "runtime/parent/between/starter.h"
#include "runtime/parent/parent_priv.h"

#define NS_PER_S UINT64_C(1000000000)
/* Time in which the other preyrun looks at everything, and loads its programs into the kernel */
#define LOOKS_NS (60 * NS_PER_S)

bool crash_is_mended(const struct parent *p, char *why, unsigned len)
{
    struct pollfd starter = {.fd = p->starter.fd};
    *why = 0;
    if (p->broke || p->ended || p->keeps || p->yielded || p->borrows) return false;
    if (!last_of(p->last)) {
        snprintf(why, len, "; preyrun doesn't restart the service, because no state was kept (man preyrun, --on-exit)");
        return false;
    }
    if (starter.fd < 0 || poll(&starter, 1, 0) != 0) return false; /* the starter has ended */
    if (p->crashes < CRASHES_MOST) return true;
    snprintf(why, len, "; preyrun doesn't restart the service, which has crashed %d times, each time within %d s",
             CRASHES_MOST + 1, CRASHES_S);
    return false;
}

/* ---- one message after the other, until an end is asked for ---- */

/* Wait until the other preyrun has sent a message. Return 0 or a negative errno. */
static int heard_within(struct parent *p, int fd, uint64_t until_ns)
{
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = p->signal_fd, .events = POLLIN}};
    for (;;) {
        const uint64_t now = channel_until(0);
        if (now >= until_ns) return -ETIMEDOUT;
        if (poll(fds, 2, (int)((until_ns - now) / 1000000 + 1)) < 0 && errno != EINTR) return -errno;
        struct signalfd_siginfo s;
        while (fds[1].revents && read(p->signal_fd, &s, sizeof s) == sizeof s)
            if (s.ssi_signo == SIGTERM || s.ssi_signo == SIGINT) return -EINTR;
        if (fds[0].revents) return 0;
    }
}

static int crash_hear(struct parent *p, int fd, void *what, size_t len, int *with, uint64_t wait_ns)
{
    unsigned count = 0;
    const int failed = heard_within(p, fd, channel_until(wait_ns));
    return failed ? failed
                  : message_receive(fd, what, len, with, with ? 1 : 0, &count, channel_until(HANDOFF_PATIENCE_NS));
}

static int crash_hear_word(struct parent *p, int fd, uint32_t wanted, uint64_t wait_ns)
{
    uint32_t word;
    int failed = heard_within(p, fd, channel_until(wait_ns));
    if (!failed) failed = message_word(fd, &word, channel_until(HANDOFF_PATIENCE_NS));
    return failed ? failed : word == wanted ? 0 : -EPROTO;
}

static int crash_say(int fd, const void *what, size_t len, const int fds[], unsigned count)
{
    return message_send(fd, what, len, fds, count, channel_until(HANDOFF_PATIENCE_NS));
}

/* ---- the service's last data ---- */

/* Copy the service's file into that of the other preyrun. Return 0 or a negative errno. */
static int file_fill(const struct last_half *last, int fd)
{
    struct stat st;
    const uint64_t len = last->len;
    if (fd < 0 || fstat(fd, &st)) return -EPROTO;
    if (len > LAST_MOST || (uint64_t)st.st_size < len) return -EPROTO;
    void *at = len ? mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (at == MAP_FAILED) return -ENOMEM;
    memcpy(at, last->file, len);
    munmap(at, len);
    return 0;
}

static int hello(struct parent *p, const struct last_half *last, int fd)
{
    int fds[3] = {state_lend(p->state), STDOUT_FILENO, STDERR_FILENO};
    struct handoff_hello *h = malloc(sizeof *h);
    int failed = fds[0] < 0 ? fds[0] : h ? 0 : -ENOMEM;
    if (!failed) {
        *h = last->hello;
        h->magic = HANDOFF_MAGIC;
        h->form = HANDOFF_FORM; /* the other preyrun is this program */
        h->process = getpid();
        h->crashes = p->crashes + 1;
        h->has = 1u << YIELD_RECORD | 1u << YIELD_OUT | 1u << YIELD_ERR;
        h->in_kernel = p->kernel != NULL;
        h->kernel = p->kernel != NULL;
        h->hooks = (struct kernel_passed_hooks){.by_tc = p->by_tc};
        for (unsigned i = 0; i < p->o->iface_count; i++) h->hooks.generic |= (uint32_t)p->hooked[i].generic << i;
        h->lent = 0;
        memset(h->refused, 0, sizeof h->refused);
        failed = crash_say(fd, h, sizeof *h, fds, 3);
    }
    if (fds[0] >= 0) close(fds[0]);
    free(h);
    return failed;
}

/* Describe the maps, which are as the service and the stages have left them: each change in them is complete
 * (vm/flow/table/ops.h). */
static int kernel_say(const struct parent *p, int fd)
{
    struct handoff_kernel m;
    int maps[PASSED_FDS];
    if (!p->kernel) return 0;
    const unsigned count = kernel_pass(p->kernel, KERNEL_ASKERS - 1, &m.says, maps);
    return count ? crash_say(fd, &m, sizeof m, maps, count) : -ENODATA;
}

static int talk(struct parent *p, const struct last_half *last, int fd)
{
    struct handoff_begin b;
    struct handoff_luggage l = last->luggage;
    const uint32_t yours = HANDOFF_YOURS;
    int file = -1;
    l.ports = 0; /* the other preyrun opens its own ports, because a frame in the rings may have crashed the service */
    int failed = crash_hear(p, fd, &b, sizeof b, &file, LOOKS_NS);
    if (!failed && b.magic != HANDOFF_MAGIC) failed = -EPROTO;
    if (!failed) failed = file_fill(last, file);
    if (file >= 0) close(file);
    if (!failed) failed = hello(p, last, fd);
    if (!failed) failed = kernel_say(p, fd);
    if (!failed) failed = crash_hear_word(p, fd, HANDOFF_NOW, LOOKS_NS);
    if (!failed) failed = crash_say(fd, &l, sizeof l, NULL, 0);
    if (!failed) failed = crash_hear_word(p, fd, HANDOFF_READY, LOOKS_NS);
    if (failed) return failed;
    p->yielded = true;
    failed = crash_say(fd, &yours, sizeof yours, NULL, 0);
    if (failed) p->yielded = false;
    return failed;
}

int crash_pass(struct parent *p)
{
    const struct last_half *last = last_of(p->last);
    int pair[2];
    if (!last) return -ENODATA;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) return -errno;
    manager_tell(MANAGER_ALIVE);
    io_maker_let_go(&p->maker);
    int failed = starter_start(&p->starter, pair[1]);
    close(pair[1]);
    if (!failed) failed = talk(p, last, pair[0]);
    close(pair[0]);
    if (!failed) manager_main(p->starter.pid);
    return failed;
}

/* ---- after the hand-over ---- */

int crash_follow(struct starter *s)
{
    int32_t status = 2;
    unsigned none;
    sigset_t set;
    const int ended = manager_listens() ? -1 : (int)syscall(SYS_pidfd_open, s->pid, 0);
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    const int signals = ended < 0 ? -1 : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    struct pollfd fds[2] = {{.fd = ended, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    while (signals >= 0 && !fds[0].revents) {
        struct signalfd_siginfo from;
        if (poll(fds, 2, -1) < 0 && errno != EINTR) break;
        while (read(signals, &from, sizeof from) == sizeof from)
            if (from.ssi_signo != SIGCHLD) syscall(SYS_pidfd_send_signal, ended, (int)from.ssi_signo, NULL, 0);
    }
    if (signals >= 0) channel_receive(s->fd, &status, sizeof status, NULL, 0, &none, channel_until(NS_PER_S));
    if (signals >= 0) close(signals);
    if (ended >= 0) close(ended);
    starter_leave(s);
    return signals < 0 ? 0 : status;
}
