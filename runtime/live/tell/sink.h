/* The sink of log lines: standard error, the system's log, systemd's journal, or a file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/host/sinks.h"

struct sink {
    enum sink_kind kind;
    const char *path; /* path of the file or of the system log's socket; owned by the caller */
    int fd;
    bool torn;     /* the last line was written only in part */
    uint64_t lost; /* number of lines refused since the last accepted one */
};

/* Make a sink of `fd`, a result of sink_descriptor(to), which the sink owns from now on. */
void sink_init(struct sink *s, const char *to, int fd);
void sink_fini(struct sink *s);

/* Replace the open descriptor by `fd` of the same kind, after a log file was moved away. */
void sink_renew(struct sink *s, int fd);

/* Write one line that ends in a newline; to the journal its fields, one per line. Return 0, or a negative errno if
 * the line was refused, and counted in `lost`. */
int sink_put(struct sink *s, const char *line, size_t len);
