/* A thread that allocates memory ahead of a worker's flows, so that a flood of new flows finds it ready. The amount
 * follows from the memory that flows use (vm/flow/README.md). */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

struct vm;

struct ahead {
    const struct vm *vm; /* vm with the flows; NULL: nothing to allocate */
    sem_t wanted;
    int ends; /* atomic; set to end the thread */
    pthread_t thread;
    bool runs;
};

void ahead_init(struct ahead *a);
void ahead_fini(struct ahead *a);
/* Wake the thread; a flow_grows_fn, with the struct ahead. */
void ahead_want(void *a);
/* Start the thread for a->vm; it runs until ahead_stop. Return 0 or a negative errno. */
int ahead_start(struct ahead *a);
void ahead_stop(struct ahead *a); /* stop the thread and wait for its end; nothing if it does not run */
