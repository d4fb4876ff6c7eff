/* In the place of across.c where the build has no clang (make KERNEL=0). */
#include <errno.h>
#include <stdio.h>

#include "runtime/host/change_priv.h"
#include "runtime/host/hook/across.h"

bool across_possible(void) { return false; }

int across_set(struct state *s, const char *from, const char *to, char *err, size_t err_len)
{
    snprintf(err, err_len, "frames from %s to %s are shut off: this preyrun was built without clang", from, to);
    return -ENOTSUP;
}

int across_undo(const char *what, const char *before, const char *after) { return -ENOTSUP; }
