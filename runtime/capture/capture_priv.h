/* Parts shared by the readers: the open capture, bytes of a mapped file, times, link types. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "runtime/capture/capture.h"

/* Longest frame of any supported link type: libpcap's MAXIMUM_SNAPLEN. */
#define CAPTURE_FRAME_MAX 262144u

/* Reader of one format, in a separate file, or the merge. */
struct capture_ops {
    /* Read up to the first frame. Return 0, or -1 with c->error set. */
    int (*open)(struct capture *c);
    /* Read up to n frames; fewer at the end, or with c->error set if the rest cannot be read. */
    unsigned (*read)(struct capture *c, struct capture_frame *f, unsigned n);
    void (*close)(struct capture *c);
};
extern const struct capture_ops capture_pcap, capture_pcapng;
void capture_state_free(struct capture *c); /* free c->state: `close` of a reader whose state is one allocation */

struct source;
/* Open a stream, which is read through a window (source_window.c). Return 0 or -1. */
int window_open(struct capture *c);
int window_begin(struct capture *c);
unsigned window_read(struct capture *c, struct capture_frame *f, unsigned n);
bool window_rewind(struct capture *c);
void window_close(struct capture *c);
/* Choose the reader by the first of c->bytes. Return 0 or -1. */
int capture_choose(struct capture *c);

struct capture {
    const struct capture_ops *ops;
    const uint8_t *bytes; /* the mapped file, or the window of a stream */
    uint64_t size, at;
    uint64_t base;         /* bytes of the stream before the window */
    struct source *source; /* source of a stream, or NULL */
    uint8_t *window;
    uint64_t room;
    uint64_t needs;   /* for a stream: bytes that the reader lacked at c->at; 0: none */
    bool ended;       /* nothing comes after the window */
    const char *path; /* path of the capture, as given */
    uint16_t port;
    capture_named_fn *named; /* callback that gives frames their port; NULL: all frames are of one port */
    void *named_arg;
    capture_custom_fn *custom; /* callback for custom blocks; NULL: they are skipped */
    void *custom_arg;
    bool says_left;   /* a custom block announced that this section marks leaving frames */
    uint64_t fetched; /* bytes requested by fetch_ahead */
    uint64_t copied;
    uint64_t frames; /* frames handed out */
    int fd;
    int map_slot;           /* slot of the mapping in map.c, or -1 */
    void *state;            /* state of the reader */
    uint64_t file_size;     /* size of the file; 0: not a file */
    bool keeps;             /* frames stay valid until capture_close */
    bool stopped;           /* the waiting was ended by stop_fd */
    struct capture **parts; /* captures of a merge, owned */
    unsigned part_count;
    char part_error[420]; /* first fault of a part */
    char error[420];
};

/* Set the fault; the first one stays. Return -1. */
int capture_fault(struct capture *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Map c->size bytes of c->fd. Pages lost to a shrinking file read as zeros instead of raising SIGBUS. */
int map_open(struct capture *c);
void map_close(struct capture *c);
bool map_faulted(const struct capture *c); /* true if a page was lost; cheap */
bool map_shrunk(const struct capture *c);  /* true if a page was lost, or the file is shorter than before */

/* Prefetch the cache lines behind c->at. A record's place is known only from its predecessor, so each miss would
 * stall; prefetching all lines in order costs a tenth of that. The number of lines per record is fixed, so that no
 * branch depends on a record's length; only a run of long records overtakes the prefetches. A prefetch does not map
 * a page, so one byte is read in each stretch that the kernel maps at a fault, which is cheaper than
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

/* True if fewer than `need` bytes from c->at on exist but more may come: a reader then stops without a fault. */
static inline bool capture_short(struct capture *c, uint64_t need)
{
    if (!c->source || c->ended) return false;
    c->needs = need;
    return true;
}

/* Return seconds (before 1970: 0) and nanoseconds as one number; UINT64_MAX on overflow. */
static inline uint64_t time_join(int64_t s, uint64_t ns)
{
    if (s < 0) return 0;
    if ((uint64_t)s > (UINT64_MAX - ns) / 1000000000u) return UINT64_MAX;
    return (uint64_t)s * 1000000000u + ns;
}

/* Find the vm's link of a LINKTYPE_ (or of the DLT_ with the same meaning). False: the vm has none. */
bool linktype_link(uint32_t linktype, enum pkt_link *link);
/* Write the name of a link type: "127 (IEEE802_11_RADIO)". Return it. */
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
