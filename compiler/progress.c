/* The progress line (progress.h). The signal handler calls only write and clock_gettime, and gets its data through
 * globals. */
#include "compiler/progress.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_MS = 500, EVERY_MS = 200, LINE = 160 };

static const char *volatile doing;
static volatile uint64_t parts_done, parts;
static volatile sig_atomic_t on, shown;
static uint64_t began_ms;

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Append as much as fits; return the new end. */
static char *text_put(char *at, const char *end, const char *text)
{
    while (*text && at < end) *at++ = *text++;
    return at;
}

static char *text_put_number(char *at, const char *end, uint64_t n)
{
    char digits[24], *first = digits + sizeof(digits) - 1;
    *first = '\0';
    do *--first = (char)('0' + n % 10);
    while (n /= 10);
    return text_put(at, end, first);
}

static void show(int sig)
{
    const int saved = errno;
    char line[LINE], *at = line;
    const char *const end = line + sizeof(line), *what = doing;
    const uint64_t ms = now_ms() - began_ms, all = parts, done = parts_done;
    if (!on) return;
    at = text_put(at, end, "\r");
    if (what) at = text_put(text_put(at, end, what), end, ", ");
    if (all && done <= all)
        at = text_put(text_put_number(at, end, (uint64_t)((double)done * 100 / (double)all)), end, " %, ");
    at = text_put(text_put_number(at, end, ms / 1000), end, ".");
    at = text_put(text_put(text_put_number(at, end, ms / 100 % 10), end, " s"), end, "\033[K");
    shown = write(STDERR_FILENO, line, (size_t)(at - line)) > 0 || shown;
    errno = saved;
}

static void ring(unsigned first_ms, unsigned every_ms)
{
    const struct itimerval when = {.it_value = {.tv_usec = (suseconds_t)first_ms * 1000},
                                   .it_interval = {.tv_usec = (suseconds_t)every_ms * 1000}};
    setitimer(ITIMER_REAL, &when, NULL);
}

void progress_show(void)
{
    const struct sigaction sa = {.sa_handler = show, .sa_flags = (int)SA_RESTART};
    if (on || !isatty(STDERR_FILENO) || sigaction(SIGALRM, &sa, NULL) < 0) return;
    doing = NULL;
    parts = parts_done = 0;
    began_ms = now_ms();
    on = 1;
    ring(FIRST_MS, EVERY_MS);
}

void progress_hide(void)
{
    static const char gone[] = "\r\033[K";
    if (!on) return;
    ring(0, 0);
    on = 0; /* a signal on its way then shows nothing */
    if (shown) (void)!write(STDERR_FILENO, gone, strlen(gone));
    shown = 0;
}

void progress_at(const char *what)
{
    parts = 0;
    doing = what;
}

void progress_done(uint64_t done, uint64_t all)
{
    parts_done = done;
    parts = all;
}
