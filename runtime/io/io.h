/* Packet I/O: frames of one interface, in and out, for one worker. Each way is one file that ends in its ops
 * (runtime/io.def).
 *
 *     receive ─▶ views, rewritten where they lie ─▶ send … send ─▶ flush ─▶ release
 *
 * A view is of Ethernet, PKT_WRITABLE, with IO_HEADROOM bytes in front; tags that the kernel took off are in pkt.tags,
 * and send puts pkt.tags back. PKT_CSUM_PARTIAL (the L4 checksum is the receiver's or the device's to complete; it then
 * begins at pkt.l4, as parsed) and pkt.segment (a super-packet) are carried along. */
#ifndef RUNTIME_IO_IO_H
#define RUNTIME_IO_IO_H

#include "vm/packet/pkt.h"

struct steer;
struct umem;

enum { IO_HEADROOM = 128, IO_BATCH = 64 };

struct io_cfg {
    uint64_t ring_bytes; /* for frames that wait */
    uint32_t mtu;        /* of the interface: a slot of the ring holds such a packet */
    bool outgoing;       /* hand out what the host itself sends, too */
    bool all;            /* hand out frames for other stations, too: the port of a bridge */
    bool shared;         /* several ports are opened on the interface: each frame comes to one of them */
    int *group;          /* of those; -1: this is the first, which writes it */
    /* of `xdp` */
    struct umem **umem;  /* memory that the worker's ports share; NULL there: this is the first, which writes it */
    unsigned ports;      /* how many they are */
    unsigned frame_most; /* bytes of a frame, as xdp_frame_most says */
    struct steer *steer; /* the caller's; attached after open, closed after the port */
};

struct io_stats {
    uint64_t received;  /* frames that were handed out */
    uint64_t lost;      /* found no room in the ring */
    uint64_t cut;       /* longer than a slot, and the rest was not to be had: not handed out */
    uint64_t super;     /* super-packets among the received: one of them is copied once more where it is too long */
    uint64_t copied;    /* of the received, those that the ring's slots did not hold; on xdp of those sent */
    uint64_t completed; /* L4 checksums that were left to the device, and nobody said so */
    uint64_t sent;      /* taken by the kernel */
    uint64_t not_sent;  /* refused: no room in its queue, the link is down */
    int last_errno;     /* why the last one was not sent */
};

/* One after the other: of all but the last error. */
void io_stats_add(struct io_stats *to, const struct io_stats *s);

struct io_port;

struct io_ops {
    const char *name;
    /* The interface must be Ethernet (or the loopback). Needs CAP_NET_RAW. NULL, with one line in err. */
    struct io_port *(*open)(unsigned ifindex, const struct io_cfg *cfg, char *err, size_t err_len);
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
    void (*stats)(struct io_port *, struct io_stats *);
};

/* The longest frame that `xdp` holds on interfaces of that MTU; 0: none so long. */
unsigned xdp_frame_most(uint32_t mtu);

#define IO(ident, name, doc) extern const struct io_ops io_##ident;
#include "runtime/io.def"

#endif
