/* A semaphore wakes the thread; allocation itself is the vm's (vm_ahead) */
#include "runtime/worker/ahead.h"

#include "vm/vm.h"

void ahead_init(struct ahead *a)
{
    *a = (struct ahead){0};
    sem_init(&a->wanted, 0, 0);
}

void ahead_fini(struct ahead *a) { sem_destroy(&a->wanted); }

void ahead_want(void *a)
{
    struct ahead *const ahead = a;
    sem_post(&ahead->wanted);
}

static void *ahead_run(void *arg)
{
    struct ahead *a = arg;
    while (sem_wait(&a->wanted) || !__atomic_load_n(&a->ends, __ATOMIC_ACQUIRE)) vm_ahead(a->vm, 0);
    return NULL;
}

int ahead_start(struct ahead *a)
{
    if (!a->vm) return 0;
    const int failed = pthread_create(&a->thread, NULL, ahead_run, a);
    a->runs = !failed;
    return -failed;
}

void ahead_stop(struct ahead *a)
{
    if (!a->runs) return;
    __atomic_store_n(&a->ends, 1, __ATOMIC_RELEASE);
    sem_post(&a->wanted);
    pthread_join(a->thread, NULL);
    a->runs = false;
}
