/* Targets of log lines, and their descriptors */
#pragma once

#include <stddef.h>

#define SINK_SYSLOG_SOCKET "/dev/log"

enum sink_kind { SINK_STDERR, SINK_SYSLOG, SINK_FILE };
enum sink_kind sink_kind(const char *to);

/* Open a target with the caller's rights: "syslog", a file, or NULL and "stderr" for standard error. Return a
 * descriptor or a negative errno. Never blocks, not even for the reader of a pipe. */
int sink_descriptor(const char *to);
