/* The files of recordings in one directory (runtime/host/file/recordings.h), as a ring: numbered on and on, the oldest
 * go as new ones need room, and all together they are never larger than asked for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/host/file/recordings.h"

struct reel_file {
    uint64_t number, bytes;
};
/* Who makes a file of that number, which must be new: a descriptor to write to, or a negative errno; who removes one,
 * and who takes off what is behind so many bytes of it: 0 or a negative errno. */
struct reel_maker {
    int (*make)(void *arg, uint64_t number);
    void (*remove)(void *arg, uint64_t number);
    int (*shorten)(void *arg, uint64_t number, uint64_t bytes);
    void *arg;
};
struct reel {
    int dir, fd;             /* the directory; the file that is written, -1: none */
    struct reel_maker maker; /* NULL functions: the directory's owner */
    uint64_t most;           /* bytes, of all files */
    uint64_t total;          /* of those that are there */
    struct reel_file *files; /* oldest first; the last is written to, if one is */
    unsigned count, room;
};

/* Open the directory, made if it is not there, and look at what is in it. most 0: to read. 0 or a negative errno with
 * one line in err; reel_close in any case. */
int reel_open(struct reel *r, const char *path, uint64_t most, char *err, size_t err_len);
/* From here on another makes the files: the directory is closed. */
void reel_leave(struct reel *r, const struct reel_maker *maker);
void reel_close(struct reel *r);

/* Begin the next file. 0 or a negative errno. */
int reel_next(struct reel *r);
/* Append whole blocks; older files make room. 0; -EFBIG: they would not fit beside the rest of this file, which the
 * caller has to leave; or a negative errno (-ENOSPC): the file is as before. One without a byte is taken away then. */
int reel_write(struct reel *r, const void *bytes, size_t len);
/* Bytes of the file that is written. */
uint64_t reel_written(const struct reel *r);
