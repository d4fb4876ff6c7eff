/* The kernel filter for packets that health checks through services receive; other packets are never copied. */
#pragma once

#include "vm/program/program.h"

/* Make the packet socket receive replies to probes through services: on these interfaces, from the services'
 * addresses, to TCP and UDP ports of translation (PBC_OWN_PORT_LO and up), or echo replies. Return 0 or a negative
 * errno. */
int heard_filter(int fd, const struct program *p, const unsigned ifindex[], unsigned count);
