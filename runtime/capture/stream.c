/* Streams (standard input, pipes): libpcap reads them, a frame at a time, into its own buffer. It takes pcapng only
 * where all interfaces have one link type, snap length and byte order; a file has no such bound. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/capture/capture_priv.h"

struct stream_state {
    FILE *in;
    pcap_t *pcap;
    uint16_t dlt;
    uint8_t link;
    uint32_t tick_ns; /* of a pcap's fractions; 0: a pcapng */
};

/* Look at the first bytes and put them back: what libpcap would only call an unknown format has a better name. */
static int first_bytes(struct capture *c, FILE *in, uint32_t *tick_ns)
{
    uint8_t first[6] = {0};
    const size_t len = fread(first, 1, sizeof first, in);
    if (!len) return capture_fault(c, "%s", ferror(in) ? strerror(errno) : "it is empty, not a capture");
    for (size_t i = len; i > 0; i--)
        if (ungetc(first[i - 1], in) == EOF) return capture_fault(c, "cannot look at its first bytes");
    const uint32_t magic = load32(first, false);
    *tick_ns = magic == 0x0a0d0d0a ? 0 : magic == 0xa1b23c4d || magic == 0x4d3cb2a1 ? 1 : 1000;
    const char *tool, *packer = capture_compressor(first, len, &tool);
    return packer ? capture_fault(c, "it is compressed with %s: decompress it first (%s)", packer, tool) : 0;
}

static int stream_open(struct capture *c)
{
    struct stream_state *s = calloc(1, sizeof *s);
    if (!s) return capture_fault(c, "out of memory");
    c->state = s;
    s->in = fdopen(c->fd, "rb");
    if (!s->in) return capture_fault(c, "%s", strerror(errno));
    c->fd = -1; /* the stream's from here on */
    if (first_bytes(c, s->in, &s->tick_ns) < 0) return -1;
    char err[PCAP_ERRBUF_SIZE] = "";
    s->pcap = pcap_fopen_offline_with_tstamp_precision(s->in, PCAP_TSTAMP_PRECISION_NANO, err);
    if (!s->pcap) return capture_fault(c, "%s", err);
    s->in = NULL; /* and libpcap's from here on */
    const int dlt = pcap_datalink(s->pcap);
    enum pkt_link link;
    char name[64];
    if (dlt < 0 || !linktype_link((uint32_t)dlt, &link))
        return capture_fault(c, "link type %s is not supported", linktype_name((uint32_t)dlt, name, sizeof name));
    s->dlt = link == LINK_RAW ? 101 : (uint16_t)dlt;
    s->link = (uint8_t)link;
    return 0;
}

/* A pcap's seconds and fractions are 32 unsigned bits, which libpcap takes for signed where it need not swap them. */
static uint64_t time_of(const struct stream_state *s, const struct pcap_pkthdr *h)
{
    if (!s->tick_ns) return time_join(h->ts.tv_sec, (uint64_t)h->ts.tv_usec);
    return time_join((uint32_t)h->ts.tv_sec, (uint64_t)(uint32_t)(h->ts.tv_usec / (long)s->tick_ns) * s->tick_ns);
}

static unsigned stream_read(struct capture *c, struct capture_frame *f, unsigned n)
{
    struct stream_state *s = c->state;
    struct pcap_pkthdr *h;
    const u_char *data;
    if (!n) return 0;
    const int got = pcap_next_ex(s->pcap, &h, &data);
    if (got != 1) {
        if (got != PCAP_ERROR_BREAK) capture_fault(c, "%s", pcap_geterr(s->pcap));
        return 0;
    }
    *f = (struct capture_frame){
        .data = data,
        .cap_len = h->caplen,
        .wire_len = h->len,
        .time_ns = time_of(s, h),
        .dlt = s->dlt,
        .link = s->link,
    };
    c->at += h->caplen;
    c->copied++;
    return 1;
}

static void stream_close(struct capture *c)
{
    struct stream_state *s = c->state;
    if (s && s->pcap) pcap_close(s->pcap);
    if (s && s->in) fclose(s->in);
    free(s);
    c->state = NULL;
}

const struct capture_ops capture_stream = {.open = stream_open, .read = stream_read, .close = stream_close};
