/* Copies as pcapng: to a file that turns when it is half full, and to readers of a socket, each of which gets its
 * own section. Bytes that a disk or a reader does not take wait in bounded memory; a block is written in full or not
 * at all. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/copies/blocks.h"
#include "runtime/copies/copies_priv.h"
#include "vm/packet/key.h"
#include "vm/vm.h"

#define RETRY_NS UINT64_C(1000000000)
enum { COMMENT = 320, BLOCK_MOST = 20 + 8 + 8 + COMMENT /* bytes of a packet's block besides the frame */ };

/* True for a sink whose copies go to readers, not to a file. */
static bool is_read(const struct copies *c, const struct copy_sink *k)
{
    return k->to == PBC_MIRROR_SOCKET && !c->cfg.ways.keep;
}

/* Return a place for one more block; NULL: too many bytes wait already. */
static struct bytes *room_in(struct bytes *out)
{
    if (out->failed) bytes_fini(out), *out = (struct bytes){0};
    return out->len < READER_BYTES ? out : NULL;
}

static bool put_block(const struct copies *c, struct bytes *out, const struct copy_slot *s, const struct tape_frame *f,
                      uint64_t now_ns, const char *comment)
{
    const size_t before = out->len;
    blocks_seen(out, f->port == TAPE_TO_HOST || !c->cfg.devices ? c->cfg.devices : f->port % c->cfg.devices,
                now_ns + c->ahead_ns, f, true, s->snap, comment);
    if (out->failed) out->len = before;
    return !out->failed;
}

static void begin_section(const struct copies *c, struct bytes *out)
{
    blocks_section(out, c->names, NULL, c->cfg.devices + 1);
}

static int stream_file(const struct copies *c, const struct copy_sink *k, bool turn, char *err, size_t err_len)
{
    const struct copies_ways *w = &c->cfg.ways;
    return w->keep ? w->keep(w->arg, k->to, k->target, turn, err, err_len)
                   : w->file(w->arg, k->target, turn, err, err_len);
}

/* True if the file's last block is whole, so that others may follow: a run that was killed may have left a part. */
static bool ends_well(int fd, uint64_t size)
{
    uint32_t last, head[2];
    if (!size) return true;
    return size >= NG_FRAME && pread(fd, &last, sizeof last, (off_t)(size - sizeof last)) == sizeof last &&
           last >= NG_FRAME && last % 4 == 0 && last <= size &&
           pread(fd, head, sizeof head, (off_t)(size - last)) == sizeof head && head[1] == last &&
           (head[0] == NG_PACKET || head[0] == NG_INTERFACE || head[0] == NG_SECTION);
}

/* Open the next file. Until this succeeds, copies are lost. */
static bool turn_file(struct copies *c, struct copy_sink *k, uint64_t now)
{
    char err[600];
    const int fd = stream_file(c, k, true, err, sizeof err);
    if (fd < 0) {
        k->retry_ns = now + RETRY_NS;
        k->failed = -fd;
        return false;
    }
    if (k->fd >= 0) close(k->fd);
    k->fd = fd;
    k->written = 0;
    k->out.len = 0;
    begin_section(c, &k->out);
    return true;
}

int stream_open(struct copies *c, struct copy_sink *k, char *err, size_t err_len)
{
    struct stat what = {0};
    if (is_read(c, k)) {
        k->idle = 1 + COPY_UNREAD;
        k->fd = c->cfg.ways.listen(c->cfg.ways.arg, k->target, err, err_len);
        return k->fd < 0 && k->fd != -ENOENT ? k->fd : 0; /* ENOENT: the sink has no path yet */
    }
    k->fd = stream_file(c, k, false, err, err_len);
    if (k->fd < 0) return k->fd;
    /* The other process may have written half of a block: this is checked once that process has stopped judging. */
    if (__atomic_load_n(&c->cfg.takes, __ATOMIC_RELAXED)) return 0;
    if (!fstat(k->fd, &what)) k->written = (uint64_t)what.st_size;
    if (!ends_well(k->fd, k->written)) {
        if (turn_file(c, k, 0)) return 0;
        snprintf(err, err_len, "%.400s: %s", k->target, strerror(k->failed));
        return -k->failed;
    }
    begin_section(c, &k->out);
    return 0;
}

