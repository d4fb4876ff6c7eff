/* The pcap file: a header of 24 bytes, then records of 16 (or 24) bytes and the frame. Micro- and nanoseconds, either
 * byte order, and old variants as libpcap reads them (draft-ietf-opsawg-pcap; libpcap's savefiles). */
#include <stdlib.h>

#include "runtime/capture/capture_priv.h"

#define MAGIC_MICRO     0xa1b2c3d4u
#define MAGIC_NANO      0xa1b23c4du
#define MAGIC_KUZNETZOV 0xa1b2cd34u /* a patched libpcap of 1999: 8 more bytes per record */

enum { FILE_HEADER = 24, RECORD_HEADER = 16, RECORD_HEADER_KUZNETZOV = 24 };
enum lengths { LENGTHS_RIGHT, LENGTHS_MAYBE_SWAPPED, LENGTHS_SWAPPED };

struct pcap_state {
    uint32_t snaplen;
    uint32_t tick_ns; /* nanoseconds per unit of the fraction */
    uint16_t dlt;
    uint8_t link;
    uint8_t header;  /* length of a record's header in bytes */
    uint8_t lengths; /* enum lengths: versions up to 2.3 wrote the two lengths in the other order */
    bool swapped;
};

static int header_read(struct capture *c, struct pcap_state *s)
{
    uint32_t magic = load32(c->bytes, false);
    s->swapped = magic != MAGIC_MICRO && magic != MAGIC_NANO && magic != MAGIC_KUZNETZOV;
    if (s->swapped) magic = __builtin_bswap32(magic);
    if (magic != MAGIC_MICRO && magic != MAGIC_NANO && magic != MAGIC_KUZNETZOV)
        return capture_fault(c, "not a pcap or pcapng capture");
    s->tick_ns = magic == MAGIC_NANO ? 1 : 1000;
    s->header = magic == MAGIC_KUZNETZOV ? RECORD_HEADER_KUZNETZOV : RECORD_HEADER;
    if (c->size < FILE_HEADER && capture_short(c, FILE_HEADER)) return -1;
    if (c->size < FILE_HEADER)
        return capture_fault(c, "truncated: the pcap header has %llu of 24 bytes", (unsigned long long)c->size);
    /* 2.0 to 2.4, or 543.0 (DG/UX), as in libpcap. */
    const unsigned major = load16(c->bytes + 4, s->swapped), minor = load16(c->bytes + 6, s->swapped);
    if (!(major == 2 && minor <= 4) && !(major == 543 && minor == 0))
        return capture_fault(c, "pcap version %u.%u isn't supported", major, minor);
    s->lengths = major == 543 || minor < 3 ? LENGTHS_SWAPPED : minor == 3 ? LENGTHS_MAYBE_SWAPPED : LENGTHS_RIGHT;
    const uint32_t type = load32(c->bytes + 20, s->swapped) & 0x03ffffff; /* the upper bits hold the FCS length */
    enum pkt_link link;
    char name[64];
    if (!linktype_link(type, &link))
        return capture_fault(c, "link type %s isn't supported", linktype_name(type, name, sizeof name));
    s->dlt = (uint16_t)type;
    s->link = (uint8_t)link;
    s->snaplen = load32(c->bytes + 16, s->swapped);
    if (s->snaplen == 0 || s->snaplen > INT32_MAX) s->snaplen = CAPTURE_FRAME_MAX;
    /* Frames of this variant may hold an Ethernet header that was put in front after the cut. */
    if (s->header == RECORD_HEADER_KUZNETZOV && type == 1) s->snaplen += 14;
    c->at = FILE_HEADER;
    return 0;
}

static int pcap_open_file(struct capture *c)
{
    struct pcap_state *s = calloc(1, sizeof *s);
    if (!s) return capture_fault(c, "out of memory");
    c->state = s;
    return header_read(c, s);
}

static int truncated(struct capture *c, uint64_t frame, const char *part, uint64_t need, uint64_t have)
{
    return capture_fault(c, "truncated: frame %llu has %llu of %llu bytes of its %s", (unsigned long long)frame,
                         (unsigned long long)have, (unsigned long long)need, part);
}

/* Read the record at c->at. 1: filled in; 0: the end; -1: a fault. */
static inline int record_read(struct capture *c, const struct pcap_state *s, struct capture_frame *f, uint64_t frame)
{
    const uint64_t left = c->size - c->at;
    if (__builtin_expect(left < s->header, 0)) {
        if (capture_short(c, s->header) || !left) return 0;
        return truncated(c, frame, "record header", s->header, left);
    }
    const uint8_t *h = c->bytes + c->at;
    uint32_t cap = load32(h + 8, s->swapped), wire = load32(h + 12, s->swapped);
    if (__builtin_expect(s->lengths != LENGTHS_RIGHT, 0) && (s->lengths == LENGTHS_SWAPPED || cap > wire)) {
        const uint32_t t = cap;
        cap = wire;
        wire = t;
    }
    if (__builtin_expect(cap > CAPTURE_FRAME_MAX, 0))
        return capture_fault(c, "frame %llu claims %u captured bytes, but at most %u are possible",
                             (unsigned long long)frame, cap, CAPTURE_FRAME_MAX);
    if (__builtin_expect(cap > left - s->header, 0)) {
        if (capture_short(c, s->header + cap)) return 0;
        return truncated(c, frame, "data", cap, left - s->header);
    }
    f->data = h + s->header;
    f->cap_len = cap < s->snaplen ? cap : s->snaplen;
    f->wire_len = wire;
    f->time_ns = (uint64_t)load32(h, s->swapped) * 1000000000u + (uint64_t)load32(h + 4, s->swapped) * s->tick_ns;
    f->dlt = s->dlt;
    f->link = s->link;
    f->port = c->port;
    f->iface = 0;
    f->outbound = false;
    c->at += s->header + cap;
    return 1;
}

static unsigned pcap_read(struct capture *c, struct capture_frame *f, unsigned n)
{
    const struct pcap_state s = *(struct pcap_state *)c->state;
    unsigned got = 0;
    while (got < n && record_read(c, &s, &f[got], c->frames + got + 1) == 1) {
        fetch_ahead(c);
        got++;
    }
    return got;
}

const struct capture_ops capture_pcap = {.open = pcap_open_file, .read = pcap_read, .close = capture_state_free};
