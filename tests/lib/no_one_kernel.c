/* Replaces one_kernel.c if the build has no clang (make KERNEL=0): executors in user space only. */
#include "tests/lib/one_kernel.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/kernel/kernel.h"

bool one_kernel_asked(const struct program *p)
{
    (void)p;
    return getenv("IN_KERNEL");
}

bool one_kernel_is_tc(void) { return false; }

struct executor *one_kernel_new(struct program *p, const struct vm_cfg *cfg, bool in_kernel, char *err, size_t err_len)
{
    return executor_new(p, cfg, in_kernel ? KERNEL_XDP : 0, err, err_len);
}

void one_kernel_free(struct executor *e) { executor_free(e); }

struct executor *one_kernel_worker(struct program *p, const struct vm_cfg *cfg)
{
    char why[600] = "out of memory";
    struct executor *e = executor_new(p, cfg, one_kernel_asked(p) ? KERNEL_XDP : 0, why, sizeof why);
    if (!e) printf("# %s\n", why);
    fflush(stdout); /* the caller may exit here */
    return e;
}
