/* `preyc --server-setup POOL/SERVER`: commands that prepare a server for the packets of its services. */
#pragma once

#include "compiler/compiler.h"

/* Print the commands, with comments, as text for a shell. `which`: POOL/SERVER. Return 0, or -ENOENT after one line on
 * standard error if no pool or server has that name. */
int setup_print(const struct compile *c, const char *which, FILE *out);
