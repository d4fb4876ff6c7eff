/* Where an HTTP/1 message ends: a machine that is fed the bytes behind its head, and says which of them are body, which
 * frame it, and which belong to what follows (RFC 9112, 6 and 7).
 *
 *      body_begin(&b, framing, length)
 *      body_read(&b, bytes, n, &run)      one run: bytes of one kind, as many as there are
 *        READ_MORE    the message goes on behind the run
 *        READ_WHOLE   it ends with the run; what is left of the bytes is not its
 *        READ_BAD     b.reason; the run is what came before the wrong byte
 *
 * Who moves body in the kernel asks body_ahead and tells body_moved. */
#pragma once

#include "vm/stream/http.h"

enum {
    BODY_SIZE_DIGITS = 16,      /* of a chunk's size */
    BODY_EXTENSION_MAX = 256,   /* bytes of one chunk's extensions */
    BODY_EXTENSIONS_MAX = 4096, /* of all of a message's */
    BODY_TRAILER_MAX = 8192,
    BODY_NAME_MAX = 19, /* the longest name that no trailer may have */
};

struct body {
    uint64_t left;       /* of the body (HTTP_LENGTH) or the chunk; the size that is being read */
    uint64_t data;       /* bytes of body so far */
    uint32_t extensions; /* bytes of extensions so far */
    uint16_t count;      /* digits of the size, bytes of this chunk's extensions, of the trailer */
    uint8_t state;
    uint8_t name_len; /* of the trailer field's name; past BODY_NAME_MAX it is not kept */
    uint8_t reason;   /* enum stream_reason, after READ_BAD */
    char name[BODY_NAME_MAX + 1];
};

struct body_run {
    uint32_t len;
    bool data; /* body; else sizes, extensions, line ends, trailer */
};

/* The body of a message whose head says this framing; length: with HTTP_LENGTH. HTTP_CLOSE and HTTP_TUNNEL never end by
 * themselves. */
void body_begin(struct body *b, enum http_framing framing, uint64_t length);

/* Is the message whole without another byte? True at once of a message without a body, and behind READ_WHOLE. */
bool body_is_whole(const struct body *b);

enum stream_read body_read(struct body *b, const uint8_t *bytes, uint32_t n, struct body_run *run);

/* All runs up to the end of the message or of the bytes: *used of them are the message's. */
enum stream_read body_read_all(struct body *b, const uint8_t *bytes, uint32_t n, uint32_t *used);

/* How many bytes of body come next, for sure: they may be moved unseen. UINT64_MAX: all that comes. Then tell how many
 * were, at most as many. */
uint64_t body_ahead(const struct body *b);
void body_moved(struct body *b, uint64_t n);
