/* Pipes, by which the kernel moves bytes from socket to socket: a pool of few, each lent as long as something is in it.
 * The first are large, for a few streams that fill a link; when many go at once the rest get smaller ones. What was
 * left in one by a session that ended is closed with it: it is another client's. */
#pragma once

#include <stdint.h>

enum { PIPE_LARGE = 1 << 20, PIPE_SMALL = 1 << 17 };

struct pipe {
    struct pipe *next;
    int out, in;    /* to read from, to write to */
    uint32_t bytes; /* PIPE_LARGE or PIPE_SMALL: that it holds at most */
    uint32_t held;  /* that are in it */
};

struct pipe_shelf { /* those of one size */
    struct pipe *free;
    uint32_t made, most, bytes;
};
struct pipes {
    struct pipe_shelf large, small;
};

/* Of so many bytes at most, half of them in large ones; the system bounds those of a user as well
 * (fs.pipe-user-pages-soft). */
void pipes_init(struct pipes *p, uint64_t bytes);
void pipes_fini(struct pipes *p);
/* Empty. NULL: there is none to be had now. */
struct pipe *pipe_take(struct pipes *p);
void pipe_give(struct pipes *p, struct pipe *one);
