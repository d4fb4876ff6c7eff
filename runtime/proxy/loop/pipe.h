/* Pipes by which the kernel moves bytes between sockets: a small pool; a pipe is lent while it holds bytes. The first
 * pipes are large, for a few streams that fill a link; if many streams run, the others get small pipes. A pipe in which
 * an ended session left bytes is closed: they belong to another client. */
#pragma once

#include <stdint.h>

enum { PIPE_LARGE = 1 << 20, PIPE_SMALL = 1 << 17 };

struct pipe {
    struct pipe *next;
    int out, in;    /* read end, write end */
    uint32_t bytes; /* capacity: PIPE_LARGE or PIPE_SMALL */
    uint32_t held;  /* number of bytes in it */
};

struct pipe_shelf { /* pipes of one size */
    struct pipe *free;
    uint32_t made, most, bytes;
};
struct pipes {
    struct pipe_shelf large, small;
};

/* Make a pool of at most `bytes`, half of them in large pipes. The system also limits a user's pipes
 * (fs.pipe-user-pages-soft). */
void pipes_init(struct pipes *p, uint64_t bytes);
void pipes_fini(struct pipes *p);
/* Return an empty pipe; NULL: none now */
struct pipe *pipe_take(struct pipes *p);
void pipe_give(struct pipes *p, struct pipe *one);
