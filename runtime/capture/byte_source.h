/* Source of a stream's bytes: a descriptor that is read once, unpacked if need be. */
#pragma once

#include "runtime/capture/capture.h"
#include "runtime/capture/unpack.h"

/* A file that unpacks to more than this many bytes, and to more than this many times its size, is rejected as a
 * bomb. */
#define SOURCE_UNPACKED_FREE (UINT64_C(256) << 20)
enum { SOURCE_UNPACKED_TIMES = 1000 };

struct source;

/* Return a source, or NULL if memory is out. fd stays the caller's. */
struct source *source_new(int fd);
void source_free(struct source *s);
/* Set the callback and the stop descriptor for waiting: see capture_waiting. */
void source_waiting(struct source *s, const struct capture_waiting *w);
/* Look at the first bytes for a compressor and leave it in *packer (NULL: none). If the compressor is supported, the
 * bytes are unpacked from then on. Return 0, or -1 with a line in err. */
int source_unpack(struct source *s, const struct packer **packer, char *err, size_t err_len);
/* Read at least one byte. Return the number; 0: the end, or the waiting was ended; -1: a line in err. */
long source_read(struct source *s, uint8_t *to, size_t room, char *err, size_t err_len);
bool source_stopped(const struct source *s);      /* true if stop_fd ended the waiting */
uint64_t source_position(const struct source *s); /* return the number of bytes consumed from the descriptor */
/* Start over. False: the descriptor cannot seek. */
bool source_rewind(struct source *s);
