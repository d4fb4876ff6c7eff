/* Two shelves, one of large pipes and one of small, filled as pipes are requested */
#include "runtime/proxy/loop/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void pipe_free(struct pipe *one)
{
    close(one->out);
    close(one->in);
    free(one);
}

static struct pipe_shelf shelf(uint64_t bytes, uint32_t each)
{
    return (struct pipe_shelf){.most = (uint32_t)(bytes / each), .bytes = each};
}

void pipes_init(struct pipes *p, uint64_t bytes)
{
    *p = (struct pipes){.large = shelf(bytes / 2, PIPE_LARGE), .small = shelf(bytes / 2, PIPE_SMALL)};
}

static void pipe_clear(struct pipe_shelf *s)
{
    while (s->free) {
        struct pipe *one = s->free;
        s->free = one->next;
        pipe_free(one);
    }
    s->made = 0;
}

void pipes_fini(struct pipes *p)
{
    pipe_clear(&p->large);
    pipe_clear(&p->small);
}

/* Make a pipe of that size, or none: beyond a user's limit the system makes small pipes, which are useless here */
static struct pipe *pipe_new(uint32_t bytes)
{
    int fds[2];
    struct pipe *one = malloc(sizeof *one);
    if (!one || pipe2(fds, O_CLOEXEC | O_NONBLOCK)) {
        free(one);
        return NULL;
    }
    *one = (struct pipe){.out = fds[0], .in = fds[1], .bytes = bytes};
    if (fcntl(one->in, F_SETPIPE_SZ, bytes) >= 0) return one;
    const int failed = errno;
    pipe_free(one);
    errno = failed;
    return NULL;
}

static struct pipe *shelf_take(struct pipe_shelf *s)
{
    struct pipe *one = s->free;
    if (one) {
        s->free = one->next;
        return one;
    }
    one = s->made < s->most ? pipe_new(s->bytes) : NULL;
    if (one) s->made++;
    return one;
}

struct pipe *pipe_take(struct pipes *p)
{
    errno = 0;
    struct pipe *one = shelf_take(&p->large);
    if (!one && errno == EPERM) p->large.most = p->large.made; /* the system allows no more large pipes */
    return one ? one : shelf_take(&p->small);
}

void pipe_give(struct pipes *p, struct pipe *one)
{
    struct pipe_shelf *s = one->bytes == PIPE_LARGE ? &p->large : &p->small;
    if (one->held) {
        pipe_free(one);
        s->made--;
        return;
    }
    one->next = s->free;
    s->free = one;
}
