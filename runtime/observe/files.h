/* Files of observed connections, opened by the process that may do so: the parent of a live run, or a replay itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/host/file/streams.h"

struct observed_files {
    /* Open the file of a service's sessions, to append to it; with `turn` the present file becomes FILE.1 first.
     * Return a descriptor, or a negative errno with a line in err that names the file. */
    int (*sessions)(void *arg, const char *path, bool turn, char *err, size_t err_len);
    /* The functions of streams.h for the directory of a `stream to`; `begin` also writes a line to err */
    int (*begin)(void *arg, const char *dir, bool again, uint64_t *earlier, char *err, size_t err_len);
    int (*file)(void *arg, const char *dir, const char *name, enum stream_how how);
    uint64_t (*trim)(void *arg, const char *dir, uint64_t bytes);
    void *arg;
    bool cuts; /* a file may be shortened, if a full disk took a part of a block or a line */
};
