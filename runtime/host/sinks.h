/* Where log lines can go, and what it takes to write there. */
#pragma once

#include <stddef.h>

#define SINK_SYSLOG_SOCKET "/dev/log"

enum sink_kind { SINK_STDERR, SINK_SYSLOG, SINK_FILE };
enum sink_kind sink_kind(const char *to);

/* What it takes to write there, opened with the rights of the caller: "syslog", a file, or NULL and "stderr" for
 * standard error. A descriptor or a negative errno. Nothing is waited for, not even the reader of a pipe. */
int sink_descriptor(const char *to);
