/* Which form of the stages this kernel takes (vm/kernel/loop.bpf.h). */
#ifndef RUNTIME_KERNEL_MAPS_FORM_H
#define RUNTIME_KERNEL_MAPS_FORM_H

#include <stdbool.h>

/* It knows no may_goto (Linux 6.9), so loops are counted: tried, not read from its version. */
bool form_is_counted(void);

#endif
