/* Streams, read once from beginning to end. A window slides over the bytes, so that the readers of both formats find
 * a whole record in it, as in a mapped file. If a record is not whole, the reader sets the number of bytes that it
 * needs and is called again. */
#include <stdlib.h>

#include "runtime/capture/byte_source.h"
#include "runtime/capture/capture_priv.h"

enum { WINDOW_LEAST = 1 << 18, FIRST = 24 /* bytes needed to recognise a format */, TAR_AT = 257 };

/* Make room for `need` bytes from c->at on, moved to the window's beginning. */
static int window_make(struct capture *c, uint64_t need)
{
    if (c->room < need || !c->window) {
        const uint64_t room = need < WINDOW_LEAST ? WINDOW_LEAST : need + WINDOW_LEAST;
        uint8_t *more = realloc(c->window, room);
        if (!more) return capture_fault(c, "out of memory for a block of %llu bytes", (unsigned long long)need);
        c->window = more;
        c->room = room;
    }
    const uint64_t left = c->size - c->at;
    if (left) memmove(c->window, c->window + c->at, left);
    c->base += c->at;
    c->bytes = c->window;
    c->size = left;
    c->at = c->fetched = 0;
    return 0;
}

/* Read until `need` bytes are at c->at, or the stream ends. */
static int window_fill(struct capture *c, uint64_t need)
{
    if (window_make(c, need) < 0) return -1;
    while (c->size < need) {
        char err[160];
        const long n = source_read(c->source, c->window + c->size, c->room - c->size, err, sizeof err);
        if (n < 0) return capture_fault(c, "%s", err);
        if (!n) break;
        c->size += (uint64_t)n;
    }
    c->ended = c->size < need;
    return 0;
}

/* Read the beginning, unpacked if it is compressed. */
static int file_begin(struct capture *c)
{
    const struct packer *packer;
    char err[160];
    if (source_unpack(c->source, &packer, err, sizeof err) < 0) return capture_fault(c, "%s", err);
    if (window_fill(c, FIRST) < 0) return -1;
    /* Reject an archive of files, and a file compressed twice or by an unsupported compressor. */
    const struct packer *outer = packer && packer->unpacker ? packer : NULL;
    const struct packer *inner = packer_of(c->bytes, c->size);
    if (inner && outer)
        return capture_fault(c, "the input is compressed twice (%s, then %s inside): unpack the input first (%s)",
                             outer->name, inner->name, inner->tool);
    if (inner)
        return capture_fault(c, "the input is compressed with %s: decompress the input first (%s)", inner->name,
                             inner->tool);
    if (c->size >= TAR_AT + 5 && !memcmp(c->bytes + TAR_AT, "ustar", 5))
        return capture_fault(c, "the input is an archive: unpack the archive first (tar -x)");
    return 0;
}

int window_open(struct capture *c)
{
    c->source = source_new(c->fd);
    if (!c->source) return capture_fault(c, "out of memory");
    if (file_begin(c) < 0 || capture_choose(c) < 0) return -1;
    return window_begin(c);
}

/* Read up to the first frame, with as many bytes as the first frame needs. */
int window_begin(struct capture *c)
{
    for (;;) {
        c->needs = 0;
        if (!c->ops->open(c)) return 0;
        if (c->error[0] || !c->needs) return -1;
        c->ops->close(c);
        if (window_fill(c, c->needs) < 0) return -1;
    }
}

unsigned window_read(struct capture *c, struct capture_frame *f, unsigned n)
{
    for (;;) {
        c->needs = 0;
        const unsigned got = c->ops->read(c, f, n);
        c->copied += got;
        if (got || c->error[0] || !c->needs) return got;
        if (window_fill(c, c->needs) < 0) return 0;
        c->stopped = source_stopped(c->source);
        if (c->stopped) return 0;
    }
}

bool window_rewind(struct capture *c)
{
    if (!source_rewind(c->source)) return false;
    c->size = c->at = c->base = 0;
    c->ended = false;
    return file_begin(c) == 0 && window_begin(c) == 0;
}

void window_close(struct capture *c)
{
    source_free(c->source);
    free(c->window);
    c->source = NULL;
}
