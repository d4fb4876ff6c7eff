/* The sink of log lines: standard error, the system's log, or a file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/host/sinks.h"

struct sink {
    enum sink_kind kind;
    const char *path; /* of the file or the system log's socket; the caller's */
    int fd;
    bool torn;     /* a line broke off in the middle */
    uint64_t lost; /* lines that it did not take since it took the last */
};

/* fd of sink_descriptor, which is the sink's from now on. */
void sink_init(struct sink *s, const char *to, int fd);
void sink_fini(struct sink *s);

/* Another descriptor of the same kind in place of the one that is open: a log file was moved away. */
void sink_renew(struct sink *s, int fd);

/* One line that ends in a newline. 0, or the negative errno for which it was not taken; it is counted. */
int sink_put(struct sink *s, const char *line, size_t len);
