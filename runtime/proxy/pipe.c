/* See pipe.h. */
#include "runtime/proxy/pipe.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void pipe_free(struct pipe *one)
{
    close(one->out);
    close(one->in);
    free(one);
}

void pipes_fini(struct pipes *p)
{
    while (p->free) {
        struct pipe *one = p->free;
        p->free = one->next;
        pipe_free(one);
    }
    p->made = 0;
}

/* The system makes small ones beyond its bound: those are no use. */
static struct pipe *pipe_new(void)
{
    int fds[2];
    struct pipe *one = malloc(sizeof *one);
    if (!one || pipe2(fds, O_CLOEXEC | O_NONBLOCK)) {
        free(one);
        return NULL;
    }
    *one = (struct pipe){.out = fds[0], .in = fds[1]};
    if (fcntl(one->in, F_SETPIPE_SZ, PIPE_BYTES) >= 0) return one;
    pipe_free(one);
    return NULL;
}

struct pipe *pipe_take(struct pipes *p)
{
    struct pipe *one = p->free;
    if (one) {
        p->free = one->next;
        return one;
    }
    one = p->made < p->most ? pipe_new() : NULL;
    if (one) p->made++;
    return one;
}

void pipe_give(struct pipes *p, struct pipe *one)
{
    if (one->held) {
        pipe_free(one);
        p->made--;
        return;
    }
    one->next = p->free;
    p->free = one;
}
