/* The parent makes the stack for the first program that needs it; each worker gets its TUN queue and its listeners */
#include "runtime/live/carry/proxy/inline_stack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/io/io.h"
#include "runtime/live/carry/part.h"
#include "runtime/parent/ask.h"

struct inline_stack {
    unsigned workers, each;             /* each: number of descriptors per worker */
    int fds[IO_FDS_MOST];               /* [workers][each]: a worker's device and listeners */
    int memory[WORKERS_MOST];           /* memory for counts of spliced connections (leaving_new); 0: none */
    struct leaving *left[WORKERS_MOST]; /* exchanges without workers, and their wake_fd (inline_stack_leave) */
    struct inlined *known[WORKERS_MOST];
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
    for (unsigned i = 0; i < carry->worker_count; i++) {
        int *memory = &carry->inline_stack->memory[i];
        const int failed = *memory ? 0 : ask_INLINE_MEMORY(carry->tell->channel, memory, err, err_len);
        if (failed) return failed;
    }
    for (unsigned i = 0; i < carry->worker_count && carry->workers[i]; i++) {
        const int failed = worker_inline(carry->workers[i], grown, carry->inline_stack->memory[i]);
        if (!failed) continue;
        snprintf(err, err_len, "out of memory");
        return failed;
    }
    return 0;
}

const char *inline_stack_stays(const struct carry *carry)
{
    const struct program *p = carry->now.program;
    if (!carry->inline_stack) return NULL;
    if (!inline_stack_wanted(p)) return "the previous rules had inline connections, whose table these rules lack";
    if (carry->workers[0]->leaving->most != p->settings->proxy_sessions)
        return "a reload has changed `proxy_sessions`, and the table of inline connections has its old size";
    return NULL;
}

unsigned inline_stack_each(const struct carry *carry, unsigned worker, const int **fds)
{
    const struct inline_stack *x = carry->inline_stack;
    if (!x || worker >= x->workers) return 0;
    *fds = x->fds + (size_t)worker * x->each;
    return x->each;
}

int inline_stack_memory(const struct carry *carry, unsigned worker)
{
    return carry->inline_stack ? carry->inline_stack->memory[worker] : 0;
}

void inline_stack_still(const struct carry *carry, bool still)
{
    for (unsigned i = 0; i < carry->worker_count; i++)
        if (carry->workers[i]->leaving) leaving_still(carry->workers[i]->leaving, still);
}

int inline_stack_take(struct carry *carry, const int fds[], unsigned each, const int memory[])
{
    struct inline_stack *x = calloc(1, sizeof *x);
    if (!x) return -ENOMEM;
    x->workers = carry->worker_count;
    x->each = each;
    memcpy(x->fds, fds, (size_t)x->workers * each * sizeof *fds);
    memcpy(x->memory, memory, x->workers * sizeof *memory);
    carry->inline_stack = x;
    return 0;
}

void inline_stack_leave(struct carry *carry)
{
    struct inline_stack *x = carry->inline_stack;
    for (unsigned i = 0; x && i < x->workers; i++) {
        struct worker *w = carry->workers[i];
        if (!w->leaving) continue;
        x->left[i] = w->leaving;
        x->known[i] = w->inlined;
        w->leaving = NULL;
        w->inlined = NULL;
        w->wake_fd = -1;
    }
}

int inline_stack_asked_fd(const struct carry *carry, unsigned worker)
{
    const struct inline_stack *x = carry->inline_stack;
    return x && worker < x->workers && x->left[worker] ? x->left[worker]->wake_fd : -1;
}

bool inline_stack_asked(const struct carry *carry, unsigned worker, struct inline_ask *ask)
{
    const struct inline_stack *x = carry->inline_stack;
    struct leaving *l = x && worker < x->workers ? x->left[worker] : NULL;
    bool any;
    while ((any = l && leaving_has_room(l) && leaving_asked(l, ask)) && ask->kind == INLINE_LEAVE) {
        leaving_stays(l, ask, SPLICE_WHY_ELSEWHERE);
        leaving_call(l);
    }
    return any;
}

bool inline_stack_told(const struct carry *carry, unsigned worker, const struct inline_told *told)
{
    const struct inline_stack *x = carry->inline_stack;
    struct leaving *l = x && worker < x->workers ? x->left[worker] : NULL;
    if (!l) return true;
    if (!leaving_has_room(l)) return false;
    leaving_tell(l, told);
    leaving_call(l);
    return true;
}

void inline_stack_close(struct carry *carry)
{
    struct inline_stack *x = carry->inline_stack;
    for (unsigned i = 0; x && i < x->workers; i++) {
        if (x->left[i]) close(x->left[i]->wake_fd);
        leaving_free(x->left[i]);
        inlined_free(x->known[i]);
    }
    for (unsigned i = 0; x && i < x->workers * x->each; i++) close(x->fds[i]);
    for (unsigned i = 0; x && i < x->workers; i++)
        if (x->memory[i]) close(x->memory[i]);
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
