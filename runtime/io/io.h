/* Packet I/O: frames of one interface, in and out, for one worker. Each way is one file that ends in its ops
 * (runtime/io/io.def).
 *
 *     receive ─▶ views, rewritten where they lie ─▶ send … send ─▶ flush ─▶ release
 *
 * A view is of Ethernet, PKT_WRITABLE, with IO_HEADROOM bytes in front; tags that the kernel took off are in pkt.tags,
 * and send puts pkt.tags back. PKT_CSUM_PARTIAL (the L4 checksum is the receiver's or the device's to complete; it then
 * begins at pkt.l4, as parsed) and pkt.segment (a super-packet) are carried along. */
#pragma once

#include <string.h>

#include "vm/kernel/gate.h"
#include "vm/packet/pkt.h"

struct deal;
struct filter;
struct gate;
struct steer;
struct umem;

enum {
    IO_QUEUES = 64,
    /* of a port, at most, that a kernel's program finds sockets of */ IO_HEADROOM = 128,
    IO_BATCH = 64,
    IO_FDS_MOST = 65,
    IO_PORTS_MOST = 16,
    IO_WORKERS_MOST = 16
};

/* What a port is to be like. Numbers alone, for it may cross from one process to another: whoever makes the sockets
 * trusts none of them. */
struct io_ask {
    uint64_t ring_bytes; /* for frames that wait */
    uint32_t ifindex;    /* Ethernet, or the loopback */
    uint32_t mtu;        /* of the interface: a slot of the ring holds such a packet */
    int32_t group;       /* of the ports that share what arrives there, as the first one's make said; -1: the first */
    uint8_t worker, port;
    uint8_t outgoing; /* hand out what the host itself sends, too */
    uint8_t all;      /* hand out frames for other stations, too: the port of a bridge */
    uint8_t beside;   /* `packet` on an interface that `xdp` serves: what steering left to the host */
    uint8_t shared;   /* several ports are opened on the interface: each frame comes to one of them */
    uint8_t hurried;  /* others stand still meanwhile: what another process is about to let go of is not waited for */
    /* of `xdp` */
    uint8_t ports;       /* of the worker: they share its memory */
    uint8_t busy;        /* the kernel hands frames over when asked, not by interrupts (SO_PREFER_BUSY_POLL) */
    uint8_t workers;     /* that the interface's queues are dealt to */
    uint8_t noted;       /* a struct kernel_note (vm/kernel/gate.h) stands before each frame: io_note has it */
    uint32_t frame_most; /* bytes of a frame, as xdp_frame_most says */
};

/* What was made for a port. */
struct io_made {
    int32_t group;         /* for those that follow on the interface */
    uint32_t slots;        /* of `xdp`: of the worker's memory */
    uint32_t ring;         /* of `xdp`: entries of each ring */
    uint32_t fd_count;     /* 0: nothing */
    uint32_t filter, deal; /* of packet: in fds, where the filter counts, and the tables of who deals; 0: not there */
    int fds[IO_FDS_MOST];  /* packet: the socket first; xdp: memory, then a socket a queue */
};

/* What whoever makes sockets keeps from one to the next. */
struct io_maker {
    struct steer *steers[IO_PORTS_MOST]; /* of each port; the caller's */
    int sockets;           /* in place of these: the kernel executor's map of sockets, IO_QUEUES a port; 0: none */
    struct filter *filter; /* of packet sockets; NULL: none */
    struct gate *gate;     /* of the proxy's connections; NULL: there is none */
    struct deal *deal;     /* of those that share an interface; NULL: their hash decides */
    bool filter_asked, deal_asked; /* for, once */
    struct umem_made {
        uint32_t slots, slot_bytes;
        int memory, first;    /* the memory, and the socket that it is registered with; first of -1: none is */
    } umems[IO_WORKERS_MOST]; /* slots of 0: not made yet */
    struct io_unbound {       /* sockets of the port that was made last, with rings that may be mapped */
        struct io_ask ask;
        int fds[IO_FDS_MOST];
        unsigned count; /* 0: none wait for it */
        bool begins;    /* the worker's memory is registered with the first */
    } unbound;
    int hearing[IO_PORTS_MOST]; /* a socket that makes the device hear frames for other stations; 0: none */
};

