/* Frames that the stages send up at traffic control, by a ring that the kernel fills (vm/kernel/act/raise.bpf.c). Its
 * pages cannot be written here, so frames are copied out of it, each behind its note and room for a header. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/io/packet_priv.h"

/* Memory for the frames between two calls of release: one more of the longest always has room. */
enum { MEMORY = 1 << 20, MOST = IO_HEADROOM + KERNEL_RAISED_MOST };
static_assert(sizeof(struct kernel_note) <= IO_HEADROOM, "a note stands in the headroom");

struct io_port {
    struct io_port *out; /* port of io_PACKET */
    struct ring_buffer *ring;
    int ring_fd;
    uint8_t link; /* enum pkt_link */
    uint8_t *memory;
    uint32_t used;
    struct pkt views[IO_BATCH];
    unsigned count, most;   /* number of views in use, and its maximum in the present call */
    uint64_t received, cut; /* atomic */
    uint64_t super;
};

static int raised_make(struct io_maker *m, const struct io_ask *ask, struct io_made *made, char *err, size_t err_len)
{
    struct io_ask out = *ask;
    out.mute = true;
    if (packet_make(m, &out, made, err, err_len)) return -1;
    const int ring = m->ring(m->ring_arg, ask->port);
    made->fds[made->fd_count++] = ring;
    if (ring >= 0) return 0;
    made->fd_count--;
    snprintf(err, err_len, "the ring for packets from the kernel can't be set up: %s", strerror(-ring));
    io_made_close(made);
    return -1;
}

static void raised_close(struct io_port *p)
{
    if (!p) return;
    if (p->out) io_PACKET.close(p->out);
    ring_buffer__free(p->ring);
    if (p->ring_fd >= 0) close(p->ring_fd);
    free(p->memory);
    free(p);
}

/* Make a view of a record's frame. */
static void raised_view(struct io_port *p, const struct kernel_raised *r)
{
    uint8_t *const at = p->memory + p->used + IO_HEADROOM;
    struct pkt *pkt = &p->views[p->count];
    memcpy(at - sizeof r->note, &r->note, sizeof r->note);
    memcpy(at, r + 1, r->len);
    pkt_view(pkt, at, r->len, r->len, (enum pkt_link)p->link, 0);
    pkt->headroom = IO_HEADROOM;
    pkt->flags = PKT_WRITABLE | (r->flags & PKT_CSUM_PARTIAL);
    pkt->segment = r->segment;
    pkt->tag_count = r->tag_count < 2 ? r->tag_count : 2;
    for (unsigned i = 0; i < 2; i++) {
        pkt->tags[i].tpid = r->tags[i][0];
        pkt->tags[i].tci = r->tags[i][1];
    }
    p->count++;
    p->super += pkt->segment != 0;
    p->used += (IO_HEADROOM + r->len + 63) & ~63u;
}

/* True for a record that is consistent: no other is expected. A super-packet can be sent and cut only if its
 * checksum is left to the cutter (as in offload_take). */
static bool record_is_whole(const struct kernel_raised *r, size_t len)
{
    if (len < sizeof *r || r->len > len - sizeof *r || r->len > KERNEL_RAISED_MOST) return false;
    return !r->segment || r->flags & PKT_CSUM_PARTIAL;
}

static int raised_take(void *arg, void *data, size_t len)
{
    struct io_port *p = arg;
    const struct kernel_raised *r = data;
    if (record_is_whole(r, len))
        raised_view(p, r);
    else
        __atomic_store_n(&p->cut, p->cut + 1, __ATOMIC_RELAXED);
    return p->count < p->most && MEMORY - p->used > MOST ? 0 : -EAGAIN;
}

static struct io_port *raised_open(const struct io_ask *ask, const struct io_made *made, struct umem **umem, char *err,
                                   size_t err_len)
{
    struct io_ask out = *ask;
    struct io_port *p = calloc(1, sizeof *p);
    struct io_made left = *made;
    out.mute = true;
    if (!p || made->fd_count < 2) {
        snprintf(err, err_len, "out of memory");
        io_made_close(&left);
        free(p);
        return NULL;
    }
    p->link = ask->link;
    p->ring_fd = left.fds[--left.fd_count];
    p->out = io_PACKET.open(&out, &left, umem, err, err_len);
    if (!p->out) {
        raised_close(p);
        return NULL;
    }
    p->memory = malloc(MEMORY);
    p->ring = ring_buffer__new(p->ring_fd, raised_take, p, NULL);
    if (p->memory && p->ring) return p;
    snprintf(err, err_len, "the ring for packets from the kernel can't be set up: %s", strerror(errno));
    raised_close(p);
    return NULL;
}

static unsigned raised_receive(struct io_port *p, struct pkt *pkts[], unsigned n)
{
    const unsigned before = p->count;
    p->most = before + n < IO_BATCH ? before + n : IO_BATCH;
    if (before == p->most || MEMORY - p->used <= MOST) return 0;
    ring_buffer__consume(p->ring);
    for (unsigned i = before; i < p->count; i++) pkts[i - before] = &p->views[i];
    __atomic_store_n(&p->received, p->received + p->count - before, __ATOMIC_RELAXED);
    return p->count - before;
}

static void raised_release(struct io_port *p) { p->count = p->used = 0; }

static void raised_send(struct io_port *p, struct pkt *pkt) { io_PACKET.send(p->out, pkt); }

static void raised_flush(struct io_port *p) { io_PACKET.flush(p->out); }

static int raised_fd(const struct io_port *p) { return ring_buffer__epoll_fd(p->ring); }

static int raised_fault(struct io_port *p) { return io_PACKET.fault(p->out); }

static void raised_losses(struct io_port *p, struct io_stats *to)
{
    to->lost = 0; /* the stages count what finds no room in the ring */
    to->cut = __atomic_load_n(&p->cut, __ATOMIC_RELAXED);
}

static void raised_stats(struct io_port *p, struct io_stats *to)
{
    io_PACKET.stats(p->out, to);
    raised_losses(p, to);
    to->received = __atomic_load_n(&p->received, __ATOMIC_RELAXED);
    to->super = p->super;
}

/* The position of reading is in the ring itself, so the next process that opens it reads the frames that wait there. */
static bool raised_hand(const struct io_port *p, struct io_made *made)
{
    if (p->count || p->used || !io_PACKET.hand(p->out, made)) return false;
    made->handed = (struct io_handed){.blocks = 1};
    made->fds[made->fd_count++] = p->ring_fd;
    return true;
}

const struct io_ops io_RAISED = {
    .name = "tc",
    .make = raised_make,
    .open = raised_open,
    .close = raised_close,
    .receive = raised_receive,
    .release = raised_release,
    .send = raised_send,
    .flush = raised_flush,
    .fd = raised_fd,
    .fault = raised_fault,
    .stats = raised_stats,
    .losses = raised_losses,
    .hand = raised_hand,
};
