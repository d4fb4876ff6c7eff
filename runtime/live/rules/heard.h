/* The filter in the kernel for packets that health checks through services hear; no other is ever copied. */
#pragma once

#include "vm/program/program.h"

/* The packet socket hears from now on answers of the program's services to probes: by these interfaces, from their
 * addresses, TCP and UDP to the ports of translation (PBC_OWN_PORT_LO and up), echo replies. 0 or a negative errno. */
int heard_filter(int fd, const struct program *p, const unsigned ifindex[], unsigned count);
