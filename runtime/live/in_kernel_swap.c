/* Another program in the kernel: its judge is loaded, then put in force. */
#include "runtime/kernel/adopt.h"
#include "runtime/kernel/counted.h"
#include "runtime/live/in_kernel.h"
#include "runtime/live/in_kernel_priv.h"

bool in_kernel_prepare(struct live *l, const struct program *p, char *err, size_t err_len)
{
    if (!l->kernel) return true;
    kernel_discard(l->kernel->next);
    l->kernel->to_judge = p;
    return !ask_prepare(l->channel, p->past ? p->past->under : p, &l->kernel->next, &l->kernel->proof, err, err_len);
}

/* What the program before has counted is the worker's, before its rules are others. */
int in_kernel_swap(void *live, struct vm *vm)
{
    const struct live *l = live;
    struct in_kernel *k = l->kernel;
    char err[300];
    const int failed = ask_swap(l->channel, err, sizeof err);
    if (failed) return failed;
    if (k->counted) counted_add(k->counted, vm);
    kernel_took(k->kernel, k->next);
    k->next = NULL;
    __atomic_store_n(&k->judges, k->to_judge, __ATOMIC_RELEASE);
    if (k->counted)
        counted_follow(k->counted);
    else
        k->counted = counted_new(k->kernel);
    if (l->latest) in_kernel_push(l);
    return 0;
}

struct proof in_kernel_proof(const struct live *l) { return l->kernel ? l->kernel->proof : (struct proof){0}; }
