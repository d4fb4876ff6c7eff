/* A port of `xdp` that another process continues: its sockets and their memory as descriptors, facts unknown to the
 * kernel as bytes. The kernel takes and gives slots meanwhile, so only a list of the queues' slots is handed over.
 * The rings show later which slots wait in a ring, and which a driver has. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/io/xdp_priv.h"
#include "vm/keyed/keyed.h"

uint64_t xdp_sockets_lost(const struct io_port *p)
{
    uint64_t lost = 0;
    for (unsigned i = 0; i < p->queue_count; i++) {
        struct xdp_statistics s = {0};
        socklen_t len = sizeof s;
        if (!getsockopt(p->queues[i].fd, SOL_XDP, XDP_STATISTICS, &s, &len)) lost += s.rx_dropped + s.rx_ring_full;
    }
    return lost;
}

/* ---- the process that hands over ---- */

bool xdp_hand(const struct io_port *p, struct io_made *made)
{
    if (p->held) return false;
    *made = (struct io_made){.group = -1,
                             .slots = p->umem->slots,
                             .ring = p->queues[0].rx.size,
                             .fd_count = p->queue_count + 1,
                             .handed = {.slot_bytes = p->umem->slot_bytes, .blocks = 1},
                             .fds = {p->umem->memory}};
    for (unsigned i = 0; i < p->queue_count; i++) {
        if (p->queues[i].unsent) return false;
        made->fds[i + 1] = p->queues[i].fd;
    }
    return true;
}

const char *xdp_stays(const struct io_port *p)
{
    void *at = mmap(NULL, 1, PROT_READ, MAP_SHARED, p->queues[0].fd, XDP_PGOFF_RX_RING);
    if (at != MAP_FAILED) munmap(at, 1);
    const bool gone = at == MAP_FAILED && recvfrom(p->queues[0].fd, NULL, 0, MSG_DONTWAIT, NULL, NULL) < 0 &&
                      errno == ENXIO; /* its interface is gone, and the port with it */
    return at != MAP_FAILED || gone ? NULL : "before Linux 6.4, another process can't map the rings of --io xdp";
}

/* ---- state between the two processes ---- */

/* Write the queue's slots, or read them: each is in the memory, and has no other holder. */
static bool slots_walk(struct umem *u, const struct queue *q, struct archive *a)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < u->slots && !a->reads; i++) count += u->with[i] == q->number;
    ARCHIVE(a, count);
    if (!archive_sound(a, count <= u->slots)) return false;
    for (uint32_t i = 0; i < u->slots && !a->reads; i++)
        if (u->with[i] == q->number) ARCHIVE(a, i);
    for (uint32_t i = 0; i < count && a->reads; i++) {
        uint32_t slot = 0;
        ARCHIVE(a, slot);
        if (!archive_sound(a, slot < u->slots && !u->with[slot])) return false;
        u->with[slot] = q->number;
    }
    return !a->bad;
}

/* Write or read the pieces of a frame whose others have not come. */
static bool half_walk(struct io_port *p, struct queue *q, struct archive *a)
{
    const bool gathers = p->pieces.memory;
    uint32_t begun = q->half.begun, len = q->half.len;
    ARCHIVE(a, begun);
    ARCHIVE(a, len);
    if (!archive_sound(a, begun <= gathers && !q->half.begun)) return false;
    if (!begun || a->bad) return !a->bad;
    if (a->reads) q->half = (struct half_taken){true, p->pieces.free[--p->pieces.free_count], len};
    return archive_part(a, pieces_at(&p->pieces, q->half.buffer),
                        len < p->pieces.frame_most ? len : p->pieces.frame_most);
}

/* Free all slots that no queue has: no slot is held, because all frames are released. */
static void free_again(struct umem *u)
{
    u->free_count = 0;
    for (uint32_t i = u->slots; i > 0; i--)
        if (!u->with[i - 1]) put(u, i - 1);
}

static bool queues_walk(struct io_port *p, struct archive *a)
{
    for (unsigned i = 0; i < p->queue_count; i++) {
        struct queue *q = &p->queues[i];
        if (a->reads) q->number = ++p->umem->queues;
        if (!slots_walk(p->umem, q, a) || !half_walk(p, q, a)) return false;
    }
    return true;
}

