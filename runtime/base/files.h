/* Whole files: reading and writing despite short reads and writes; tests on paths. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Write `len` bytes to a file, a pipe or a blocking socket; retry after a signal. Return 0 or -errno; after an error a
 * part may have been written. */
int write_whole(int fd, const void *bytes, size_t len);

/* A file to which one process appends, all bytes of a write or none, even if a full disk takes a part of them. */
struct appended {
    bool cuts;  /* the part written is cut off again; else the rest waits, and is written first */
    void *rest; /* owned; NULL: none */
    size_t len; /* bytes of it */
};

/* Append bytes. Return 0: written, or the rest waits; -errno: nothing written. */
int append_whole(struct appended *a, int fd, const void *bytes, size_t len);

/* Before closing, try once more to write the waiting bytes. Return the number of lost bytes. */
size_t append_end(struct appended *a, int fd);

/* Open a regular file, made with mode 0600 where flags have O_CREAT. turn: the present file becomes PATH.1 first.
 * Return the descriptor, which the caller closes, or -errno with a line in err: -ELOOP a link, -ENODEV a FIFO or
 * another file that could block a writer. */
int open_turned(const char *path, int flags, bool turn, char *err, size_t err_len);
/* Write why a path cannot be opened: a negative errno, which is returned. */
int open_refused(int failed, const char *path, char *err, size_t err_len);

/* Read a whole file, whatever its offset, or a pipe up to its end. Return the bytes with a zero behind them, owned by
 * the caller. NULL: errno is set, EFBIG if there are more than `most` bytes. */
char *read_whole(int fd, size_t most, size_t *len);

/* Close a descriptor on which a call has just failed. Return that call's negative errno. */
int close_failed(int fd);

/* Test if this process can create a file in a folder. Return 0 or a negative errno; -ENOSPC: no block or inode left. */
int folder_takes(const char *path);

/* True if the path may name a compiled program: it does not end in .prey, or nothing is there. False: err shows how
 * to compile the rules. */
bool path_is_compiled(const char *path, char *err, size_t err_len);
