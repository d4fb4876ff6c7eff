/* The files of recordings in one directory, as a ring: numbered on and on, the oldest go as new ones need room, and all
 * together they are never larger than asked for. The directory is its owner's alone (0700), and so is each file (0600):
 * they hold what went over the wire.
 *
 *      prey-000001.pcapng  prey-000002.pcapng  ...  prey-1000000.pcapng */
#ifndef RUNTIME_RECORD_REEL_H
#define RUNTIME_RECORD_REEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REEL_NAME = 40 };

struct reel_file {
    uint64_t number, bytes;
};
struct reel {
    int dir, fd;             /* the directory; the file that is written, -1: none */
    uint64_t most;           /* bytes, of all files */
    uint64_t total;          /* of those that are there */
    struct reel_file *files; /* oldest first; the last is written to, if one is */
    unsigned count, room;
};

/* Open the directory, made if it is not there (only its last part), and look at what is in it. most 0: to read. 0 or a
 * negative errno with one line in err; reel_close in any case. */
int reel_open(struct reel *r, const char *path, uint64_t most, char *err, size_t err_len);
void reel_close(struct reel *r);

/* Begin the next file. 0 or a negative errno. */
int reel_next(struct reel *r);
/* Append whole blocks; older files make room. 0; -EFBIG: they would not fit beside the rest of this file, which the
 * caller has to leave; or a negative errno (-ENOSPC): the file is as before. */
int reel_write(struct reel *r, const void *bytes, size_t len);
/* Bytes of the file that is written. */
uint64_t reel_written(const struct reel *r);

void reel_name(uint64_t number, char name[REEL_NAME]);
/* The one place where files of a recording are opened: to be made, which must be new, or to be read. A descriptor or a
 * negative errno. */
int record_open_file(int dir, uint64_t number, bool make);

#endif
