/* Packet I/O: frames of one interface, in and out, for one worker. Each way of I/O is one file that ends in its ops
 * (runtime/io/io.def).
 *
 *     receive ─▶ views, rewritten where they are ─▶ send … send ─▶ flush ─▶ release
 *
 * A view is an Ethernet frame or, if the device has no Ethernet, a bare IP packet (LINK_RAW). It is PKT_WRITABLE,
 * with IO_HEADROOM bytes in front. Sent packets have the port's link type, too. Tags that the kernel took off are in
 * pkt.tags, and send puts pkt.tags back. PKT_CSUM_PARTIAL (the receiver or the device completes the L4 checksum,
 * which then begins at pkt.l4, as parsed) and pkt.segment (a super-packet) are carried along. */
#pragma once

#include <string.h>

#include "vm/kernel/gate.h"
#include "vm/packet/pkt.h"

struct archive;
struct deal;
struct filter;
struct gate;
struct steer;
struct umem;

enum {
    IO_QUEUES = 64, /* maximum number of a port's sockets in a kernel program's map */
    IO_HEADROOM = 128,
    IO_BATCH = 64,
    IO_FDS_MOST = 67, /* the most descriptors of a port: those of io_RINGED */
    IO_PORTS_MOST = 16,
    IO_WORKERS_MOST = 16
};

/* Request for a port. It holds only numbers, because it may cross from one process to another; the process that
 * makes the sockets trusts none of them. */
struct io_ask {
    uint64_t ring_bytes; /* for frames that wait */
    uint32_t ifindex;
    uint32_t mtu;  /* MTU of the interface; a slot of the ring holds such a packet */
    int32_t group; /* group of ports that share the arriving frames, from io_made of its first; -1: a new group */
    uint8_t worker, port;
    uint8_t outgoing; /* also receive frames that the host itself sends */
    uint8_t all;      /* receive frames for other stations, too: a port of a bridge, or a switch's mirror port */
    uint8_t beside; /* a second port on an interface, beside `xdp`: `packet`, for frames that steering left to the host;
                       with the kernel executor io_RAISED, for io_RINGED */
    uint8_t shared; /* several ports are opened on the interface: each frame goes to one of these */
    uint8_t mute;   /* `packet` that sends only, with the maker's mark */
    uint8_t link;   /* enum pkt_link of the device (pkt_link_of); a device with another link is refused */
    uint8_t hurried; /* other ports are paused meanwhile: do not wait for resources that another process is about to
                        release */
    /* for `xdp` */
    uint8_t ports;       /* number of the worker's ports, which share its memory */
    uint8_t busy;        /* the kernel hands frames over on request, not by interrupts (SO_PREFER_BUSY_POLL) */
    uint8_t workers;     /* number of workers that the interface's queues are dealt to */
    uint8_t noted;       /* a struct kernel_note (vm/kernel/gate.h) is before each frame, for io_note */
    uint32_t frame_most; /* bytes of the longest frame, from xdp_frame_most */
};

/* The ring of a port that another process continues; for io_RAISED, whose ring has its own position, only one block;
 * for `xdp` the length of a slot, and one block. */
struct io_handed {
    uint32_t slot_bytes, blocks; /* shape of the ring; blocks 0: nothing was handed over */
    uint32_t block, slot;        /* `packet`: the next slot to read */
};

/* Result of make for a port. */
struct io_made {
    int32_t group;         /* group for the next ports on the interface */
    uint32_t slots;        /* for `xdp`: slots of the worker's memory */
    uint32_t ring;         /* for `xdp`: entries of each ring */
    uint32_t fd_count;     /* 0: nothing was made */
    uint32_t filter, deal; /* for `packet`: index in fds of the filter's counters, and of the dealing tables; 0: none */
    struct io_handed handed; /* in place of make: the sockets belong to another process's port */
    int fds[IO_FDS_MOST]; /* `packet`: the socket first; `xdp`: the memory, then a socket for each queue; io_RAISED: the
                             socket, then the ring; io_RINGED: those of both */
};

