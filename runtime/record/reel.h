/* The files of recordings in one directory (runtime/host/file/recordings.h), used as a ring: numbers only grow, the
 * oldest files give way, and all files together stay within a limit. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/host/file/recordings.h"

struct reel_file {
    uint64_t number, bytes;
};
/* Functions that make a new file of that number (a descriptor to write to, or a negative errno), remove one,
 * truncate one to a number of bytes (0 or a negative errno), and return the size of one in bytes (-ENOENT: missing;
 * -EBUSY: another process still records into the directory). */
struct reel_maker {
    int (*make)(void *arg, uint64_t number);
    void (*remove)(void *arg, uint64_t number);
    int (*shorten)(void *arg, uint64_t number, uint64_t bytes);
    int (*there)(void *arg, uint64_t number, uint64_t *bytes);
    void *arg;
};
struct reel {
    int dir, fd;             /* the directory; the file being written, -1: none */
    struct reel_maker maker; /* functions for the files; NULL: this process owns the directory */
    uint64_t most;           /* most bytes of all files */
    uint64_t total;          /* bytes of the existing files */
    struct reel_file *files; /* oldest first; the last is being written if fd is open */
    unsigned count, room;
};

/* Open the directory, made if missing, and list its files. most 0: for reading. Return 0, or a negative errno with one
 * line in err. Call reel_close in any case. */
int reel_open(struct reel *r, const char *path, uint64_t most, char *err, size_t err_len);
/* Close the directory, and let `maker` make the files. */
void reel_leave(struct reel *r, const struct reel_maker *maker);
void reel_close(struct reel *r);
/* List the files again, if another process has recorded since the directory was opened. Return 0; -EBUSY: the other
 * process still records, and nothing has changed; or another negative errno. */
int reel_again(struct reel *r);

/* Begin the next file. Return 0 or a negative errno. */
int reel_next(struct reel *r);
/* Append whole blocks; older files make room. Return 0; -EFBIG: they do not fit beside this file, so the caller must
 * begin another; or a negative errno (-ENOSPC), with the file unchanged. An empty file is removed then. */
int reel_write(struct reel *r, const void *bytes, size_t len);
/* Return the bytes of the file being written. */
uint64_t reel_written(const struct reel *r);
