/* xz by liblzma; consecutive streams, with padding between them, form one file. */
#include <lzma.h>
#include <stdlib.h>

#include "runtime/capture/unpack.h"

static void *xz_open(void)
{
    lzma_stream *z = calloc(1, sizeof *z);
    if (!z) return NULL;
    *z = (lzma_stream)LZMA_STREAM_INIT;
    if (lzma_stream_decoder(z, UNPACK_MEMORY, 0) == LZMA_OK) return z;
    free(z);
    return NULL;
}

/* Begin another stream. */
static bool again(lzma_stream *z)
{
    lzma_end(z);
    *z = (lzma_stream)LZMA_STREAM_INIT;
    return lzma_stream_decoder(z, UNPACK_MEMORY, 0) == LZMA_OK;
}

static const char *xz_step(void *state, struct unpack_step *s)
{
    lzma_stream *z = state;
    if (s->whole)
        while (s->in_left && !*s->in) s->in++, s->in_left--; /* padding */
    if (!s->in_left) return NULL;
    z->next_in = s->in;
    z->avail_in = s->in_left;
    z->next_out = s->out;
    z->avail_out = s->out_left;
    const lzma_ret rc = lzma_code(z, LZMA_RUN);
    s->in = z->next_in;
    s->in_left = z->avail_in;
    s->out = z->next_out;
    s->out_left = z->avail_out;
    s->whole = rc == LZMA_STREAM_END;
    if (s->whole) return again(z) ? NULL : "out of memory";
    if (rc == LZMA_OK || rc == LZMA_BUF_ERROR) return NULL;
    return rc == LZMA_MEM_ERROR        ? "out of memory"
           : rc == LZMA_MEMLIMIT_ERROR ? "decompression needs more than 256 MiB of memory, which is prey's limit: "
                                         "decompress the input first (xz -dc)"
                                       : "the compressed data is damaged";
}

static void xz_close(void *state)
{
    lzma_end(state);
    free(state);
}

const struct unpacker unpack_XZ = {.open = xz_open, .step = xz_step, .close = xz_close};
