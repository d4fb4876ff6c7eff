/* Which form of the stages this kernel takes (vm/kernel/loop.bpf.h). */
#pragma once

#include <stdbool.h>

/* It knows no may_goto (Linux 6.9), so loops are counted: tried, not read from its version. */
bool form_is_counted(void);
