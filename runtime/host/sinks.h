/* Targets of log lines, and their descriptors */
#pragma once

#include <stddef.h>

#define SINK_SYSLOG_SOCKET  "/dev/log"

#define SINK_JOURNAL_SOCKET "/run/systemd/journal/socket"

enum sink_kind { SINK_STDERR, SINK_SYSLOG, SINK_FILE, SINK_JOURNAL };
/* Return the kind of a target by its text. SINK_JOURNAL: standard error, if that is systemd's journal. */
enum sink_kind sink_kind(const char *to);

/* Open a target with the caller's privileges: "syslog", a file, or NULL and "stderr" for standard error. Return a
 * descriptor or a negative errno. It never blocks, not even for the reader of a pipe. It is STDERR_FILENO for
 * standard error, and for the journal if its socket can't be reached. */
int sink_descriptor(const char *to);
