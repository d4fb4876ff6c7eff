/* Targets of log lines, and their descriptors */
#pragma once

#include <stddef.h>

#define SINK_SYSLOG_SOCKET  "/dev/log"

#define SINK_JOURNAL_SOCKET "/run/systemd/journal/socket"

enum sink_kind { SINK_STDERR, SINK_SYSLOG, SINK_FILE, SINK_JOURNAL };
/* Return what a target is by its words. SINK_JOURNAL: standard error, where that is systemd's journal. */
enum sink_kind sink_kind(const char *to);

/* Open a target with the caller's rights: "syslog", a file, or NULL and "stderr" for standard error. Return a
 * descriptor or a negative errno. Never blocks, not even for the reader of a pipe. STDERR_FILENO for standard error,
 * and for the journal where its socket cannot be reached. */
int sink_descriptor(const char *to);
