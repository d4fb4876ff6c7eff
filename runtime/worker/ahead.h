/* A thread that takes memory from the system ahead of a worker's flows, so that a flood of new ones finds it taken:
 * what is taken follows from what flows use (vm/flow/README.md). */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

struct vm;

struct ahead {
    const struct vm *vm; /* NULL: nothing is to be taken */
    sem_t wanted;
    int ends; /* atomic */
    pthread_t thread;
    bool runs;
};

void ahead_init(struct ahead *a);
void ahead_fini(struct ahead *a);
/* A flow_grows_fn, with the struct ahead. */
void ahead_want(void *a);
/* For a->vm, until ahead_stop. 0 or a negative errno. */
int ahead_start(struct ahead *a);
void ahead_stop(struct ahead *a); /* and wait for it; nothing where it does not run */
