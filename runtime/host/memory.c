/* The lowest memory.max of the control groups, and the machine's memory */
#include "runtime/host/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "runtime/host/proc_priv.h"

/* Return the bound of one group; `path` begins with a slash, or is empty. UINT64_MAX: none, or unreadable. */
static uint64_t bound_of(const char *root, const char *path)
{
    char name[4200], text[64];
    uint64_t bytes;
    snprintf(name, sizeof name, "%s%s/memory.max", root, path);
    return !proc_read(name, text, sizeof text) && sscanf(text, "%" SCNu64, &bytes) == 1 ? bytes : UINT64_MAX;
}

/* Return the lowest bound of this process's group and its parents */
uint64_t memory_bound(const char *own, const char *root)
{
    char text[4096];
    uint64_t least = UINT64_MAX;
    if (proc_read(own, text, sizeof text)) return least;
    char *path = strstr(text, "0::/");
    if (!path) return least;
    path += strlen("0::");
    path[strcspn(path, "\n")] = 0;
    if (!strcmp(path, "/")) *path = 0;
    for (;;) { /* up to the root: in a container the root has a bound, too */
        const uint64_t here = bound_of(root, path);
        char *const slash = strrchr(path, '/');
        if (here < least) least = here;
        if (!slash) return least;
        *slash = 0;
    }
}

uint64_t host_memory(void)
{
    struct sysinfo of;
    const uint64_t all = sysinfo(&of) ? UINT64_MAX : (uint64_t)of.totalram * of.mem_unit;
    const uint64_t group = memory_bound("/proc/self/cgroup", "/sys/fs/cgroup");
    return group < all ? group : all;
}
