/* How much memory this process may use. */
#pragma once

#include <stdint.h>

/* Bytes: the machine's, or less where a control group (cgroup v2) around this process sets a bound. */
uint64_t host_memory(void);
/* That bound; UINT64_MAX: there is none. own: which group this process is in; root: where groups are mounted. */
uint64_t memory_bound(const char *own, const char *root);
