/* The pcapng file: sections of blocks, each section with its own byte order and interfaces (draft-ietf-opsawg-pcapng).
 * Packets are in enhanced, simple and (obsolete) packet blocks; all other blocks are skipped. Every length is checked
 * against its block, every block against the file. */
#include <stdlib.h>

#include "runtime/capture/capture_priv.h"

enum block { BLOCK_IDB = 1, BLOCK_PB = 2, BLOCK_SPB = 3, BLOCK_EPB = 6, BLOCK_CUSTOM = 0xbad, BLOCK_SHB = 0x0a0d0d0a };
enum option { OPT_END = 0, IF_NAME = 2, EPB_FLAGS = 2, IF_TSRESOL = 9, IF_TSOFFSET = 14 };
enum {
    BLOCK_MIN = 12,
    BYTE_ORDER_MAGIC = 0x1a2b3c4d,
    IFACES_MOST = 1 << 20,
    STREAM_BLOCK_MOST = 1 << 24,
    NAME_MOST = 128
};

struct interface {
    uint32_t linktype, snaplen;
    uint64_t ticks; /* ticks per second */
    uint32_t scale; /* nanoseconds per tick; 0: not a whole number, so a division is needed */
    int64_t offset; /* offset of the interface's times, in seconds */
    uint16_t port;
    bool known; /* the vm knows the link type */
    uint8_t link;
};

struct ng_state {
    struct interface *ifaces; /* interfaces of this section */
    uint32_t count, cap;
    uint32_t first; /* index of ifaces[0], counted over all sections */
    bool swapped;
};

/* The unread rest of a block's body. */
struct body {
    const uint8_t *at;
    uint32_t left;
};

static int fault_at(struct capture *c, const char *what)
{
    return capture_fault(c, "block at byte %llu: %s", (unsigned long long)(c->base + c->at), what);
}

/* True before the first interface: until then libpcap skips further section headers, valid or not. */
static bool section_is_idle(const struct capture *c, const struct ng_state *s)
{
    return c->base + c->at && !s->first && !s->count;
}

/* Begin a section: its interfaces are counted from 0. Any minor version is accepted, as in libpcap. */
static int section_begin(struct capture *c, struct ng_state *s, struct body b)
{
    if (section_is_idle(c, s)) return 0;
    if (b.left < 16) return fault_at(c, "a section header under 28 bytes");
    const unsigned major = load16(b.at + 4, s->swapped);
    if (major != 1)
        return capture_fault(c, "pcapng version %u.%u isn't supported", major, load16(b.at + 6, s->swapped));
    s->first += s->count;
    s->count = 0;
    c->says_left = false;
    return 0;
}

static int resolution_read(struct capture *c, struct interface *i, uint8_t v)
{
    const unsigned power = v & 0x7f;
    if (v & 0x80) {
        if (power > 63) return fault_at(c, "a time resolution finer than 2^-63 s");
        i->ticks = (uint64_t)1 << power;
    } else {
        if (power > 19) return fault_at(c, "a time resolution finer than 10^-19 s");
        i->ticks = 1;
        for (unsigned n = 0; n < power; n++) i->ticks *= 10;
    }
    /* Times in whole seconds are divided, too, because libpcap takes their 64 bits as signed. */
    i->scale = i->ticks > 1 && 1000000000u % i->ticks == 0 ? (uint32_t)(1000000000u / i->ticks) : 0;
    return 0;
}

static int options_read(struct capture *c, const struct ng_state *s, struct interface *i, char name[NAME_MOST],
                        struct body b)
{
    bool seen_resolution = false, seen_offset = false;
    while (b.left) {
        if (b.left < 4) return fault_at(c, "an option past the block's end");
        const unsigned code = load16(b.at, s->swapped), len = load16(b.at + 2, s->swapped);
        const uint32_t padded = (len + 3u) & ~3u;
        if (padded > b.left - 4) return fault_at(c, "an option past the block's end");
        const uint8_t *value = b.at + 4;
        if (code == OPT_END) return len ? fault_at(c, "an end of options with a value") : 0;
        if (code == IF_TSRESOL) {
            if (len != 1 || seen_resolution)
                return fault_at(c, "an interface has a second time resolution, or one that isn't one byte long");
            if (resolution_read(c, i, *value) < 0) return -1;
            seen_resolution = true;
        } else if (code == IF_TSOFFSET) {
            if (len != 8 || seen_offset)
                return fault_at(c, "an interface has a second time offset, or one that isn't eight bytes long");
            i->offset = (int64_t)load64(value, s->swapped);
            seen_offset = true;
        } else if (code == IF_NAME) {
            /* the name has no terminating zero, and may be long */
            const unsigned most = len < NAME_MOST ? len : NAME_MOST - 1;
            memcpy(name, value, most);
            name[most] = 0;
        }
        b.at += 4 + padded;
        b.left -= 4 + padded;
    }
    return 0;
}