/* State kept between calls of make. */
struct io_maker {
    struct steer *steers[IO_PORTS_MOST]; /* by port; owned by the caller */
    int sockets; /* the kernel executor's map of sockets, IO_QUEUES per port, in place of `steers`; 0: none */
    int (*ring)(void *arg, uint32_t port); /* its ring for a port, which the caller closes; or a negative errno */
    void *ring_arg;
    uint32_t mark;         /* the executor's mark of packets that the process sends (vm/kernel/given.h); 0: none */
    struct filter *filter; /* for packet sockets; NULL: none */
    struct gate *gate;     /* for the proxy's connections; NULL: none */
    struct deal *deal;     /* for sockets that share an interface; NULL: dealt by hash */
    bool filter_asked, deal_asked; /* loading was tried, once */
    struct umem_made {
        uint32_t slots, slot_bytes;
        int memory, first;    /* the memory, and the socket that it is registered with; first -1: not registered */
    } umems[IO_WORKERS_MOST]; /* slots 0: not made yet */
    struct io_unbound {       /* sockets of the last port made, with rings that can still be mapped */
        struct io_ask ask;
        int fds[IO_FDS_MOST];
        unsigned count; /* 0: none to bind */
        bool begins;    /* the worker's memory is registered with the first socket */
    } unbound;
    int hearing[IO_PORTS_MOST]; /* socket that makes the device receive frames for other stations; 0: none */
};

struct io_stats {
#define IO_COUNTER(field, words, doc) uint64_t field;
#include "runtime/counters/counter.def"
    int last_errno; /* errno of the last frame that was not sent */
};

/* Add the counters, but not last_errno. */
void io_stats_add(struct io_stats *to, const struct io_stats *s);

struct io_port;

struct io_ops {
    const char *name;
    /* Do the privileged part: make sockets and set them up, with rings not yet mapped. Return 0 and give the
     * descriptors to the caller, or -1 with one line in err. Needs CAP_NET_RAW, for some requests also
     * CAP_NET_ADMIN. */
    int (*make)(struct io_maker *, const struct io_ask *, struct io_made *, char *err, size_t err_len);
    /* Open a port from the result of make, in this process or in one that received it. The port owns the descriptors
     * from then on, on failure, too. *umem: memory shared by the worker's ports (`xdp`); the first port sets it.
     * Return NULL with one line in err on failure. */
    struct io_port *(*open)(const struct io_ask *, const struct io_made *, struct umem **umem, char *err,
                            size_t err_len);
    /* Bind the sockets made last, in the process of make and after open; frames arrive from then on. Return 0, or -1
     * with one line in err. NULL: make has bound them. */
    int (*bind)(struct io_maker *, char *err, size_t err_len);
    void (*close)(struct io_port *);
    /* Return at most n (and IO_BATCH) frames, without waiting. The views are valid until release. The caller sets
     * pkt.iface and cookie. */
    unsigned (*receive)(struct io_port *, struct pkt *pkts[], unsigned n);
    /* Return the wall time when a received frame came, in nanoseconds; 0: unknown, or the frame is not this port's.
     * Valid until release. NULL: unknown. */
    uint64_t (*came)(const struct io_port *, const struct pkt *);
    /* Release all frames received since the last release. Flush sent ones before. */
    void (*release)(struct io_port *);
    /* Queue a frame, linear and parsed. Its bytes and the headroom in front belong to the queue until flush. */
    void (*send)(struct io_port *, struct pkt *);
    void (*flush)(struct io_port *);
    /* Return a descriptor that is readable when frames wait. */
    int (*fd)(const struct io_port *);
    /* Return the error that poll reported, once: a positive errno (ENETDOWN: the link went down), or 0. */
    int (*fault)(struct io_port *);
    /* Read all counters, while no thread receives. */
    void (*stats)(struct io_port *, struct io_stats *);
    /* Read only `lost` and `cut`. May be called by one other thread, at any time. */
    void (*losses)(struct io_port *, struct io_stats *);
    /* Hand over a port that has released all frames: *made is for open in another process, with descriptors that stay
     * the port's. False: not this port. NULL: ports of this way can't be handed over. */
    bool (*hand)(const struct io_port *, struct io_made *made);
    /* True if make would have made a ring of that shape for that request. NULL: only open can find that out. */
    bool (*fits)(const struct io_ask *, const struct io_made *made);
    /* Continue from *made with a port that was opened before by the same descriptors and has not received yet; the
     * descriptors in *made are then closed. False: *made is another port's; nothing has changed. NULL: the port is
     * always opened again. */
    bool (*resume)(struct io_port *, struct io_made *made);
    /* Return why the port can't be handed over on this kernel, or NULL. Called by one other thread, at any time.
     * NULL: always possible if `hand` is set. */
    const char *(*stays)(const struct io_port *);
    /* Write the state for which `hand` has no room, with the port as for `hand`; or read it into a port opened from
     * *made, before it receives frames. The input is hostile. False: malformed. NULL: there is no further state. */
    bool (*archive)(struct io_port *, struct archive *);
    /* Filter a handed-over port by the program of this process's parent, in place of the other process's. memory:
     * the program's counters, which the port then owns; -1: none. Return 0 or a negative errno. NULL: such a port
     * has no filter. */
    int (*filter)(struct io_port *, int program, int memory);
    /* Return the group of ports that share the arriving frames. A port without a group founds one, and gets all
     * frames until `deal`. Negative errno: impossible. NULL: ports of this way have no groups. */
    int (*group)(struct io_port *);
    /* Give the group another dealing program. Return 0 or a negative errno. NULL: ports of this way have no groups. */
    int (*deal)(struct io_port *, int program);
    /* True if nothing has come since the last call although frames were lost: the ring is stuck, and the port must
     * be reopened. Called by the thread that receives. NULL: this can't happen. */
    bool (*stalled)(struct io_port *);
};

