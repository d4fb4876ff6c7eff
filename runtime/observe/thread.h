/* The thread that writes observed connections. Workers never wait for it. */
#pragma once

#include "runtime/observe/log.h"

struct observed_thread;
/* Make the thread's state for workers 0 to `workers` - 1, without starting it. NULL: out of memory. */
struct observed_thread *observed_thread_new(unsigned workers, const struct observed_files *files);
void observed_thread_free(struct observed_thread *t); /* NULL is allowed */
/* Return the receiver of a worker's events, for vm_cfg.observed. */
const struct observe_out *observed_thread_out(const struct observed_thread *t, unsigned worker);
/* Call observed_log_program; this is allowed while the thread runs, too. */
bool observed_thread_program(struct observed_thread *t, const struct program *p, char *err, size_t err_len);
/* Start the thread, unless it runs. Return 0 or a negative errno. */
int observed_thread_start(struct observed_thread *t);
/* Write all that is left and end the thread, after the workers have ended. */
void observed_thread_stop(struct observed_thread *t);
/* Write all that workers have reported, waiting at most until until_ns; they report nothing meanwhile. False: it
 * took too long. */
bool observed_thread_settle(struct observed_thread *t, uint64_t until_ns);
/* Write or read the state, as observed_log_archive does. whole: the thread has settled, or does not run. */
bool observed_thread_archive(struct observed_thread *t, struct archive *a, bool whole);
/* Make the thread leave workers' reports in their rings (waits), or write them, as it does from the start. */
void observed_thread_wait(struct observed_thread *t, bool waits);
/* Continue files that another process has written until now, before the next event is written. */
void observed_thread_again(struct observed_thread *t);
struct observed_counters observed_thread_counters(const struct observed_thread *t);
/* Take the latest complaint (log.h). False: no new complaint. */
bool observed_thread_said(struct observed_thread *t, char what[OBSERVED_LINE]);
