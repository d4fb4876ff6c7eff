/* A restart by the service manager is a stop and a start. Between the two a fork of the parent goes on as parent of
 * the service, which judges meanwhile, outside of the unit: the keeper. It ends the service as a stop would if the
 * unit stops after all, or no process has taken over in time. README.md shows the dependencies. */
#include "runtime/parent/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/host/look/manager_bus.h"
#include "runtime/host/manager.h"
#include "runtime/parent/between/channel.h"
#include "runtime/parent/parent_priv.h"

enum { MOVE_MS = 10000 /* time for two questions to the manager, with a margin */ };

bool keeper_wanted(const struct parent *p)
{
    return !p->keeps && !p->borrows && !p->yielded && p->heir < 0 && manager_listens() && manager_restarts() > 0;
}

/* ---- the keeper ---- */

/* Leave the unit, and become the process named in the record of changes. Return 0, or a negative errno with one line
 * in err. */
static int settle(struct parent *p, char *err, size_t err_len)
{
    char scope[200], about[200];
    const pid_t pids[] = {getpid(), p->child};
    manager_leave();
    snprintf(scope, sizeof scope, "prey-kept-%ld.scope", (long)getpid());
    snprintf(about, sizeof about, "prey: %.100s, between a stop and a start", p->o->name);
    int failed = manager_move(scope, about, pids, 2);
    if (failed) snprintf(err, err_len, "preyrun can't leave its systemd unit: %s", strerror(-failed));
    if (!failed && (failed = state_own_up(p->state, p->child)))
        snprintf(err, err_len, "the record of changes can't be written: %s", strerror(-failed));
    return failed;
}

/* Become the keeper, in the fork: it has none of the other process's threads. */
static int become(struct parent *p, int end, char *err, size_t err_len)
{
    p->keeps = true;
    p->kept_end = end;
    p->kept_until_ns = clock_ns(CLOCK_MONOTONIC) + KEEPER_MOST_NS;
    p->check_stack = p->inline_stack = NULL;
    snprintf(p->no_check_stack, sizeof p->no_check_stack, "a restart is in progress");
    snprintf(p->no_inline_stack, sizeof p->no_inline_stack, "a restart is in progress");
    p->child_fd = (int)syscall(SYS_pidfd_open, p->child, 0);
    if (p->child_fd >= 0) return settle(p, err, err_len);
    const int failed = -errno;
    snprintf(err, err_len, "%s", strerror(-failed));
    return failed;
}

/* ---- the parent ---- */

/* The message of a fork to the process that made it */
struct settled {
    int32_t failed;
    char err[300];
};

/* Read whether the keeper has settled. If so, end this process, with nothing to undo. Else return the reason. */
static int hand_over_to(struct parent *p, pid_t keeper, int fd, struct answer *a)
{
    struct settled s = {.failed = -EPIPE};
    unsigned none;
    const int failed = channel_receive(fd, &s, sizeof s, NULL, 0, &none, channel_until(MOVE_MS * UINT64_C(1000000)));
    if (!failed && !s.failed) {
        complain("a restart: process %ld keeps judging, in prey-kept-%ld.scope, until the next start takes over",
                 (long)keeper, (long)keeper);
        _exit(0);
    }
    s.err[sizeof s.err - 1] = 0;
    snprintf(a->err, sizeof a->err, "%s", failed ? strerror(-failed) : s.err);
    kill(keeper, SIGKILL);
    waitpid(keeper, NULL, 0);
    if (state_own_up(p->state, p->child)) complain("notice: the record of changes names another process");
    return failed ? failed : s.failed;
}

static int fork_keeper(struct parent *p, int end, struct answer *a)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) return -errno;
    fflush(NULL);
    const pid_t keeper = fork();
    if (keeper < 0) {
        const int failed = -errno;
        close(pair[0]);
        close(pair[1]);
        return failed;
    }
    if (keeper) {
        close(pair[1]);
        const int failed = hand_over_to(p, keeper, pair[0], a);
        close(pair[0]);
        return failed;
    }
    close(pair[0]);
    struct settled s = {.err = ""};
    s.failed = become(p, end, s.err, sizeof s.err);
    const int said = channel_send(pair[1], &s, sizeof s, NULL, 0, channel_until(MOVE_MS * UINT64_C(1000000)));
    if (s.failed || said) _exit(1);
    close(pair[1]);
    return 0;
}

/* Put one end of a pair into the manager's store. It is closed immediately if there is no store. Return the other,
 * or a negative errno. */
static int store_end(struct answer *a)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) return -errno;
    const int failed = manager_store(KEEPER_NAME, pair[1]);
    close(pair[1]);
    struct pollfd p = {.fd = pair[0]};
    if (!failed && poll(&p, 1, 0) == 0) return pair[0];
    close(pair[0]);
    manager_unstore(KEEPER_NAME);
    snprintf(a->err, sizeof a->err, "its systemd unit has no descriptor store (FileDescriptorStoreMax=1)");
    return failed ? failed : -ENOSYS;
}

int grant_OUTLIVE(struct parent *p, struct answer *a, int fds[])
{
    if (!p->keep_until_ns || p->keeps) {
        snprintf(a->err, sizeof a->err, "no restart is in progress");
        return -EPERM;
    }
    if (p->furnished || p->made_inline_stack) {
        snprintf(a->err, sizeof a->err, "%s end when preyrun stops",
                 p->furnished ? "health checks through services" : "connections in the wire");
        return -EBUSY;
    }
    const int end = store_end(a);
    if (end < 0) return end;
    const int failed = fork_keeper(p, end, a);
    if (failed) {
        close(end);
        manager_unstore(KEEPER_NAME);
    }
    if (!failed) a->value = (uint64_t)getpid();
    return failed;
}

int grant_LEFT(struct parent *p, const struct request_left *asked, struct answer *a, int fds[])
{
    if (!p->keeps) return NEVER;
    p->left = true;
    p->left_status = (int)asked->status;
    return 0;
}

/* ---- the keeper's loop ---- */

bool keeper_step(struct parent *p, bool ready)
{
    char word;
    if (!p->keeps || p->kept_over || p->yielded) return false;
    const bool late = clock_ns(CLOCK_MONOTONIC) >= p->kept_until_ns;
    const ssize_t got = ready ? recv(p->kept_end, &word, sizeof word, MSG_DONTWAIT) : -1;
    if (!late && (!ready || (got < 0 && (errno == EAGAIN || errno == EINTR)))) return false;
    p->kept_over = true;
    if (late)
        complain("no new process has taken over within %d s of the restart: the flows end",
                 (int)(KEEPER_MOST_NS / 1000000000));
    return true;
}

int keeper_wait_ms(const struct parent *p)
{
    if (!p->keeps || p->kept_over || p->yielded) return -1;
    const uint64_t now = clock_ns(CLOCK_MONOTONIC);
    return now < p->kept_until_ns ? (int)((p->kept_until_ns - now) / 1000000 + 1) : 0;
}

bool keeper_child_ended(const struct parent *p, int *status)
{
    struct pollfd f = {.fd = p->child_fd, .events = POLLIN};
    if (!p->keeps || poll(&f, 1, 0) <= 0) return false;
    *status =
        p->left ? p->left_status << 8 : SIGKILL; /* as waitpid gives it; only its parent knows a signal that ended it */
    return true;
}

void parent_signal(const struct parent *p, int number)
{
    if (p->keeps)
        syscall(SYS_pidfd_send_signal, p->child_fd, number, NULL, 0);
    else
        kill(p->child, number);
}