bool xdp_archive(struct io_port *p, struct archive *a)
{
    uint32_t count = p->queue_count;
    uint64_t lost = p->lost_told;
    ARCHIVE(a, count);
    ARCHIVE(a, lost);
    if (!archive_sound(a, count == p->queue_count)) return false;
    const bool walked = queues_walk(p, a);
    if (a->reads) free_again(p->umem); /* after damaged bytes, too: queues give back the slots that they have read */
    if (walked && a->reads) p->lost_before = lost;
    return walked;
}

/* ---- the process that continues ---- */

/* True for memory of that length that no process can shorten under a reader. */
static bool is_memory(int fd, uint64_t len)
{
    const int whole = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, seals = fcntl(fd, F_GET_SEALS);
    struct stat st;
    return seals >= 0 && (seals & whole) == whole && !fstat(fd, &st) && (uint64_t)st.st_size == len;
}

static bool same_file(int a, int b)
{
    struct stat one, other;
    return !fstat(a, &one) && !fstat(b, &other) && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static bool is_xdp_socket(int fd)
{
    int domain = 0;
    socklen_t len = sizeof domain;
    return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) && domain == AF_XDP;
}

/* True for a socket of AF_XDP that is bound. The kernel does not report its interface and queue (except by
 * XDP_SOCKETS_DIAG, which few kernels have), but a socket gets only frames of its own queue. */
static bool socket_is_bound(int fd)
{
    return is_xdp_socket(fd) && (recvfrom(fd, NULL, 0, MSG_DONTWAIT, NULL, NULL) >= 0 || errno != ENXIO);
}

const char *xdp_unfit(const struct io_ask *ask, const struct io_made *made, const struct umem *shared)
{
    const unsigned slot_bytes = xdp_slot_bytes(ask->frame_most);
    const uint32_t ring = made->ring, slots = (uint32_t)(ask->ring_bytes / slot_bytes) * ask->ports;
    if (made->handed.slot_bytes != slot_bytes || made->slots != slots || !slots || made->fd_count < 2)
        return "the old memory has another size, because --ring or the MTU has changed";
    if (ring < RING_LEAST || ring > RING_MOST || ring & (ring - 1))
        return "the old ring has a size that isn't possible";
    if (!is_memory(made->fds[0], (uint64_t)slots * slot_bytes) || (shared && !same_file(made->fds[0], shared->memory)))
        return "the descriptor handed over isn't the worker's memory";
    for (unsigned i = 1; i < made->fd_count; i++) {
        if (!socket_is_bound(made->fds[i])) return "the descriptor handed over isn't a bound AF_XDP socket";
        for (unsigned k = 1; k < i; k++)
            if (same_file(made->fds[i], made->fds[k])) return "one socket was handed over twice";
    }
    return NULL;
}

/* ---- hand-over between the processes that make ports ---- */

unsigned umem_lend(const struct io_maker *m, unsigned worker, int lent[UMEM_LENT])
{
    const struct umem_made *u = &m->umems[worker];
    unsigned count = 0;
    if (!u->slots) return 0;
    lent[UMEM_MEMORY] = fcntl(u->memory, F_DUPFD_CLOEXEC, 0);
    count += lent[UMEM_MEMORY] >= 0;
    lent[UMEM_FIRST] = count && u->first >= 0 ? fcntl(u->first, F_DUPFD_CLOEXEC, 0) : -1;
    return count + (lent[UMEM_FIRST] >= 0);
}

bool umem_take(struct io_maker *m, unsigned worker, uint32_t slots, uint32_t slot_bytes, const int lent[],
               unsigned count)
{
    const bool fits = worker < IO_WORKERS_MOST && !m->umems[worker].slots && count && count <= UMEM_LENT && slots &&
                      (slot_bytes == SLOT_SMALL || slot_bytes == SLOT_LARGE) &&
                      is_memory(lent[UMEM_MEMORY], (uint64_t)slots * slot_bytes) &&
                      (count == 1 || is_xdp_socket(lent[UMEM_FIRST]));
    if (!fits) return false;
    const struct umem_made u = {.slots = slots,
                                .slot_bytes = slot_bytes,
                                .memory = fcntl(lent[UMEM_MEMORY], F_DUPFD_CLOEXEC, 0),
                                .first = count > 1 ? fcntl(lent[UMEM_FIRST], F_DUPFD_CLOEXEC, 0) : -1};
    if (u.memory < 0) return false;
    m->umems[worker] = u;
    return true;
}
