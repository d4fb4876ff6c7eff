/* The clock is read rarely; the first line comes after half a second, then ten per second */
#include "runtime/report/given/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/report/text.h"

#define FIRST_NS 500000000u /* shorter runs show nothing */
#define EVERY_NS 100000000u
enum { CALLS = 256 }; /* batches between two reads of the clock */

void progress_begin(struct progress *p, bool wanted)
{
    *p = (struct progress){.on = wanted && isatty(STDERR_FILENO), .begin_ns = clock_ns(CLOCK_MONOTONIC)};
    p->next_ns = p->begin_ns + FIRST_NS;
}

void progress_step(struct progress *p, const struct capture *c, uint64_t frames)
{
    if (p->on && ++p->calls % CALLS == 0) progress_wait(p, c, frames);
}

void progress_wait(struct progress *p, const struct capture *c, uint64_t frames)
{
    if (!p->on) return;
    const uint64_t now = clock_ns(CLOCK_MONOTONIC);
    if (now < p->next_ns) return;
    char n[TEXT_NUMBER], t[TEXT_NUMBER];
    const uint64_t size = capture_size(c);
    if (size)
        fprintf(stderr, "\r%3u %%  ", (unsigned)((double)capture_position(c) * 100 / (double)size));
    else
        fputc('\r', stderr);
    fprintf(stderr, "%s frames, %s\033[K", text_number(frames, n), text_duration(now - p->begin_ns, t));
    fflush(stderr);
    p->shown = true;
    p->next_ns = now + EVERY_NS;
}

void progress_end(struct progress *p)
{
    if (p->shown) fputs("\r\033[K", stderr);
    p->shown = false;
}
