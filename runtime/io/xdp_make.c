/* The privileged half of `xdp`: memory for a worker's ports, registered with the first socket, and a socket with its
 * rings for each queue. The process that opens the port maps the rings (xdp_open.c) before they are bound: before Linux
 * 6.4 no ring of a bound socket can be mapped. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "runtime/io/card.h"
#include "runtime/io/steer/deal.h"
#include "runtime/io/steer/filter.h"
#include "runtime/io/steer/steer.h"
#include "runtime/io/xdp_priv.h"

enum {
    QUEUES_MOST = IO_QUEUES,
    BUSY_TENTHS = 20, /* tenths of a second that a queue may stay taken after its last owner ended */
};

/* Return the ring's size, a power of two: a quarter of a queue's slots to be filled, and as many received or being
 * sent. */
static uint32_t ring_size(const struct io_ask *ask, unsigned queues)
{
    const uint64_t quarter = ask->ring_bytes / xdp_slot_bytes(ask->frame_most) / queues / 4;
    uint32_t ring = RING_LEAST;
    while (ring * 2 <= quarter && ring < RING_MOST) ring *= 2;
    return quarter < RING_LEAST ? 0 : ring;
}

/* Return a descriptor of `bytes` bytes of memory whose size is sealed. */
static int memory_make(size_t bytes)
{
    const int fd = memfd_create("frames", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && !ftruncate(fd, (off_t)bytes) && !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
        return fd;
    if (fd >= 0) close(fd);
    return -1;
}

/* Raise the limit on locked memory as far as possible. */
static void allow_locked(void)
{
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    if (!setrlimit(RLIMIT_MEMLOCK, &all) || getrlimit(RLIMIT_MEMLOCK, &all)) return;
    all.rlim_cur = all.rlim_max;
    setrlimit(RLIMIT_MEMLOCK, &all);
}

/* Register the memory. The kernel keeps the pages; this process need not keep the mapping. */
static const char *register_memory(int socket, const struct umem_made *u)
{
    const size_t bytes = (size_t)u->slots * u->slot_bytes;
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, u->memory, 0);
    if (at == MAP_FAILED) return "memory";
    allow_locked(); /* a limit still too low is reported below */
    const struct xdp_umem_reg reg = {
        .addr = (uintptr_t)at, .len = bytes, .chunk_size = u->slot_bytes, .headroom = ROOM};
    const char *failed = setsockopt(socket, SOL_XDP, XDP_UMEM_REG, &reg, sizeof reg) ? "XDP_UMEM_REG" : NULL;
    const int why = errno;
    munmap(at, bytes);
    errno = why;
    return failed;
}

static bool set(int fd, int option, uint32_t value) { return !setsockopt(fd, SOL_XDP, option, &value, sizeof value); }

static void keep_first(struct umem_made *u, int fd)
{
    if (u->first >= 0) close(u->first);
    u->first = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/* Bind, with retries: the last owner may be about to release the queue. Return 0 or an errno. */
static int try_bind(int fd, const struct sockaddr_xdp *at, bool hurried)
{
    const struct timespec tenth = {.tv_nsec = 100000000};
    for (int i = 0; bind(fd, (const void *)at, sizeof *at); i++) {
        if (errno != EBUSY || hurried || i == BUSY_TENTHS) return errno;
        nanosleep(&tenth, NULL);
    }
    return 0;
}

/* Bind the socket that the memory is registered with. */
static const char *bind_first(int fd, const struct io_ask *ask, unsigned queue)
{
    const bool pieces = xdp_in_pieces(ask->frame_most);
    const struct sockaddr_xdp at = {.sxdp_family = AF_XDP,
                                    .sxdp_flags = (uint16_t)(XDP_USE_NEED_WAKEUP | (pieces ? XDP_USE_SG : 0)),
                                    .sxdp_ifindex = ask->ifindex,
                                    .sxdp_queue_id = queue};
    errno = try_bind(fd, &at, ask->hurried);
    if (errno == EINVAL && pieces) return "frames longer than a page, which need Linux 6.6";
    return errno ? "a queue" : NULL;
}

/* Bind a socket that shares the first one's memory and flags. If the first has lost its interface (EBADF), or
 * belongs to this queue, which was left and is served again (EINVAL), this socket takes its place. */
static const char *bind_next(int fd, const struct io_ask *ask, struct umem_made *u, unsigned queue)
{
    const struct sockaddr_xdp at = {.sxdp_family = AF_XDP,
                                    .sxdp_flags = XDP_SHARED_UMEM,
                                    .sxdp_ifindex = ask->ifindex,
                                    .sxdp_queue_id = queue,
                                    .sxdp_shared_umem_fd = (uint32_t)u->first};
    errno = try_bind(fd, &at, ask->hurried);
    if (errno != EBADF && errno != EINVAL) return errno ? "a queue" : NULL;
    const char *failed = register_memory(fd, u);
    if (failed) return failed;
    keep_first(u, fd);
    return bind_first(fd, ask, queue);
}

/* Ask for busy polling. A driver that does not support it continues with interrupts. */
static bool prefer_busy(int fd)
{
    const int one = 1, micros = 20, budget = IO_BATCH;
    return !setsockopt(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &one, sizeof one) &&
           !setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &micros, sizeof micros) &&
           !setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof budget);
}

