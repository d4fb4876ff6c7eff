/* Types shared by the parts of the room. The writing thread owns everything except fields marked atomic. */
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include "runtime/base/bytes.h"
#include "runtime/base/looker.h"
#include "runtime/copies/copies.h"

struct packets_out;

enum { READERS_MOST = 4, READER_BYTES = 1 << 22 /* most bytes that wait for a reader, and for a disk */ };

struct copy_reader {
    int fd; /* socket of the reader; -1: none */
    struct bytes out;
    size_t sent; /* bytes of `out` that were sent */
};

struct copy_sink {
    enum pbc_mirror_to to;
    char *target;
    uint64_t size;          /* atomic; FILE: most bytes of both its files; 0: no limit. A reload may raise it */
    struct copy_sink *next; /* set before the sink is published, and never changed */
    int fd;                 /* FILE: the file; SOCKET: the listening socket; -1: none */
    uint32_t ifindex;       /* atomic; DEVICE: 0: missing */
    uint8_t idle;           /* atomic; 1 + enum copy_loss: the reason why workers need not copy; 0: none */
    bool counted;           /* nothing is opened, because copies are only counted */
    uint64_t retry_ns;      /* FILE: time of the next try after a fault; 0: none */
    int failed;             /* FILE: errno of the last fault */
    uint64_t written;       /* bytes in the file */
    uint64_t torn;          /* FILE: bytes at the beginning of `out` that complete a partly written block */
    struct bytes out;       /* FILE: blocks to write */
    struct copy_reader readers[READERS_MOST];
};

struct copies {
    struct copies_cfg cfg;
    struct copying *workers; /* [cfg.workers] copying of each worker */
    const char **names;      /* [cfg.devices + 1]: the last for packets without a device */
    struct copy_slot *slots[COPY_SLOTS];
    unsigned slot_count;         /* atomic: publishes the slots */
    struct copy_sink *sinks;     /* atomic: newest first */
    struct copies_table *tables; /* tables of programs, newest first */
    struct packets_out *packets; /* output to devices; NULL: no device is a target */
    uint64_t ahead_ns;           /* the wall clock's lead on the workers' clock */
    struct looker looker;
    uint8_t again; /* atomic: copies_again was called */
};

static inline void copy_lose(struct copy_slot *s, enum copy_loss why)
{
    __atomic_fetch_add(&s->lost[why], 1, __ATOMIC_RELAXED);
}
static inline void copy_done(struct copy_slot *s, uint32_t bytes)
{
    __atomic_fetch_add(&s->packets, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&s->bytes, bytes, __ATOMIC_RELAXED);
}

/* packets.c: make an output that sends frames by devices, 64 at a time. fd: a packet socket, which is closed at the
 * end. */
struct packets_out *packets_new(int fd);
void packets_free(struct packets_out *p);
/* Queue a copy; its bytes are used until packets_flush. */
void packets_put(struct packets_out *p, struct copy_slot *s, const struct tape_frame *f);
void packets_flush(struct packets_out *p);

/* streams.c: append a copy to a pcapng file, or for the readers of a socket */
void stream_put(struct copies *c, struct copy_slot *s, const struct tape_frame *f, uint64_t now_ns);
void stream_turn(struct copies *c, struct copy_sink *k); /* write pending bytes, and take new readers */
uint64_t stream_unwritten(const struct copy_sink *k);    /* return the number of copies that wait for a disk */
void stream_end(struct copy_sink *k);
/* Continue a file to which another process has written. */
void stream_again(struct copies *c, struct copy_sink *k);
int stream_open(struct copies *c, struct copy_sink *k, char *err, size_t err_len);
