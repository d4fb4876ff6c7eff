/* A takeover by another number of workers. Those of the running instance are read into workers of the same shape,
 * which never judge, and their memory moves from there (vm.h, vm_move). Their sockets continue: the first ones with
 * the new workers, others are read to the end once the dealing program has the new number. */
#pragma once

#include "runtime/live/main/take.h"

/* Return why another number is impossible, as words that follow "for", or NULL. */
const char *take_workers_stay(const struct take *t, const struct carry *carry);
/* Make workers like those of the other instance: t->others. False: out of memory. */
bool take_workers_make(struct live *l);
/* Return the worker into which that worker's state is read: this instance's own, or one of the same shape. */
struct worker *take_worker(const struct live *l, unsigned worker);
/* Return the worker that has that worker's ports until take_workers_drain: this instance's, if possible. */
struct worker *take_ports_of(const struct live *l, unsigned worker);
/* Move flows, with everything that they hold, from those workers to this instance's. False: out of memory, or a part
 * can't be moved. */
bool take_workers_move(struct live *l, uint64_t now_ns);
/* Judge the frames waiting in sockets of removed workers, and free the helper state. Call after YOURS. */
void take_workers_drain(struct live *l);
void take_workers_free(struct take *t);