struct io_stats {
#define IO_COUNTER(field, words, doc) uint64_t field;
#include "runtime/counters/counter.def"
    int last_errno; /* why the last one was not sent */
};

/* One after the other: of all but the last error. */
void io_stats_add(struct io_stats *to, const struct io_stats *s);

struct io_port;

struct io_ops {
    const char *name;
    /* What needs a right: sockets, set up, with rings that nobody has mapped. 0, and the descriptors are the
     * caller's to close, or -1 with one line in err. Needs CAP_NET_RAW, here and there CAP_NET_ADMIN. */
    int (*make)(struct io_maker *, const struct io_ask *, struct io_made *, char *err, size_t err_len);
    /* The port of what was made, in this process or in another that it was passed to. Its descriptors are the port's
     * from now on, also where it fails: NULL, with one line in err. *umem is memory that the worker's ports share;
     * NULL there: this is the first, which writes it (`xdp`). */
    struct io_port *(*open)(const struct io_ask *, const struct io_made *, struct umem **umem, char *err,
                            size_t err_len);
    /* Where make was, after open: frames come from now on, by the sockets that were made last. 0, or -1 with one line
     * in err. NULL: they come already. */
    int (*bind)(struct io_maker *, char *err, size_t err_len);
    void (*close)(struct io_port *);
    /* At most n (and IO_BATCH) frames that have come; never waits. The views hold until release. pkt.iface and cookie
     * are the caller's to fill in. */
    unsigned (*receive)(struct io_port *, struct pkt *pkts[], unsigned n);
    /* All that was received since the last release is done with. Not before what was sent of it is flushed. */
    void (*release)(struct io_port *);
    /* Queue a frame, linear and parsed; its bytes and the headroom in front stay the queue's until flush. */
    void (*send)(struct io_port *, struct pkt *);
    void (*flush)(struct io_port *);
    /* Readable when frames wait. */
    int (*fd)(const struct io_port *);
    /* What poll called an error, once: a positive errno (ENETDOWN: the link went down), 0: nothing. */
    int (*fault)(struct io_port *);
    /* While nobody receives. */
    void (*stats)(struct io_port *, struct io_stats *);
    /* For one other thread, at any time: `lost` and `cut` alone are written. */
    void (*losses)(struct io_port *, struct io_stats *);
    /* For the same thread: has nothing come since it asked last, although frames were lost? Then nothing
     * will: open the port anew. NULL: that cannot be. */
    bool (*stalled)(struct io_port *);
};

/* What stands before a frame that was received by a port that is `noted`, until somebody writes there. */
static inline struct kernel_note io_note(const struct pkt *pkt)
{
    struct kernel_note note; /* frames lie so that their IP headers are aligned, and notes not */
    memcpy(&note, pkt->data - sizeof note, sizeof note);
    return note;
}

/* Close what was made and not opened. */
void io_made_close(struct io_made *m);
/* The filter of packet sockets, loaded when it is wanted first; NULL: there is none (steer/filter.h). */
const struct filter *io_filter(struct io_maker *m);
/* What is kept of memory. */
void io_maker_fini(struct io_maker *m);

/* The longest frame that `xdp` holds on interfaces of that MTU; 0: none so long. */
unsigned xdp_frame_most(uint32_t mtu);
/* Does `xdp` not take an interface of that name and MTU, with so many bytes in front of each frame? *o says why; false:
 * it does. Frames of more than a slot, a page, come in pieces, which Linux 6.6 brought: tried once. */
struct obstacle;
bool xdp_refuses_mtu(const char *name, uint32_t mtu, unsigned in_front, struct obstacle *o);

#define IO(ident, name, doc) extern const struct io_ops io_##ident;
#include "runtime/io/io.def"