void stream_again(struct copies *c, struct copy_sink *k)
{
    char err[600];
    if (is_read(c, k)) return;
    if (k->fd >= 0) close(k->fd);
    k->fd = -1;
    const int failed = stream_open(c, k, err, sizeof err);
    if (failed >= 0) return;
    k->retry_ns = clock_ns(CLOCK_MONOTONIC) + RETRY_NS;
    k->failed = -failed;
}

/* Return the number of the first `done` bytes that are in whole blocks. */
static size_t whole_blocks(const struct copy_sink *k, size_t done)
{
    size_t at = k->torn;
    uint32_t len;
    while (at + NG_FRAME <= done) {
        memcpy(&len, k->out.at + at + 4, sizeof len);
        if (len < NG_FRAME || len > done - at) break;
        at += len;
    }
    return at;
}

uint64_t stream_unwritten(const struct copy_sink *k)
{
    uint64_t packets = k->torn != 0;
    uint32_t head[2];
    for (size_t at = k->torn; at + NG_FRAME <= k->out.len; at += head[1]) {
        memcpy(head, k->out.at + at, sizeof head);
        if (head[1] < NG_FRAME) break;
        packets += head[0] == NG_PACKET;
    }
    return packets;
}

/* Handle a write of which a disk took `done` bytes. In a replay, cut off the unfinished block. In a live run the
 * rest of the block waits: files are never cut, because the service may only append to them. Return the number of
 * bytes taken. */
static size_t untear(const struct copies *c, struct copy_sink *k, size_t done)
{
    struct stat what;
    uint32_t len = 0;
    const size_t whole = whole_blocks(k, done);
    if (whole >= done) {
        k->torn = whole - done;
        return done;
    }
    if (c->cfg.ways.keep && !fstat(k->fd, &what) && what.st_size >= (off_t)(done - whole) &&
        !ftruncate(k->fd, what.st_size - (off_t)(done - whole)))
        return whole;
    if (whole + NG_FRAME <= k->out.len) memcpy(&len, k->out.at + whole + 4, sizeof len);
    k->torn = whole + len > done ? whole + len - done : 0;
    return done;
}

/* Write the bytes that wait for a file; return false after a fault. The rest stays. */
static bool write_file(const struct copies *c, struct copy_sink *k)
{
    size_t done = 0;
    ssize_t n = 0;
    while (done < k->out.len && (n = write(k->fd, k->out.at + done, k->out.len - done)) > 0) done += (size_t)n;
    if (done < k->out.len) {
        k->failed = n < 0 ? errno : ENOSPC;
        done = untear(c, k, done);
    } else {
        k->torn = 0;
    }
    memmove(k->out.at, k->out.at + done, k->out.len - done);
    k->out.len -= done;
    k->written += done;
    return !k->out.len;
}

static void file_turn(struct copies *c, struct copy_sink *k)
{
    const uint64_t now = clock_ns(CLOCK_MONOTONIC);
    if (k->fd < 0 || (k->retry_ns && now < k->retry_ns)) return;
    if (k->out.len && !write_file(c, k)) {
        k->retry_ns = now + RETRY_NS;
        return;
    }
    k->retry_ns = 0;
}

/* Begin the next file if a block of `more` bytes would exceed this file's half of the limit. */
static void file_make_room(struct copies *c, struct copy_sink *k, uint64_t more)
{
    const uint64_t size = __atomic_load_n(&k->size, __ATOMIC_RELAXED);
    if (!size || k->retry_ns || k->written + k->out.len + more <= size / 2) return;
    file_turn(c, k);
    if (!k->out.len) turn_file(c, k, clock_ns(CLOCK_MONOTONIC));
}

