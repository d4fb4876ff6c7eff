/* A takeover by another number of workers: those of the instance that runs are read into workers like them, which never
 * judge, and what they remember moves from there (vm.h, vm_move). Their sockets go on: those of the first workers with
 * these, others are read to the end once the dealing program knows the new number. */
#pragma once

#include "runtime/live/main/take.h"

/* Return why another number can't go on, as words that follow "for", or NULL. */
const char *take_workers_stay(const struct take *t, const struct carry *carry);
/* Make workers like those of the other instance: t->others. False: out of memory. */
bool take_workers_make(struct live *l);
/* Return the one into which that worker's state is read: this instance's own, or one like it. */
struct worker *take_worker(const struct live *l, unsigned worker);
/* Return the one that has that worker's ports until take_workers_drain: as long as there is one, this instance's. */
struct worker *take_ports_of(const struct live *l, unsigned worker);
/* Move flows, and all that they hold, from those workers to this instance's. False: out of memory, or a part can't be
 * moved. */
bool take_workers_move(struct live *l, uint64_t now_ns);
/* After YOURS: judge what waits in the sockets of workers that are no more, and give up all that was made for this. */
void take_workers_drain(struct live *l);
void take_workers_free(struct take *t);
