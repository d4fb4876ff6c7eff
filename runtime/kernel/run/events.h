/* What the stages tell (vm/kernel/events.h), read from their ring. */
#pragma once

#include "vm/kernel/events.h"

/* Called for each record, oldest first; it holds as long as the call. len: its bytes, at least a struct kernel_event,
 * and as many as its kind says. */
typedef void kernel_event_fn(void *arg, const struct kernel_event *e, size_t len);

struct kernel_events;
/* A reader of the ring with that descriptor, which stays the caller's; there may be one. NULL: errno says why. */
struct kernel_events *kernel_events_new(int map, kernel_event_fn *fn, void *arg);
void kernel_events_free(struct kernel_events *e); /* NULL is fine */
/* Readable when there are records; the reader's own. */
int kernel_events_fd(const struct kernel_events *e);
bool kernel_events_there(const struct kernel_events *e); /* are there some now? */
/* All that are there. Returns how many; negative errno. */
int kernel_events_take(struct kernel_events *e);
/* So many at most; what is left keeps it readable. */
int kernel_events_some(struct kernel_events *e, unsigned most);
