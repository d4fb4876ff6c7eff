/* Two processes are needed, because a process whose takeover fails half-way can't begin again: it has given up
 * privileges, and forked. The process that takes over is no child of the waiting one, but of the service manager,
 * which then learns of its end. */
#include "runtime/live/main/heir.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/complain.h"
#include "runtime/host/manager.h"
#include "runtime/live/rules/reload.h"
#include "runtime/live/tell/notified.h"
#include "runtime/parent/between/apart.h"
#include "runtime/parent/keeper.h"

enum { END_MS = 45000 /* a service has 30 s to end, and undoing changes takes some more */ };

/* ---- the process that the manager has started ---- */

static bool hung_up(int fd, int ms)
{
    struct pollfd p = {.fd = fd};
    return poll(&p, 1, ms) > 0 && p.revents & (POLLHUP | POLLERR);
}

/* Make the keeper end as after a stop, and wait for that. */
static void keeper_end(int keeper)
{
    char word = 'e';
    send(keeper, &word, 1, MSG_NOSIGNAL);
    if (!hung_up(keeper, END_MS)) complain("the process that kept the flows hasn't ended within %d s", END_MS / 1000);
    close(keeper);
}

/* Wait until the other process judges, and exit; or return if it has failed. */
static void stand_by(pid_t heir, int fd, int keeper, int signals)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    char word;
    for (;;) {
        if (poll(fds, 2, -1) < 0) continue;
        const ssize_t got = fds[0].revents ? recv(fd, &word, 1, MSG_DONTWAIT) : -1;
        if (got == 1) {
            manager_main(heir);
            manager_heard();
            exit(0);
        }
        if (!got || (got < 0 && fds[0].revents && errno != EAGAIN)) break;
        if (!fds[1].revents) continue;
        kill(heir, SIGTERM); /* the process exists as long as its end of the socket is open */
        hung_up(fd, END_MS);
        keeper_end(keeper);
        exit(0);
    }
    complain("the new process failed to take over the kept flows: the flows end, and preyrun starts without them");
    keeper_end(keeper);
}

static int signals_open(sigset_t *before)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, before);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool heir_begin(int *fd)
{
    int between;
    sigset_t before;
    const int keeper = manager_stored(KEEPER_NAME);
    if (keeper < 0) return false;
    manager_unstore(KEEPER_NAME); /* the keeper watches this process's own descriptor to learn its end */
    if (hung_up(keeper, 0)) {
        complain("the process that kept the flows has ended: the flows end, and preyrun starts without them");
        close(keeper);
        return false;
    }
    const int signals = signals_open(&before);
    const pid_t heir = fork_apart(&between);
    if (heir > 0) {
        stand_by(heir, between, keeper, signals);
    } else if (heir < 0) {
        complain("preyrun can't start a process to take over the kept flows: %s; the flows end, and preyrun "
                 "starts without them",
                 strerror(-heir));
        keeper_end(keeper);
    } else {
        close(keeper);
        manager_succeed();
        *fd = between;
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (signals >= 0) close(signals);
    if (heir > 0) close(between);
    return !heir;
}

/* ---- the process that takes over ---- */

static void rules_over(void *with, const char *why)
{
    struct live *l = with;
    l->heir = why ? HEIR_REFUSED : HEIR_DONE;
    l->tell.notified.mute = false;
    if (!why) notified_ready(&l->tell);
}

void heir_rules(struct live *l) { reload_start(&l->rules, rules_over, l); }
