/* Reading and writing of complete files, despite short reads and writes; tests on paths. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Write `len` bytes to a file, a pipe or a blocking socket; retry after a signal. Return 0 or -errno; after an error a
 * part may have been written. */
int write_whole(int fd, const void *bytes, size_t len);

/* A file to which one process appends. Each write is appended in full or not at all, even if a full disk takes a
 * part of it. */
struct appended {
    bool cuts;  /* true: a part that was written is cut off again; false: the rest waits, and is written before later
                   bytes */
    void *rest; /* bytes that wait, owned; NULL: none */
    size_t len; /* number of these bytes */
};

/* Append bytes. Return 0 if they are written or the rest of them waits, or -errno if nothing was written. */
int append_whole(struct appended *a, int fd, const void *bytes, size_t len);

/* Before closing, try once more to write the pending bytes. Return the number of lost bytes. */
size_t append_end(struct appended *a, int fd);

/* Open a regular file, made with mode 0600 if flags has O_CREAT. turn: the present file becomes PATH.1 first. Return
 * the descriptor, which the caller closes, or -errno with a line in err: -ELOOP a link, -ENODEV a FIFO or another
 * file that could block a writer. */
int open_turned(const char *path, int flags, bool turn, char *err, size_t err_len);
/* Write to err why a path cannot be opened. `failed` is a negative errno, which is returned. */
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