/* Return the note before a frame from a `noted` port. Writing to the headroom destroys it. */
static inline struct kernel_note io_note(const struct pkt *pkt)
{
    struct kernel_note note; /* a copy: frames are placed to align their IP headers, so notes are unaligned */
    memcpy(&note, pkt->data - sizeof note, sizeof note);
    return note;
}

/* Clear the note before the frame, so that an earlier frame's note in the headroom is not taken for its own. */
static inline void io_note_none(struct pkt *pkt)
{
    if (pkt->headroom >= sizeof(struct kernel_note))
        memset(pkt->data - sizeof(struct kernel_note), 0, sizeof(struct kernel_note));
}

/* Close parts that were made and not opened. */
void io_made_close(struct io_made *m);
/* Return the filter of packet sockets, loaded on first use; NULL: none (steer/filter.h). */
const struct filter *io_filter(struct io_maker *m);
/* Release memory and queues of `xdp`, which another process needs next. */
void io_maker_let_go(struct io_maker *m);
/* Free the memory that make has kept. */
void io_maker_fini(struct io_maker *m);

/* Descriptors by which another process that makes ports of `xdp` continues with a worker's memory: the memory, and
 * the socket that it is registered with, which may be gone. */
enum { UMEM_MEMORY, UMEM_FIRST, UMEM_LENT };
/* Give copies of these descriptors, which the caller closes. Return their number; 0: no memory, or no descriptors
 * left. */
unsigned umem_lend(const struct io_maker *m, unsigned worker, int lent[UMEM_LENT]);
/* Take such descriptors, if the worker has no memory yet; they are checked, and stay the caller's. False: wrong
 * descriptors, or none left for copies. */
bool umem_take(struct io_maker *m, unsigned worker, uint32_t slots, uint32_t slot_bytes, const int lent[],
               unsigned count);

/* Return the longest frame that `xdp` holds on interfaces of this MTU; 0: not supported. */
unsigned xdp_frame_most(uint32_t mtu);
/* True if `xdp` does not support an interface of this name and MTU, with `in_front` bytes before each frame; *o has the
 * reason. Frames longer than a slot, which is a page, come in pieces, which needs Linux 6.6: tried once. */
struct obstacle;
bool xdp_refuses_mtu(const char *name, uint32_t mtu, unsigned in_front, struct obstacle *o);

#define IO(ident, name, doc) extern const struct io_ops io_##ident;
#include "runtime/io/io.def"

/* Frames that the kernel executor sends up if traffic control takes arriving packets: a ring, with a struct
 * kernel_note before each frame, for io_note; and a packet socket for outgoing frames. */
extern const struct io_ops io_RAISED;
/* A port of `xdp` with such a ring beside it, for packets that the host sends by the interface. It is made of the
 * two ports, which it then owns. NULL: out of memory or descriptors; both stay the caller's. */
extern const struct io_ops io_RINGED;
struct io_port *ringed_join(struct io_port *xdp, struct io_port *ring);
/* A port whose interface is away at the start. It has no sockets: open takes NULL for all arguments but err. */
extern const struct io_ops io_AWAY;
