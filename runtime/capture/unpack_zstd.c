/* zstd (RFC 8878) by libzstd; consecutive frames form one file. */
#include <zstd.h>
#include <zstd_errors.h>

#include "runtime/capture/unpack.h"

enum { WINDOW_LOG = 28 }; /* log2 of UNPACK_MEMORY */

static void *zstd_open(void)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    if (z) ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, WINDOW_LOG);
    return z;
}

static const char *zstd_step(void *state, struct unpack_step *s)
{
    ZSTD_inBuffer in = {s->in, s->in_left, 0};
    ZSTD_outBuffer out = {s->out, s->out_left, 0};
    const size_t rc = ZSTD_decompressStream(state, &out, &in);
    s->in += in.pos;
    s->in_left -= in.pos;
    s->out += out.pos;
    s->out_left -= out.pos;
    s->whole = rc == 0;
    if (!ZSTD_isError(rc)) return NULL;
    const ZSTD_ErrorCode code = ZSTD_getErrorCode(rc);
    return code == ZSTD_error_frameParameter_windowTooLarge
               ? "decompression needs more than 256 MiB of memory, which is prey's limit: decompress the input first "
                 "(zstd -dc --long=31)"
           : code == ZSTD_error_memory_allocation ? "out of memory"
                                                  : "the compressed data is damaged";
}

static void zstd_close(void *state) { ZSTD_freeDStream(state); }

const struct unpacker unpack_ZSTD = {.open = zstd_open, .step = zstd_step, .close = zstd_close};
