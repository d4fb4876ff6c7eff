/* Lines of access logs on their way from a loop to the main thread, which has the files: a ring of bytes that neither
 * of both waits for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { LINES_MOST = 8192 }; /* bytes of a line */

struct lines {
    uint8_t *bytes;
    uint64_t size;                               /* of bytes: a power of two */
    uint64_t lost;                               /* atomic: lines that found no room */
    uint64_t put __attribute__((aligned(64)));   /* atomic: bytes that were put, ever; by the loop */
    uint64_t taken __attribute__((aligned(64))); /* atomic: … that were taken; by the main thread */
};

/* size: a power of two. 0 or -ENOMEM. */
int lines_init(struct lines *l, uint64_t size);
void lines_fini(struct lines *l);
/* A line for the log of this name (lines_target). False: there is no room, and it is counted. *fills: a quarter of the
 * ring is used since now, so that it is time to take some. */
bool lines_put(struct lines *l, uint64_t target, const char *line, uint32_t n, bool *fills);
/* The oldest; its length, 0: there is none. */
uint32_t lines_take(struct lines *l, uint64_t *target, char line[LINES_MOST]);
/* A name for a log's path that outlives a reload. */
uint64_t lines_target(const char *path);
