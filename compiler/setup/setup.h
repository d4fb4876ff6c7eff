/* `preyc --server-setup POOL/SERVER`: the commands that prepare a server for what its services send it. */
#pragma once

#include "compiler/compiler.h"

/* Print them, with comments, as text for a shell. 0, or -ENOENT after one line on standard error where no pool or
 * server is called so. `which`: POOL/SERVER. */
int setup_print(const struct compile *c, const char *which, FILE *out);
