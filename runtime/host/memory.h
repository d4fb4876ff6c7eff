/* Amount of memory that this process may use */
#pragma once

#include <stdint.h>

/* Return the machine's memory in bytes, or a lower bound of a control group (cgroup v2) around this process */
uint64_t host_memory(void);
/* Return the lowest bound of the control groups; UINT64_MAX: none. own: file with this process's group; root: mount of
 * the groups. */
uint64_t memory_bound(const char *own, const char *root);
