/* Preloaded, this makes a process think that it may run on eight CPUs. */
#define _GNU_SOURCE 1
#include <sched.h>

int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
    (void)pid;
    CPU_ZERO_S(size, set);
    for (int i = 0; i < 8; i++) CPU_SET_S(i, size, set);
    return 0;
}
