/* One end of a session: a connected socket, with or without TLS in it.
 *
 * The loop tells of changes only (edge-triggered). They are noted here, and the owner's task is run: it does what it
 * can until all says -EAGAIN, and will be run again when something has changed. It need not know which event it waits
 * for: with TLS, reading may wait for writing. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/proxy/loop/loop.h"

enum side_flag {
    SIDE_MAY_READ = 1 << 0,  /* the socket may have something: cleared by -EAGAIN */
    SIDE_MAY_WRITE = 1 << 1, /* it may have room */
    SIDE_HUNG = 1 << 2,      /* its other end has sent its last byte, or urgent ones, or failed: a short read does not
                                mean that nothing is left */
    SIDE_ENDED = 1 << 3,     /* its last byte was read */
    SIDE_SHUT = 1 << 4,      /* our last byte was written and said to be the last */
    SIDE_FAILED = 1 << 5,    /* a read or a write said so; nothing more comes of it */
    SIDE_RESETS = 1 << 6,    /* side_close sends a reset instead of an orderly end */
    SIDE_FIN = 1 << 7,  /* its last byte is in the socket, and nothing is wrong with it: a short read has read it */
    SIDE_MORE = 1 << 8, /* what is written now is followed at once by the end, and may wait for it */
    SIDE_DRY = 1 << 9,  /* with TLS: the socket was emptied, though the library may still hold something */
};

struct side;

/* What a kind of side does. -EAGAIN: not now, the owner's task is run when that may have changed. Another negative
 * errno: it has failed. */
struct side_ops {
    const char *name;
    int (*shake)(struct side *s);                        /* the handshake: 0, it is done. NULL: there is none */
    ssize_t (*read)(struct side *s, void *to, size_t n); /* 1 or more; 0: the other end has ended */
    ssize_t (*write)(struct side *s, const void *from, size_t n); /* 1 or more */
    int (*shut)(struct side *s);                                  /* 0: the other end is told that no more comes */
    void (*close)(struct side *s);                                /* before the socket is closed; NULL: nothing to do */
};
extern const struct side_ops side_plain;

struct side {
    struct watcher watcher; /* the loop's */
    struct loop *loop;
    struct task *task; /* of its owner, run when something has changed */
    const struct side_ops *ops;
    void *tls;      /* of ops */
    int fd;         /* -1: closed */
    uint16_t flags; /* enum side_flag */
};

/* A socket that is connected, or about to be, and does not block; it is the side's from now on, also where this fails.
 * 0 or a negative errno. */
int side_open(struct side *s, struct loop *l, int fd, struct task *task);
/* Close it: in order, or by a reset. May be called again. */
void side_close(struct side *s);

static inline int side_shake(struct side *s) { return s->ops->shake ? s->ops->shake(s) : 0; }
/* 1 or more; 0: the end; -EAGAIN; another negative errno. */
ssize_t side_read(struct side *s, void *to, size_t n);
/* 1 or more, perhaps fewer than n (which is not 0); -EAGAIN; another negative errno. */
ssize_t side_write(struct side *s, const void *from, size_t n);
/* No more will be written. 0 (also where it was said before), -EAGAIN, another negative errno. */
int side_shut(struct side *s);
/* May the kernel move bytes from and to it? */
static inline bool side_can_splice(const struct side *s) { return s->ops == &side_plain; }

/* Something may have come that the loop has not told of yet. */
static inline void side_look(struct side *s) { s->flags = (uint16_t)((s->flags | SIDE_MAY_READ) & ~SIDE_DRY); }
/* Does its other end hear by side_close alone, and for certain, that no more comes? TLS announces it before. */
static inline bool side_ends_by_closing(const struct side *s) { return s->ops == &side_plain; }