static void put_file(struct copies *c, struct copy_slot *s, const struct tape_frame *f, uint64_t now_ns,
                     const char *comment)
{
    struct copy_sink *k = s->sink;
    file_make_room(c, k, NG_FRAME + BLOCK_MOST + f->cap_len);
    struct bytes *out = room_in(&k->out);
    if (!out || k->retry_ns || !put_block(c, out, s, f, now_ns, comment))
        copy_lose(s, COPY_DISK);
    else
        copy_done(s, f->cap_len);
    if (k->out.len >= READER_BYTES / 4) file_turn(c, k);
}

static void put_readers(struct copies *c, struct copy_slot *s, const struct tape_frame *f, uint64_t now_ns,
                        const char *comment)
{
    bool any = false, all = true;
    for (unsigned i = 0; i < READERS_MOST; i++) {
        struct copy_reader *r = &s->sink->readers[i];
        if (r->fd < 0) continue;
        struct bytes *out = room_in(&r->out);
        all &= out && put_block(c, out, s, f, now_ns, comment);
        any = true;
    }
    if (!any || !all)
        copy_lose(s, any ? COPY_STALLED : COPY_UNREAD);
    else
        copy_done(s, f->cap_len);
}

void stream_put(struct copies *c, struct copy_slot *s, const struct tape_frame *f, uint64_t now_ns)
{
    char comment[COMMENT];
    char flow[176];
    struct pkt pkt;
    struct key key;
    pkt_view(&pkt, (const uint8_t *)(f + 1), f->cap_len, f->wire_len, tape_link(f), IFACE_NONE);
    pkt.segment = f->segment;
    pkt_parse(&pkt, NULL, &key);
    pkt_describe(&pkt, &key, flow, sizeof flow);
    snprintf(comment, sizeof comment, "rule %.100s; flow %s", s->rule, flow);
    if (is_read(c, s->sink))
        put_readers(c, s, f, now_ns, comment);
    else
        put_file(c, s, f, now_ns, comment);
}

static void drop_reader(struct copy_reader *r)
{
    close(r->fd);
    r->fd = -1;
    r->sent = 0;
    bytes_fini(&r->out);
    r->out = (struct bytes){0};
}

static void send_reader(struct copy_reader *r)
{
    while (r->sent < r->out.len) {
        const ssize_t n = send(r->fd, r->out.at + r->sent, r->out.len - r->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) {
            drop_reader(r);
            return;
        }
        if (n < 0) break;
        r->sent += (size_t)n;
    }
    memmove(r->out.at, r->out.at + r->sent, r->out.len - r->sent);
    r->out.len -= r->sent;
    r->sent = 0;
}

/* True if the reader has closed its end; one that only shuts down its sending side, as `nc` does, reads on. */
static bool is_gone(const struct copy_reader *r)
{
    struct pollfd at = {.fd = r->fd};
    return poll(&at, 1, 0) > 0 && at.revents & (POLLHUP | POLLERR);
}

static void take_readers(const struct copies *c, struct copy_sink *k)
{
    for (unsigned i = 0; i < READERS_MOST; i++) {
        struct copy_reader *r = &k->readers[i];
        if (r->fd >= 0) continue;
        r->fd = accept4(k->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (r->fd < 0) return;
        begin_section(c, &r->out);
    }
}

static void socket_turn(struct copies *c, struct copy_sink *k)
{
    bool any = false;
    if (k->fd < 0) return;
    take_readers(c, k);
    for (unsigned i = 0; i < READERS_MOST; i++) {
        struct copy_reader *r = &k->readers[i];
        if (r->fd >= 0 && is_gone(r)) drop_reader(r);
        if (r->fd >= 0 && r->out.len) send_reader(r);
        any |= r->fd >= 0;
    }
    __atomic_store_n(&k->idle, any ? 0 : 1 + COPY_UNREAD, __ATOMIC_RELAXED);
}

void stream_turn(struct copies *c, struct copy_sink *k)
{
    if (is_read(c, k))
        socket_turn(c, k);
    else
        file_turn(c, k);
}

void stream_end(struct copy_sink *k)
{
    if (k->fd >= 0) close(k->fd);
    for (unsigned i = 0; i < READERS_MOST; i++)
        if (k->readers[i].fd >= 0) drop_reader(&k->readers[i]);
    bytes_fini(&k->out);
}