/* Put the socket where the kernel's program finds it. Return 0 or a negative errno. */
static int tell_socket(const struct io_maker *m, unsigned port, unsigned queue, int fd)
{
    if (!m->sockets) return steer_socket(m->steers[port], queue, fd);
    const uint32_t at = port * IO_QUEUES + queue;
    return queue < IO_QUEUES ? bpf_map_update_elem(m->sockets, &at, &fd, BPF_ANY) : -E2BIG;
}

static const char *make_socket(struct umem_made *u, struct io_unbound *b, struct io_made *made)
{
    const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0) return "socket";
    made->fds[made->fd_count++] = fd;
    const bool first = u->first < 0;
    const char *failed = first ? register_memory(fd, u) : NULL;
    if (failed) return failed;
    if (!set(fd, XDP_UMEM_FILL_RING, made->ring) || !set(fd, XDP_UMEM_COMPLETION_RING, made->ring) ||
        !set(fd, XDP_RX_RING, made->ring) || !set(fd, XDP_TX_RING, made->ring))
        return "rings";
    if (first) keep_first(u, fd);
    b->begins |= first;
    b->fds[b->count] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (b->fds[b->count] < 0 || u->first < 0) return "socket";
    b->count++;
    return NULL;
}

/* Bind the waiting socket at `place`. */
static const char *bind_socket(struct io_maker *m, unsigned place)
{
    const struct io_unbound *b = &m->unbound;
    const unsigned queue = b->ask.worker + place * b->ask.workers;
    const int fd = b->fds[place];
    const char *failed =
        !place && b->begins ? bind_first(fd, &b->ask, queue) : bind_next(fd, &b->ask, &m->umems[b->ask.worker], queue);
    if (failed) return failed;
    if (b->ask.busy && !prefer_busy(fd)) return "--busy-poll";
    errno = -tell_socket(m, b->ask.port, queue, fd);
    return errno ? "the program in the kernel" : NULL;
}

static void unbound_drop(struct io_unbound *b)
{
    for (unsigned i = 0; i < b->count; i++) close(b->fds[i]);
    *b = (struct io_unbound){0};
}

/* Return the worker's memory, made with its first port. */
static struct umem_made *umem_of(struct io_maker *m, const struct io_ask *ask, unsigned queues)
{
    struct umem_made *u = &m->umems[ask->worker];
    if (u->slots) return u;
    *u = (struct umem_made){.slot_bytes = xdp_slot_bytes(ask->frame_most), .first = -1};
    const uint32_t slots = (uint32_t)(ask->ring_bytes / u->slot_bytes) * ask->ports;
    u->memory = ring_size(ask, queues) ? memory_make((size_t)slots * u->slot_bytes) : -1;
    if (u->memory < 0) return NULL;
    u->slots = slots;
    return u;
}

/* Receive all frames: the device filters by address before any XDP program. */
static const char *hear_all(struct io_maker *m, const struct io_ask *ask)
{
    const struct packet_mreq every = {.mr_ifindex = (int)ask->ifindex, .mr_type = PACKET_MR_PROMISC};
    int *fd = &m->hearing[ask->port];
    if (ask->worker) return NULL; /* worker 0 does it */
    if (*fd > 0) close(*fd);      /* socket on an interface that is gone */
    *fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (*fd < 0) return "socket";
    return setsockopt(*fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &every, sizeof every) ? "PACKET_MR_PROMISC" : NULL;
}

