/* See memory.h. */
#include "runtime/host/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "runtime/host/proc_priv.h"

/* The bound of one group; `path` begins with a slash. UINT64_MAX: it sets none, or is not seen from here. */
static uint64_t bound_of(const char *path)
{
    char name[4200], text[64];
    uint64_t bytes;
    snprintf(name, sizeof name, "/sys/fs/cgroup%s/memory.max", path);
    return !proc_read(name, text, sizeof text) && sscanf(text, "%" SCNu64, &bytes) == 1 ? bytes : UINT64_MAX;
}

/* The least bound of the group of this process and those around it. */
static uint64_t bound(void)
{
    char text[4096];
    uint64_t least = UINT64_MAX;
    if (proc_read("/proc/self/cgroup", text, sizeof text)) return least;
    char *path = strstr(text, "0::/");
    if (!path) return least;
    path += strlen("0::");
    path[strcspn(path, "\n")] = 0;
    for (char *slash; (slash = strrchr(path, '/')); *slash = 0) {
        const uint64_t here = bound_of(path);
        if (here < least) least = here;
    }
    return least;
}

uint64_t host_memory(void)
{
    struct sysinfo of;
    const uint64_t all = sysinfo(&of) ? UINT64_MAX : (uint64_t)of.totalram * of.mem_unit, group = bound();
    return group < all ? group : all;
}
