/* A ring of bytes from one thread to another, in records of any size. The thread that puts never waits: records
 * without room are counted, and earlier records are complete. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool {
    uint8_t *memory;                             /* memory of the ring; touched only as far as it is used */
    uint64_t size;                               /* bytes of the ring, a power of two */
    uint64_t put __attribute__((aligned(64)));   /* atomic: bytes put, in total; written by the putting thread */
    uint64_t lost;                               /* atomic: records that found no room */
    uint64_t taken __attribute__((aligned(64))); /* atomic: bytes taken, in total; written by the taking thread */
};

/* Return 0 or -ENOMEM. bytes: a power of two. */
int spool_init(struct spool *s, uint64_t bytes);
void spool_fini(struct spool *s);

/* Begin a record of `bytes`, which leaves `spare` bytes of the ring free. Return its memory, 8-byte aligned; NULL: no
 * room, and counted. spool_end shows it to the other thread. */
void *spool_begin(struct spool *s, size_t bytes, uint64_t spare);
void spool_end(struct spool *s);

/* Return the oldest record and its length, valid until spool_done; NULL: none. */
const void *spool_next(struct spool *s, size_t *bytes);
void spool_done(struct spool *s);
