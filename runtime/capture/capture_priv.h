/* What the readers share: the open capture, the bytes of a mapped file, times, link types. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "runtime/capture/capture.h"

/* No link type of ours may carry a longer frame: libpcap's MAXIMUM_SNAPLEN. */
#define CAPTURE_FRAME_MAX 262144u

/* One container format, or the stream: each in its own file. */
struct capture_ops {
    /* Read what stands before the first frame. 0, or -1 with c->error set. */
    int (*open)(struct capture *c);
    /* Up to n frames; fewer at the end, or with c->error set where the rest cannot be read. */
    unsigned (*read)(struct capture *c, struct capture_frame *f, unsigned n);
    void (*close)(struct capture *c);
};
extern const struct capture_ops capture_pcap, capture_pcapng;

struct source;
/* window.c: the same bytes through a window. */
int window_open(struct capture *c);
int window_begin(struct capture *c);
unsigned window_read(struct capture *c, struct capture_frame *f, unsigned n);
bool window_rewind(struct capture *c);
void window_close(struct capture *c);
/* The reader for what c->bytes begin with. 0, or -1. */
int capture_choose(struct capture *c);

/* writer_ng.c. Errors stay in the stream. */
void pcapng_begin(FILE *out, const char *const ifaces[], unsigned count);
void pcapng_section(FILE *out);
void pcapng_interface(FILE *out, const char *name, uint16_t linktype);
void pcapng_frame(FILE *out, const struct capture_frame *f, unsigned iface);

struct capture {
    const struct capture_ops *ops;
    const uint8_t *bytes; /* the mapped file, or a stream's window */
    uint64_t size, at;
    uint64_t base;         /* bytes of a stream before its window */
    struct source *source; /* of a stream */
    uint8_t *window;
    uint64_t room;
    uint64_t needs;   /* what a reader lacked at c->at, of a stream; 0: nothing */
    bool ended;       /* no more than what is in the window comes */
    const char *path; /* as given */
    uint16_t port;
    capture_named_fn *named; /* NULL: all frames are of one port */
    void *named_arg;
    capture_custom_fn *custom; /* NULL: custom blocks are passed over */
    void *custom_arg;
    bool says_left;   /* a custom block told that this section says which frames left */
    uint64_t fetched; /* bytes that fetch_ahead has asked for */
    uint64_t copied;
    uint64_t frames; /* handed out */
    int fd;
    int map_slot;           /* map.c's registration, -1 */
    void *state;            /* the reader's own */
    uint64_t file_size;     /* 0: no file */
    bool keeps;             /* frames stay valid */
    bool stopped;           /* the waiting was ended */
    struct capture **parts; /* of a merged one */
    unsigned part_count;
    char part_error[420]; /* the first of one of them */
    char error[420];
};

/* Say why the rest cannot be read; the first reason stays. Returns -1. */
int capture_fault(struct capture *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Map c->fd of c->size bytes; the pages that a shrinking file takes away turn into zeros instead of a SIGBUS. */
int map_open(struct capture *c);
void map_close(struct capture *c);
bool map_faulted(const struct capture *c); /* has a page gone? cheap */
bool map_shrunk(const struct capture *c);  /* or is the file shorter than it was? */

/* Have the cache lines behind c->at come in. Where a record begins is only known from the one before, so every miss on
 * the way would be waited for; asking for all lines in order costs a tenth of that. As many lines are asked for after
 * each record, whatever its length, so that no branch depends on it; only a row of long ones runs ahead of them. A
 * prefetch does not map a page, so one byte is read of each stretch that the kernel maps at a fault: cheaper than
 * MADV_POPULATE_READ. */
static inline void fetch_ahead(struct capture *c)
{
    enum { LINE = 64, LINES = 8, AHEAD = 8192, STRETCH = 65536 };
    uint64_t at = c->fetched < c->at ? c->at : c->fetched;
    do {
        const uint64_t end = at + LINES * LINE;
        if (__builtin_expect(at / STRETCH != end / STRETCH, 0) && end / STRETCH * STRETCH < c->size)
            (void)*(const volatile uint8_t *)(c->bytes + end / STRETCH * STRETCH);
#pragma GCC unroll 8
        for (unsigned i = 0; i < LINES; i++) __builtin_prefetch((const void *)((uintptr_t)c->bytes + at + i * LINE));
        at = end;
    } while (__builtin_expect(at < c->at + AHEAD / 2, 0));
    c->fetched = at < c->at + AHEAD ? at : c->at + AHEAD;
}

/* Not all of `need` bytes from c->at on are there: may they come yet? Then a reader says nothing and is asked again. */
static inline bool capture_short(struct capture *c, uint64_t need)
{
    if (!c->source || c->ended) return false;
    c->needs = need;
    return true;
}

/* Seconds (before 1970: 0) and nanoseconds as one number; what does not fit is UINT64_MAX. */
static inline uint64_t time_join(int64_t s, uint64_t ns)
{
    if (s < 0) return 0;
    if ((uint64_t)s > (UINT64_MAX - ns) / 1000000000u) return UINT64_MAX;
    return (uint64_t)s * 1000000000u + ns;
}

/* How frames of a LINKTYPE_ (or the DLT_ of the same meaning) begin; false when the vm has no such link. */
bool linktype_link(uint32_t linktype, enum pkt_link *link);
/* "127 (IEEE802_11_RADIO)" */
const char *linktype_name(uint32_t linktype, char *buf, size_t len);

static inline uint16_t load16(const uint8_t *p, bool swapped)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return swapped ? __builtin_bswap16(v) : v;
}

static inline uint32_t load32(const uint8_t *p, bool swapped)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return swapped ? __builtin_bswap32(v) : v;
}

static inline uint64_t load64(const uint8_t *p, bool swapped)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return swapped ? __builtin_bswap64(v) : v;
}
