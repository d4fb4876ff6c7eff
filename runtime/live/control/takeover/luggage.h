/* The main thread's state as bytes, in one walk for both directions (vm/keyed/archive.h): settings by hand, health,
 * counters. Workers' states are walked by worker_archive. */
#pragma once

#include <stdbool.h>

struct archive;
struct control;

/* Write the state while all workers are held; or read it, without publishing, into a start whose workers have no
 * thread yet. The input is hostile. waits: wait for proxy loops and for the threads that write observed connections
 * and copies, and write their state, too. False: no room, out of memory, or malformed. */
bool luggage_archive(struct control *control, struct archive *a, bool waits);
