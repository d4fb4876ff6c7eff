/* Pipes, by which the kernel moves bytes from socket to socket: a pool of few, each lent as long as something is in it.
 * What was left in one by a session that ended is closed with it: it is another client's. */
#ifndef RUNTIME_PROXY_PIPE_H
#define RUNTIME_PROXY_PIPE_H

#include <stdint.h>

enum { PIPE_BYTES = 256 * 1024 };

struct pipe {
    struct pipe *next;
    int out, in;   /* to read from, to write to */
    uint32_t held; /* bytes that are in it */
};

struct pipes {
    struct pipe *free;
    uint32_t made, most;
};

/* At most so many; the system bounds those of a user as well (fs.pipe-user-pages-soft). */
static inline void pipes_init(struct pipes *p, uint32_t most) { *p = (struct pipes){.most = most}; }
void pipes_fini(struct pipes *p);
/* Empty. NULL: there is none to be had now. */
struct pipe *pipe_take(struct pipes *p);
void pipe_give(struct pipes *p, struct pipe *one);

#endif
