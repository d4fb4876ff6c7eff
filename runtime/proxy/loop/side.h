/* One end of a session: a connected socket, with or without TLS.
 *
 * The loop reports changes only (edge-triggered). They are kept as flags, and the owner's task runs: it goes on
 * until each call returns -EAGAIN, and runs again after a change. The task need not know for which event it waits:
 * with TLS, reading may wait for writing. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/proxy/loop/loop.h"

enum side_flag {
    SIDE_MAY_READ = 1 << 0,  /* the socket may have bytes: cleared by -EAGAIN */
    SIDE_MAY_WRITE = 1 << 1, /* the socket may have room */
    SIDE_HUNG = 1 << 2,      /* the peer's end, urgent bytes or a failure came: a short read may leave bytes */
    SIDE_ENDED = 1 << 3,     /* the last byte was read */
    SIDE_SHUT = 1 << 4,      /* the last byte was written, and the end sent */
    SIDE_FAILED = 1 << 5,    /* a read or a write has failed; no more bytes are read or written */
    SIDE_RESETS = 1 << 6,    /* side_close sends a reset instead of an orderly end */
    SIDE_FIN = 1 << 7,       /* the last byte is in the socket, without error: a short read has read it */
    SIDE_MORE = 1 << 8,      /* the end follows this write at once, so that one segment may carry both */
    SIDE_DRY = 1 << 9,       /* with TLS: the socket is empty, but OpenSSL may have bytes */
};

struct side;

/* Operations of a kind of side. -EAGAIN: not now; the owner's task runs when that may have changed. Other negative
 * errno: the side has failed. */
struct side_ops {
    int (*shake)(struct side *s);                                 /* do the handshake; 0: done. NULL: none */
    ssize_t (*read)(struct side *s, void *to, size_t n);          /* 1 or more; 0: the peer's end */
    ssize_t (*write)(struct side *s, const void *from, size_t n); /* 1 or more */
    int (*shut)(struct side *s);                                  /* send the end; 0: done */
    void (*close)(struct side *s);                                /* before the socket is closed; NULL: nothing to do */
};
extern const struct side_ops side_plain;

struct side {
    struct watcher watcher; /* for the loop */
    struct loop *loop;
    struct task *task; /* the owner's, run after a change */
    const struct side_ops *ops;
    void *tls;            /* state of ops */
    int fd;               /* -1: closed */
    uint16_t flags;       /* enum side_flag */
    uint64_t read, wrote; /* bytes that the socket has given and taken (without TLS) */
};

/* Make a side of a non-blocking socket that is connected or connecting. The side owns fd, even on failure. Return 0 or
 * a negative errno. */
int side_open(struct side *s, struct loop *l, int fd, struct task *task);
/* Close in order, or by a reset (SIDE_RESETS). May be called again. */
void side_close(struct side *s);

static inline int side_shake(struct side *s) { return s->ops->shake ? s->ops->shake(s) : 0; }
/* Return the number of bytes read; 0: the end; -EAGAIN; other negative errno */
ssize_t side_read(struct side *s, void *to, size_t n);
/* Return the number of bytes written, 1 to n (n is not 0); -EAGAIN; other negative errno */
ssize_t side_write(struct side *s, const void *from, size_t n);
/* Send the end. Return 0 (even if sent before), -EAGAIN, other negative errno. */
int side_shut(struct side *s);
/* True if the kernel can move bytes from and to the side */
static inline bool side_can_splice(const struct side *s) { return s->ops == &side_plain; }

/* Allow a read for bytes that the loop has not reported yet */
static inline void side_look(struct side *s) { s->flags = (uint16_t)((s->flags | SIDE_MAY_READ) & ~SIDE_DRY); }
/* True if side_close by itself reliably informs the peer of the end. TLS announces the end before. */
static inline bool side_ends_by_closing(const struct side *s) { return s->ops == &side_plain; }
