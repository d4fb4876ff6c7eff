/* gzip (RFC 1952) by zlib; consecutive members form one file. */
#include <stdlib.h>
#include <zlib.h>

#include "runtime/capture/unpack.h"

enum { ANY_WINDOW_GZIP = 15 + 16 };

static void *gzip_open(void)
{
    z_stream *z = calloc(1, sizeof *z);
    if (z && inflateInit2(z, ANY_WINDOW_GZIP) == Z_OK) return z;
    free(z);
    return NULL;
}

static const char *gzip_step(void *state, struct unpack_step *s)
{
    z_stream *z = state;
    z->next_in = (Bytef *)(uintptr_t)s->in;
    z->avail_in = (uInt)s->in_left;
    z->next_out = s->out;
    z->avail_out = (uInt)s->out_left;
    const int rc = inflate(z, Z_NO_FLUSH);
    s->in = z->next_in;
    s->in_left = z->avail_in;
    s->out = z->next_out;
    s->out_left = z->avail_out;
    s->whole = rc == Z_STREAM_END && inflateReset(z) == Z_OK;
    if (rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR) return NULL;
    return rc == Z_MEM_ERROR ? "out of memory" : z->msg ? z->msg : "the compressed data is damaged";
}

static void gzip_close(void *state)
{
    inflateEnd(state);
    free(state);
}

const struct unpacker unpack_GZIP = {.open = gzip_open, .step = gzip_step, .close = gzip_close};
