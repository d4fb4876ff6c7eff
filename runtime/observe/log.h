/* Writer of observed connections: events become lines of sessions and files of bytes. One thread uses it. */
#pragma once

#include <stddef.h>

#include "runtime/observe/files.h"
#include "vm/keyed/keyed.h"
#include "vm/observe/observe.h"
#include "vm/program/program.h"

struct observed_counters {
#define OBSERVED(field, name, doc) uint64_t field;
#include "runtime/observe/counters.def"
};
extern const char *const observed_counter_name[];
enum { OBSERVED_COUNTERS = sizeof(struct observed_counters) / sizeof(uint64_t) };

enum { OBSERVED_LINE = 700 /* bytes of a complaint */ };
struct observed_log;
/* Make a writer that opens files by `files`. complain: called for each service whose file fails, at most once per
 * minute (what: a line without its end); NULL: no complaints. */
struct observed_log *observed_log_new(const struct observed_files *files, void (*complain)(void *arg, const char *what),
                                      void *arg);
void observed_log_free(struct observed_log *l); /* write pending bytes and free; NULL is allowed */

/* Open the files of a program's observe services before its first event. A service of an earlier program with the
 * same name and files continues them; a known program changes nothing. False: a line in err, and nothing changed for
 * events of other programs. */
bool observed_log_program(struct observed_log *l, const struct program *p, char *err, size_t err_len);
/* Take an event of a worker; e->program was given to observed_log_program. wall_ns: added to its times for output. */
void observed_log_event(struct observed_log *l, unsigned worker, const struct observe_event *e, uint64_t wall_ns);
/* Write the pending bytes; a full disk drops them. */
void observed_log_flush(struct observed_log *l);
/* Write the state of continuing connections, with counters, or read it into a log that has a program with the same
 * services and no events yet. If `whole` is false, only the counters are written. Return true if the archive has
 * connections. */
bool observed_log_archive(struct observed_log *l, struct archive *a, unsigned workers, bool whole);
/* Continue files that another process has written until now. */
void observed_log_again(struct observed_log *l);
/* Return the counters; other threads may ask. */
struct observed_counters observed_log_counters(const struct observed_log *l);
