/* In the place of xdp.c and hooks.c where the build has no clang (make KERNEL=0). */
#include <errno.h>

#include "runtime/host/change_priv.h"
#include "runtime/host/hooks.h"

bool hooks_last(void) { return false; }

int hooks_undo(const char *what, const char *before, const char *after)
{
    (void)what, (void)before, (void)after;
    return -ENOTSUP;
}

bool hooks_left(const char *name, const char *device, unsigned program)
{
    (void)name, (void)device, (void)program;
    return false;
}
