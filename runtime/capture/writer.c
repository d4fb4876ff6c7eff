/* Writing of captures with nanosecond times. A pcap is written by libpcap. A file called *.pcapng is written by
 * ng.c, because libpcap does not write a frame's outgoing interface. libpcap reports no write errors, so the stream
 * below is checked after every frame. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/capture/capture_priv.h"
#include "runtime/capture/ng.h"

enum { PORTS = 1 << 16, ETHERNET = 1, HEADER = 14, TYPE_AT = 12, FRAMED_MOST = HEADER + CAPTURE_FRAME_MAX };

/* Interfaces of a pcapng that holds frames as they came: one for each port and link type, in the order of their first
 * frames. */
struct came {
    capture_name_fn *name;
    const void *arg;
    struct came_iface {
        uint16_t dlt;
        uint32_t next; /* index + 1 of the next interface of the same port; 0: none */
    } * ifaces;
    uint32_t count, room;
    uint32_t *first; /* [65536], by port: index + 1 of its first interface */
};

struct capture_writer {
    FILE *out; /* stream of the dumper, or of the pcapng */
    pcap_t *pcap;
    pcap_dumper_t *dumper; /* writer of a pcap; NULL: a pcapng, or not begun */
    unsigned ifaces;
    struct bytes blocks; /* blocks of a pcapng that are not written yet */
    uint8_t *framed;     /* [FRAMED_MOST] a bare packet behind a header, for a pcap; NULL: not used yet */
    bool as_came, ng;
    struct came came;
    int error; /* first error, a negative errno */
};

/* Return the index of the frame's interface, whose block is appended first if it is new, or a negative errno. */
static int came_iface(struct came *c, struct bytes *to, const struct capture_frame *f)
{
    if (!c->first) c->first = calloc(PORTS, sizeof *c->first);
    if (!c->first) return -ENOMEM;
    for (uint32_t i = c->first[f->port]; i; i = c->ifaces[i - 1].next)
        if (c->ifaces[i - 1].dlt == f->dlt) return (int)i - 1;
    if (c->count == c->room) {
        const uint32_t room = c->room ? c->room * 2 : 16;
        struct came_iface *more = reallocarray(c->ifaces, room, sizeof *more);
        if (!more) return -ENOMEM;
        c->ifaces = more;
        c->room = room;
    }
    c->ifaces[c->count] = (struct came_iface){.dlt = f->dlt, .next = c->first[f->port]};
    ng_interface(to, c->name(c->arg, f->port), f->dlt, CAPTURE_FRAME_MAX);
    c->first[f->port] = ++c->count;
    return (int)c->count - 1;
}

static void came_fini(struct came *c)
{
    free(c->ifaces);
    free(c->first);
}

bool capture_path_is_ng(const char *path)
{
    const size_t len = strlen(path);
    return len > 7 && !strcmp(path + len - 7, ".pcapng");
}

static int pcap_begin(struct capture_writer *w, uint16_t linktype)
{
    /* libpcap's DLT_ for a LINKTYPE_ */
    const int dlt = linktype == 12 || linktype == 14 || linktype == 101 ? DLT_RAW : linktype;
    w->pcap = pcap_open_dead_with_tstamp_precision(dlt, CAPTURE_FRAME_MAX, PCAP_TSTAMP_PRECISION_NANO);
    if (!w->pcap) return -ENOMEM;
    errno = 0;
    w->dumper = pcap_dump_fopen(w->pcap, w->out);
    return w->dumper ? 0 : errno ? -errno : -EIO;
}

/* Open the stream; nothing is written yet. NULL: a line in err. */
static struct capture_writer *writer_new(const char *path, char *err, size_t err_len)
{
    FILE *out = strcmp(path, "-") ? fopen(path, "wbe") : fdopen(dup(STDOUT_FILENO), "wb");
    struct capture_writer *w = out ? calloc(1, sizeof *w) : NULL;
    if (!w) {
        snprintf(err, err_len, "%s: %s", path, strerror(errno));
        if (out) fclose(out);
        return NULL;
    }
    w->out = out;
    w->ng = capture_path_is_ng(path);
    return w;
}

/* Write the blocks that were made. Return 0 or a negative errno. */
static int put_blocks(struct capture_writer *w)
{
    errno = 0;
    fwrite(w->blocks.at, 1, w->blocks.len, w->out);
    w->blocks.len = 0;
    if (w->blocks.failed) return -ENOMEM;
    return !ferror(w->out) ? 0 : errno ? -errno : -EIO;
}

