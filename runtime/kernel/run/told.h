/* For which addresses the worker answers (vm/forward/vips.h): what is asked of them comes up. */
#pragma once

#include "runtime/kernel/kernel.h"

/* Those of the program, too. Where they are too many, what is asked of any address comes up, but of the host's own. */
void told_add(struct kernel *kernel, const struct program *p);
/* Those of the program alone, which were added. */
void told_keep(struct kernel *kernel, const struct program *p);
