/* The keeper: the service's parent between the stop and the start of a restart */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Name of the keeper's socket in the service manager's descriptor store */
#define KEEPER_NAME "prey-keeper"
/* Time that the keeper waits for a successor */
#define KEEPER_MOST_NS UINT64_C(150000000000)

struct parent;

/* True if the manager ends this process to start it again at once. */
bool keeper_wanted(const struct parent *p);

/* True once the service must end, because the unit stops after all, the next start has asked for that, or no start
 * has come. ready: its socket is readable */
bool keeper_step(struct parent *p, bool ready);
/* Return the milliseconds until keeper_step is due, for poll */
int keeper_wait_ms(const struct parent *p);
/* True if the keeper's service has ended; its status as waitpid gives it, or SIGKILL if it did not report one. */
bool keeper_child_ended(const struct parent *p, int *status);