struct capture_writer *capture_create(const char *path, const char *const ifaces[], const uint8_t links[],
                                      unsigned count, char *err, size_t err_len)
{
    struct capture_writer *w = writer_new(path, err, err_len);
    if (!w) return NULL;
    w->ifaces = count;
    if (w->ng) ng_capture(&w->blocks, ifaces, links, count);
    w->error = w->ng ? put_blocks(w) : pcap_begin(w, ETHERNET);
    if (!w->error) return w;
    snprintf(err, err_len, "%s: %s", path, strerror(-w->error));
    capture_finish(w);
    return NULL;
}

struct capture_writer *capture_create_as_came(const char *path, capture_name_fn *name, const void *arg, char *err,
                                              size_t err_len)
{
    struct capture_writer *w = writer_new(path, err, err_len);
    if (!w) return NULL;
    w->as_came = true;
    w->came = (struct came){.name = name, .arg = arg};
    if (w->ng) ng_section(&w->blocks); /* written with the first frame, or at the end */
    return w;
}

/* Return the index of the frame's interface. */
static uint32_t writer_iface(struct capture_writer *w, const struct capture_frame *f)
{
    if (!w->as_came) return f->iface < w->ifaces ? f->iface : w->ifaces;
    const int iface = came_iface(&w->came, &w->blocks, f);
    if (iface < 0) w->error = iface;
    return (uint32_t)iface;
}

/* Put a header without addresses before a bare packet. */
static int put_header(struct capture_writer *w, struct capture_frame *f)
{
    if (!w->framed) w->framed = malloc(FRAMED_MOST);
    if (!w->framed) return -ENOMEM;
    if (f->cap_len > CAPTURE_FRAME_MAX - HEADER) f->cap_len = CAPTURE_FRAME_MAX - HEADER;
    const bool v6 = f->cap_len && f->data[0] >> 4 == 6;
    memset(w->framed, 0, HEADER);
    w->framed[TYPE_AT] = v6 ? 0x86 : 0x08;
    w->framed[TYPE_AT + 1] = v6 ? 0xdd : 0;
    memcpy(w->framed + HEADER, f->data, f->cap_len);
    f->data = w->framed;
    f->cap_len += HEADER;
    f->wire_len += HEADER;
    return 0;
}

int capture_write(struct capture_writer *w, const struct capture_frame *given)
{
    struct capture_frame framed = *given;
    const struct capture_frame *const f = &framed;
    if (!w->ng && !w->as_came && f->link == LINK_RAW && !w->error) w->error = put_header(w, &framed);
    if (w->error) return w->error;
    const struct pcap_pkthdr h = {
        .ts = {.tv_sec = (time_t)(f->time_ns / 1000000000u), .tv_usec = (suseconds_t)(f->time_ns % 1000000000u)},
        .caplen = f->cap_len,
        .len = f->wire_len,
    };
    if (!w->ng && !w->dumper) w->error = pcap_begin(w, f->dlt);
    const uint32_t iface = w->ng ? writer_iface(w, f) : 0;
    if (w->error) return w->error;
    if (!w->dumper) {
        ng_captured(&w->blocks, f, iface);
        return w->error = put_blocks(w);
    }
    errno = 0;
    pcap_dump((u_char *)w->dumper, &h, f->data);
    if (ferror(w->out)) w->error = errno ? -errno : -EIO;
    return w->error;
}

int capture_flush(struct capture_writer *w)
{
    if (w->ng && !w->error) w->error = put_blocks(w);
    errno = 0;
    if (fflush(w->out) && !w->error) w->error = errno ? -errno : -EIO;
    return w->error;
}

int capture_finish(struct capture_writer *w)
{
    if (!w) return 0;
    if (!w->ng && !w->dumper && !w->error) w->error = pcap_begin(w, ETHERNET); /* the pcap is empty, but complete */
    const int error = capture_flush(w);
    if (w->dumper)
        pcap_dump_close(w->dumper);
    else
        fclose(w->out);
    if (w->pcap) pcap_close(w->pcap);
    came_fini(&w->came);
    bytes_fini(&w->blocks);
    free(w->framed);
    free(w);
    return error;
}
