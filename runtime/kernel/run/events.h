/* Records of the stages (vm/kernel/events.h), read from their ring. */
#pragma once

#include "vm/kernel/events.h"

/* Handle a record; called with the oldest first. *e is valid during the call. len: bytes of the record, at least
 * those of struct kernel_event and of the record's kind. */
typedef void kernel_event_fn(void *arg, const struct kernel_event *e, size_t len);

struct kernel_events;
/* Make the only reader of the ring with that descriptor, which stays the caller's. NULL: errno is set. */
struct kernel_events *kernel_events_new(int map, kernel_event_fn *fn, void *arg);
void kernel_events_free(struct kernel_events *e); /* NULL is fine */
/* Return the reader's descriptor, readable when there are records. */
int kernel_events_fd(const struct kernel_events *e);
bool kernel_events_there(const struct kernel_events *e); /* true if there are unread records */
/* Handle all records. Return their number or a negative errno. */
int kernel_events_take(struct kernel_events *e);
/* Handle at most `most` records; if more are left, the descriptor stays readable. */
int kernel_events_some(struct kernel_events *e, unsigned most);