static const char *make_all(struct io_maker *m, const struct io_ask *ask, struct io_made *made)
{
    struct card all;
    errno = card_of(ask->ifindex, &all) ? E2BIG : ENODEV;
    if (errno == ENODEV || all.receive > QUEUES_MOST || ask->worker >= all.receive || ask->worker >= all.send)
        return "queues";
    const unsigned own = (all.receive - ask->worker + ask->workers - 1u) / ask->workers;
    made->ring = ring_size(ask, own);
    errno = made->ring ? ENOMEM : 0;
    if (!made->ring) return "--ring has no room for the interface's queues: give a larger --ring";
    struct umem_made *u = umem_of(m, ask, own);
    made->slots = u ? u->slots : 0;
    const int memory = u ? fcntl(u->memory, F_DUPFD_CLOEXEC, 0) : -1;
    if (memory < 0) return "memory";
    made->fds[made->fd_count++] = memory;
    const char *failed = ask->all ? hear_all(m, ask) : NULL;
    m->unbound.ask = *ask;
    for (unsigned i = ask->worker; i < all.receive && !failed; i += ask->workers)
        failed = make_socket(u, &m->unbound, made);
    return failed;
}

static void umem_fini(struct umem_made *u)
{
    if (!u->slots) return;
    close(u->memory);
    if (u->first >= 0) close(u->first);
    *u = (struct umem_made){0};
}

/* Report what failed, and why: errno, or 0 if `what` has the reason. */
static void say_failed(const char *what, char *err, size_t err_len)
{
    const bool locked = errno == ENOBUFS && !strcmp(what, "XDP_UMEM_REG");
    snprintf(err, err_len, "AF_XDP, %s%s%s", what, errno ? ": " : "",
             !errno   ? ""
             : locked ? "the limit on locked memory is too low for the frames: run ulimit -l unlimited (in a systemd "
                        "unit: LimitMEMLOCK=infinity), or add the capability IPC_LOCK"
             : errno == EBUSY ? "another process uses the queue"
                              : strerror(errno));
}

/* Undo make. If the memory was registered with this port's socket, the next port's first socket registers it. */
static void undo_make(struct io_maker *m, struct umem_made *u)
{
    if (m->unbound.begins) keep_first(u, -1);
    unbound_drop(&m->unbound);
}

int xdp_make(struct io_maker *m, const struct io_ask *ask, struct io_made *made, char *err, size_t err_len)
{
    struct umem_made *u = &m->umems[ask->worker % IO_WORKERS_MOST];
    const bool fresh = !u->slots;
    *made = (struct io_made){.group = -1};
    unbound_drop(&m->unbound); /* sockets of a port that was never opened */
    errno = EINVAL;
    const char *failed = "numbers";
    if (ask->worker < IO_WORKERS_MOST && ask->workers && ask->worker < ask->workers && ask->port < IO_PORTS_MOST &&
        (m->steers[ask->port] || m->sockets) && ask->frame_most && ask->frame_most <= FRAME_MOST)
        failed = make_all(m, ask, made);
    if (!failed) return 0;
    say_failed(failed, err, err_len);
    undo_make(m, u);
    if (fresh) umem_fini(u); /* else other ports use it */
    io_made_close(made);
    return -1;
}

int xdp_bind(struct io_maker *m, char *err, size_t err_len)
{
    const char *failed = NULL;
    for (unsigned i = 0; i < m->unbound.count && !failed; i++) failed = bind_socket(m, i);
    if (failed) say_failed(failed, err, err_len);
    if (failed) undo_make(m, &m->umems[m->unbound.ask.worker]);
    unbound_drop(&m->unbound);
    return failed ? -1 : 0;
}

void io_maker_let_go(struct io_maker *m)
{
    unbound_drop(&m->unbound);
    for (unsigned i = 0; i < IO_WORKERS_MOST; i++) umem_fini(&m->umems[i]);
}

void io_maker_fini(struct io_maker *m)
{
    io_maker_let_go(m);
    for (unsigned i = 0; i < IO_PORTS_MOST; i++)
        if (m->hearing[i] > 0) close(m->hearing[i]);
    filter_close(m->filter);
    deal_close(m->deal);
}
