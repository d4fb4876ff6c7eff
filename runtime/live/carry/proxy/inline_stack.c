/* The parent makes the stack once some program needs it; each worker gets its tun queue and its listeners */
#include "runtime/live/carry/proxy/inline_stack.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/io/io.h"
#include "runtime/live/carry/part.h"
#include "runtime/parent/ask.h"

struct inline_stack {
    unsigned workers, each; /* each: descriptors of a worker */
    int fds[IO_FDS_MOST];   /* [workers][each]: its device, its listeners */
};

bool inline_stack_wanted(const struct program *p)
{
    const uint32_t services = p->past ? p->past->services : p->services_count;
    for (uint32_t i = 0; i < services; i++)
        if (mode_is(p->services[i].mode, MODE_INLINE_STACK)) return true;
    return false;
}

/* Return the largest MTU of the served interfaces. */
static uint32_t largest_mtu(const struct carry *carry)
{
    uint32_t most = INLINE_STACK_MTU_LEAST;
    for (unsigned i = 0; i < carry->o->iface_count; i++) {
        const struct host_link *link = host_link(carry->host, carry->ifindex[i]);
        if (link && link->mtu > most) most = link->mtu;
    }
    return most < INLINE_STACK_MTU_MOST ? most : INLINE_STACK_MTU_MOST;
}

static bool stack_make(struct carry *carry, char *err, size_t err_len)
{
    struct inline_stack *x = calloc(1, sizeof *x);
    const struct request_inline_stack asked = {
        {.workers = carry->worker_count, .mtu = largest_mtu(carry), .whole = carry->io == &io_PACKET}};
    if (!x) {
        snprintf(err, err_len, "out of memory");
        return false;
    }
    const int made = ask_INLINE_STACK(carry->tell->channel, &asked, x->fds, err, err_len);
    if (made < 0) {
        free(x);
        return false;
    }
    x->workers = carry->worker_count;
    x->each = (unsigned)made / x->workers;
    carry->inline_stack = x;
    return true;
}

int inline_stack_follow(struct carry *carry, const struct program *grown, char *err, size_t err_len)
{
    if (!inline_stack_wanted(grown)) return 0;
    if (!carry->inline_stack && !stack_make(carry, err, err_len)) return -ENODEV;
    for (unsigned i = 0; i < carry->worker_count && carry->workers[i]; i++) {
        const int failed = worker_inline(carry->workers[i], grown);
        if (!failed) continue;
        snprintf(err, err_len, "out of memory");
        return failed;
    }
    return 0;
}

void inline_stack_close(struct carry *carry)
{
    struct inline_stack *x = carry->inline_stack;
    for (unsigned i = 0; x && i < x->workers * x->each; i++) close(x->fds[i]);
    free(x);
    carry->inline_stack = NULL;
}

int inline_stack_tun(const struct carry *carry, unsigned worker)
{
    return carry->inline_stack ? carry->inline_stack->fds[worker * carry->inline_stack->each] : -1;
}

int inline_stack_listener(const struct carry *carry, unsigned worker, bool v6)
{
    const struct inline_stack *x = carry->inline_stack;
    return x && (!v6 || x->each == INLINE_STACK_FDS) ? x->fds[worker * x->each + 1 + v6] : -1;
}

struct inlined *inline_stack_conns(const struct carry *carry, unsigned worker)
{
    return carry->inline_stack && carry->workers[worker] ? carry->workers[worker]->inlined : NULL;
}

struct leaving *inline_stack_leaving(const struct carry *carry, unsigned worker)
{
    return carry->inline_stack && carry->workers[worker] ? carry->workers[worker]->leaving : NULL;
}

int inline_stack_sockets(struct carry *carry, unsigned family, int fds[TRANSPARENT_BATCH])
{
    return ask_INLINE_SOCKETS(carry->tell->channel, &(struct request_family){family}, fds, NULL, 0);
}

static bool inline_stack_prepare(struct program_change *c)
{
    return !inline_stack_follow(c->carry, c->carry->now.program, c->err, c->err_len);
}

const struct part part_inline_stack = {.prepares = inline_stack_prepare};