static int interface_port(struct capture *c, struct interface *i, const char *name)
{
    const int port = c->named ? c->named(c->named_arg, c->path, name) : c->port;
    i->port = (uint16_t)port;
    return port < 0 ? fault_at(c, "more interfaces than preyrun can distinguish") : 0;
}

static int interface_add(struct capture *c, struct ng_state *s, struct body b)
{
    char name[NAME_MOST] = "";
    if (b.left < 8) return fault_at(c, "an interface description under 20 bytes");
    if (s->count == IFACES_MOST) return fault_at(c, "more than 1,048,576 interfaces in a section");
    if (s->count == s->cap) {
        const uint32_t cap = s->cap ? s->cap * 2 : 4;
        struct interface *more = reallocarray(s->ifaces, cap, sizeof *more);
        if (!more) return capture_fault(c, "out of memory for %u interfaces", s->count);
        s->ifaces = more;
        s->cap = cap;
    }
    struct interface *i = &s->ifaces[s->count];
    *i = (struct interface){
        .linktype = load16(b.at, s->swapped), .snaplen = load32(b.at + 4, s->swapped), .ticks = 1000000, .scale = 1000};
    if (i->snaplen == 0 || i->snaplen > INT32_MAX) i->snaplen = CAPTURE_FRAME_MAX;
    enum pkt_link link;
    i->known = linktype_link(i->linktype, &link);
    i->link = i->known ? (uint8_t)link : 0;
    if (options_read(c, s, i, name, (struct body){b.at + 8, b.left - 8}) < 0 || interface_port(c, i, name) < 0)
        return -1;
    s->count++;
    return 0;
}

static uint64_t time_of(const struct interface *i, uint64_t t)
{
    if (i->scale && !i->offset) return t > UINT64_MAX / i->scale ? UINT64_MAX : t * i->scale;
    const uint64_t s = t / i->ticks + (uint64_t)i->offset;
    const uint64_t ns = (uint64_t)((unsigned __int128)(t % i->ticks) * 1000000000u / i->ticks);
    return time_join((int64_t)s, ns);
}

static int frame_fill(struct capture *c, const struct ng_state *s, struct capture_frame *f, uint32_t iface, uint64_t t,
                      struct body data)
{
    if (iface >= s->count)
        return capture_fault(c, "frame %llu: its section has no interface %u", (unsigned long long)c->frames + 1,
                             iface);
    const struct interface *i = &s->ifaces[iface];
    char name[64];
    if (!i->known)
        return capture_fault(c, "frame %llu: link type %s of interface %u isn't supported",
                             (unsigned long long)c->frames + 1, linktype_name(i->linktype, name, sizeof name),
                             s->first + iface);
    if (f->cap_len > CAPTURE_FRAME_MAX || f->cap_len > i->snaplen)
        return capture_fault(c, "frame %llu claims %u captured bytes, more than its interface's limit of %u",
                             (unsigned long long)c->frames + 1, f->cap_len, i->snaplen);
    if (f->cap_len > data.left) return fault_at(c, "a frame past the block's end");
    f->data = data.at;
    f->time_ns = time_of(i, t);
    f->dlt = (uint16_t)i->linktype;
    f->link = i->link;
    f->port = i->port;
    f->iface = s->first + iface;
    f->outbound = false;
    return 1;
}

/* True if a packet's options say that it left. Malformed options are ignored. */
static bool says_outbound(const struct ng_state *s, struct body b)
{
    enum { DIRECTION = 3, OUTBOUND = 2 };
    while (b.left >= 4) {
        const unsigned code = load16(b.at, s->swapped), len = load16(b.at + 2, s->swapped);
        const uint32_t padded = (len + 3u) & ~3u;
        if (code == OPT_END || padded > b.left - 4) return false;
        if (code == EPB_FLAGS && len == 4) return (load32(b.at + 4, s->swapped) & DIRECTION) == OUTBOUND;
        b.at += 4 + padded;
        b.left -= 4 + padded;
    }
    return false;
}

/* Read a packet block. Enhanced: interface (32 bits), time, lengths. Obsolete: interface (16), drops (16), the rest. */
static int packet_read(struct capture *c, const struct ng_state *s, struct body b, bool obsolete,
                       struct capture_frame *f)
{
    if (b.left < 20) return fault_at(c, "a packet block without its fixed part");
    const uint32_t iface = obsolete ? load16(b.at, s->swapped) : load32(b.at, s->swapped);
    const uint64_t t = (uint64_t)load32(b.at + 4, s->swapped) << 32 | load32(b.at + 8, s->swapped);
    f->cap_len = load32(b.at + 12, s->swapped);
    f->wire_len = load32(b.at + 16, s->swapped);
    const struct body data = {b.at + 20, b.left - 20};
    const int got = frame_fill(c, s, f, iface, t, data);
    const uint32_t padded = (f->cap_len + 3u) & ~3u;
    if (got == 1 && c->says_left && !obsolete && padded <= data.left)
        f->outbound = says_outbound(s, (struct body){data.at + padded, data.left - padded});
    return got;
}

