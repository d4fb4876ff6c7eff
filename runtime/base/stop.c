/* The handler sets a flag and writes to an eventfd, then hands the signal back to its default */
#include "runtime/base/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Globals, because a signal handler reaches nothing else. */
static volatile sig_atomic_t asked;
static int fd = -1;

static void on_signal(int sig)
{
    const int saved = errno;
    const uint64_t one = 1;
    asked = 1;
    (void)!write(fd, &one, sizeof one);
    errno = saved;
}

int stop_begin(void)
{
    static const int signals[] = {SIGINT, SIGTERM};
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = (int)(SA_RESTART | SA_RESETHAND)}, before;
    if (fd < 0) fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) return -errno;
    for (unsigned i = 0; i < 2; i++)
        if (!sigaction(signals[i], NULL, &before) && before.sa_handler != SIG_IGN) sigaction(signals[i], &sa, NULL);
    return 0;
}

bool stop_asked(void) { return asked; }
int stop_fd(void) { return fd; }
