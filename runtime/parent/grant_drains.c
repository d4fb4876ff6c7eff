/* Requests of a service that has been taken over: connections that end in it go on until they end */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "runtime/io/steer/deal.h"
#include "runtime/io/steer/filter.h"
#include "runtime/io/steer/gate.h"
#include "runtime/io/steer/steer.h"
#include "runtime/parent/parent_priv.h"

/* Return 2, or a negative errno after both are closed. */
static int two_given(int fds[])
{
    if (fds[0] >= 0 && fds[1] >= 0) return 2;
    const int failed = -errno;
    for (unsigned i = 0; i < 2; i++)
        if (fds[i] >= 0) close(fds[i]);
    return failed;
}

int grant_FILTER(struct parent *p, struct answer *a, int fds[])
{
    const struct filter *f = io_filter(&p->maker);
    if (!f) return -ENOTSUP;
    fds[0] = filter_program(f);
    fds[1] = filter_memory(f);
    return two_given(fds);
}

int grant_DEALER(struct parent *p, struct answer *a, int fds[])
{
    deal_close(p->maker.deal); /* the other instance uses it now */
    p->maker.deal = deal_open();
    p->maker.deal_asked = true;
    if (!p->maker.deal) return -ENOTSUP;
    fds[0] = deal_program(p->maker.deal);
    fds[1] = deal_memory(p->maker.deal);
    return two_given(fds);
}

int grant_DRAINS(struct parent *p, struct answer *a, int fds[])
{
    if (!p->yielded || p->drains) return NEVER;
    p->drains = true;
    prctl(PR_SET_NAME, PARENT_BEFORE); /* only the new one has the program's name */
    for (unsigned i = 0; i < IO_PORTS_MOST; i++) {
        steer_close(p->maker.steers[i]);
        p->maker.steers[i] = NULL;
    }
    parent_kernel_fini(p);
    memset(p->hooked, 0, sizeof p->hooked);
    p->judge = NULL;
    p->kernel = NULL;
    resolver_free(p->resolver);
    p->resolver = NULL;
    aside_free(p->check_stack);
    p->check_stack = NULL;
    if (p->recordings >= 0) close(p->recordings);
    p->recordings = -1;
    state_leave(p->state);
    p->state = NULL;
    return 0;
}

int grant_UNGATE(struct parent *p, struct answer *a, int fds[])
{
    if (!p->drains) return NEVER;
    gate_leave(p->maker.gate);
    p->maker.gate = NULL;
    io_maker_fini(&p->maker);
    p->maker = (struct io_maker){.filter_asked = true, .deal_asked = true};
    return 0;
}

bool grant_drained(enum request_kind kind)
{
    switch (kind) {
    case REQUEST_TRANSPARENT: /* servers still see clients' addresses */
    case REQUEST_INLINE_SOCKETS:
    case REQUEST_ACCESS_LOG: /* logs are turned */
    case REQUEST_LOG:
    case REQUEST_LEFT: /* a keeper learns how it ends */
    case REQUEST_UNGATE: return true;
    default: return false;
    }
}