/* Read a simple packet block: of the first interface, without a time, cut at that interface's snap length. */
static int simple_read(struct capture *c, const struct ng_state *s, struct body b, struct capture_frame *f)
{
    if (b.left < 4) return fault_at(c, "a simple packet block without its length");
    f->wire_len = load32(b.at, s->swapped);
    f->cap_len = s->count && f->wire_len > s->ifaces[0].snaplen ? s->ifaces[0].snaplen : f->wire_len;
    return frame_fill(c, s, f, 0, 0, (struct body){b.at + 4, b.left - 4});
}

/* Read the block at c->at: type, body and length. Return 1, 0 at the end, or -1. */
static int block_read(struct capture *c, struct ng_state *s, uint32_t *type, struct body *b, uint32_t *total)
{
    const uint64_t left = c->size - c->at;
    if (left < BLOCK_MIN && (capture_short(c, BLOCK_MIN) || !left)) return 0;
    if (left < BLOCK_MIN)
        return capture_fault(c, "truncated: %llu bytes are left after frame %llu", (unsigned long long)left,
                             (unsigned long long)c->frames);
    const uint8_t *p = c->bytes + c->at;
    *type = load32(p, s->swapped);
    if (*type == BLOCK_SHB) {
        const uint32_t magic = load32(p + 8, false);
        if (magic == BYTE_ORDER_MAGIC)
            s->swapped = false;
        else if (magic == __builtin_bswap32(BYTE_ORDER_MAGIC))
            s->swapped = true;
        else if (!section_is_idle(c, s))
            return fault_at(c, "a section header without its byte-order magic");
    }
    *total = load32(p + 4, s->swapped);
    /* libpcap checks neither the first block's length for a multiple of 4 nor its trailer, and such files exist. */
    const bool first = !(c->base + c->at);
    if (*total < BLOCK_MIN || (!first && *total % 4)) return fault_at(c, "an impossible block length");
    if (*total > STREAM_BLOCK_MOST && c->source)
        return fault_at(c, "more than 16 MiB, the limit in a pipe or a compressed file");
    if (*total > left && capture_short(c, *total)) return 0;
    if (*total > left)
        return capture_fault(c, "truncated: the block after frame %llu has %llu of %u bytes",
                             (unsigned long long)c->frames, (unsigned long long)left, *total);
    if (!first && load32(p + *total - 4, s->swapped) != *total) return fault_at(c, "its two lengths differ");
    *b = (struct body){p + 8, *total - BLOCK_MIN};
    return 1;
}

/* Read up to the next frame. Return 1, 0 at the end, or -1. */
static int frame_read(struct capture *c, struct ng_state *s, struct capture_frame *f)
{
    for (;;) {
        uint32_t type, total;
        struct body b;
        int got = block_read(c, s, &type, &b, &total);
        if (got <= 0) return got;
        got = 0;
        switch (type) {
        case BLOCK_SHB: got = section_begin(c, s, b); break;
        case BLOCK_IDB: got = interface_add(c, s, b); break;
        case BLOCK_EPB: got = packet_read(c, s, b, false, f); break;
        case BLOCK_PB: got = packet_read(c, s, b, true, f); break;
        case BLOCK_SPB: got = simple_read(c, s, b, f); break;
        case BLOCK_CUSTOM:
            if (c->custom) c->says_left |= c->custom(c->custom_arg, b.at, b.left);
            break;
        }
        if (got < 0) return -1;
        c->at += total;
        if (got) return 1;
    }
}

static unsigned ng_read(struct capture *c, struct capture_frame *f, unsigned n)
{
    const uint64_t before = c->frames; /* c->frames keeps counting during the batch, for the frame numbers in faults */
    unsigned got = 0;
    while (got < n && frame_read(c, c->state, &f[got]) == 1) {
        fetch_ahead(c);
        c->frames = before + ++got;
    }
    c->frames = before;
    return got;
}

static int ng_open(struct capture *c)
{
    struct ng_state *s = calloc(1, sizeof *s);
    if (!s) return capture_fault(c, "out of memory");
    c->state = s;
    /* The first block must be whole: a file cut inside it holds nothing. */
    uint32_t type, total;
    struct body b;
    if (block_read(c, s, &type, &b, &total) <= 0 || section_begin(c, s, b) < 0) return -1;
    c->at += total;
    return 0;
}

static void ng_close(struct capture *c)
{
    struct ng_state *s = c->state;
    if (s) free(s->ifaces);
    capture_state_free(c);
}

const struct capture_ops capture_pcapng = {.open = ng_open, .read = ng_read, .close = ng_close};
