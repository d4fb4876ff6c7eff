/* Access log lines from a loop to the main thread, which has the files: a ring of bytes for which neither waits */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { LINES_MOST = 8192 }; /* bytes of a line */

struct lines {
    uint8_t *bytes;
    uint64_t size;                               /* size of `bytes`: a power of two */
    uint64_t lost;                               /* atomic: number of lines without room */
    uint64_t put __attribute__((aligned(64)));   /* atomic: number of bytes put by the loop */
    uint64_t taken __attribute__((aligned(64))); /* atomic: number of bytes taken by the main thread */
};

/* size: a power of two. Return 0 or -ENOMEM. */
int lines_init(struct lines *l, uint64_t size);
void lines_fini(struct lines *l);
/* Put a line for the log with this lines_target. False: no room; counted as lost. *fills: the ring has just become a
 * quarter full, so lines should be taken. */
bool lines_put(struct lines *l, uint64_t target, const char *line, uint32_t n, bool *fills);
/* Take the oldest line. Return its length, 0: none. */
uint32_t lines_take(struct lines *l, uint64_t *target, char line[LINES_MOST]);
/* Return an id of a log's path that outlives a reload */
uint64_t lines_target(const char *path);
