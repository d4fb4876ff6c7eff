/* Where a stream's bytes come from: a descriptor that is read once, or what is packed in it. */
#pragma once

#include "runtime/capture/capture.h"
#include "runtime/capture/unpack.h"

/* What unpacks to more than this, and to more than so many bytes for each of its own, is taken for a bomb. */
#define SOURCE_UNPACKED_FREE (UINT64_C(256) << 20)
enum { SOURCE_UNPACKED_TIMES = 1000 };

struct source;

/* fd stays the caller's. NULL: no memory. */
struct source *source_new(int fd);
void source_free(struct source *s);
/* Whom to tell before it waits, and what ends the waiting: see capture_waiting. */
void source_waiting(struct source *s, const struct capture_waiting *w);
/* Look at the first bytes: which compressor made them, whose name is left in *packer; NULL: none. 0, or -1 with a line
 * in err. What can be unpacked will be. */
int source_unpack(struct source *s, const struct packer **packer, char *err, size_t err_len);
/* Some bytes, at least one: how many; 0: the end, or the waiting was ended; -1: a line in err. */
long source_read(struct source *s, uint8_t *to, size_t room, char *err, size_t err_len);
bool source_stopped(const struct source *s);      /* the waiting was ended */
uint64_t source_position(const struct source *s); /* bytes that were read of the descriptor */
/* From the beginning, where the descriptor can go back there. */
bool source_rewind(struct source *s);
