/* lz4 frames by liblz4; consecutive frames form one file. */
#include <lz4frame.h>

#include "runtime/capture/unpack.h"

static void *lz4_open(void)
{
    LZ4F_dctx *z = NULL;
    return LZ4F_isError(LZ4F_createDecompressionContext(&z, LZ4F_VERSION)) ? NULL : z;
}

static const char *lz4_step(void *state, struct unpack_step *s)
{
    size_t in = s->in_left, out = s->out_left;
    const size_t rc = LZ4F_decompress(state, s->out, &out, s->in, &in, NULL);
    if (LZ4F_isError(rc)) return "the compressed data is damaged";
    s->in += in;
    s->in_left -= in;
    s->out += out;
    s->out_left -= out;
    s->whole = rc == 0;
    return NULL;
}

static void lz4_close(void *state) { LZ4F_freeDecompressionContext(state); }

const struct unpacker unpack_LZ4 = {.open = lz4_open, .step = lz4_step, .close = lz4_close};
