/* `preyc --check -i IF,...`: would a firewall judge all that preyrun is to serve? */
#pragma once

#include "compiler/command/options.h"
#include "compiler/compiler.h"

/* After a good compile. What is found goes to c->diags; nothing without -i. */
void interfaces_check(const struct options *o, struct compile *c);
