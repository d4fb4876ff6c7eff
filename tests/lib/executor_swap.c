/* See executor_swap.h. */
#include "tests/lib/executor_swap.h"

#include <errno.h>

#include "runtime/kernel/executor_priv.h"
#include "vm/program/remap.h"

static bool swap_there(struct executor *e, const struct program *p, char *err, size_t err_len)
{
    return executor_judge(e, p->past ? p->past->under : p, err, err_len) && counted_follow(e->counted);
}

int executor_swap(struct executor *e, const struct vm_cfg *cfg, const struct remap *r, const struct vm_in *in)
{
    char err[600] = "";
    struct vm_cfg mine = *cfg;
    if (e->kernel) mine.kernel = &e->ops;
    if (vm_swapping(e->vm)) return -EAGAIN;
    struct vm *fresh = vm_prepare(&mine, r, in);
    int failed = fresh ? 0 : -ENOMEM;
    if (e->kernel && !failed) counted_add(e->counted, e->vm); /* because its rules are different from then on */
    if (!failed) failed = vm_swap(e->vm, fresh, r);
    if (e->kernel && !failed && !swap_there(e, r->program, err, sizeof err)) failed = e->fault = -EINVAL;
    vm_free(fresh);
    return failed;
}
