/* Whole files: reading and writing despite short reads and writes; tests on paths. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Write `len` bytes to a file, a pipe or a blocking socket; retry after a signal. Return 0 or -errno; after an error a
 * part may have been written. */
int write_whole(int fd, const void *bytes, size_t len);

/* Append bytes to a file of which this process is the only writer, all or none: the part that a full disk took is cut
 * off again. Return 0 or -errno. */
int append_whole(int fd, const void *bytes, size_t len);

/* Open a regular file, made with mode 0600 where flags have O_CREAT. Return the descriptor, which the caller closes, or
 * -errno: -ELOOP a link, -ENODEV a FIFO or another thing that could keep a writer waiting. */
int open_regular(const char *path, int flags);

/* Read a whole file, whatever its offset, or a pipe up to its end. Return the bytes with a zero behind them, owned by
 * the caller. NULL: errno is set, EFBIG if there are more than `most` bytes. */
char *read_whole(int fd, size_t most, size_t *len);

/* Close a descriptor on which a call has just failed. Return that call's negative errno. */
int close_failed(int fd);

/* Test if this process can create a file in a folder. Return 0 or a negative errno; -ENOSPC: no block or inode left. */
int folder_takes(const char *path);

/* True if the path may name a compiled program, since it does not end in .prey. False: err tells how to compile the
 * rules. */
bool path_is_compiled(const char *path, char *err, size_t err_len);
