/* Interfaces by the names that people give. */
#pragma once

#include "vm/program/program.h"

/* Find the interface id of a declared name or a device; IFACE_OTHER for a device that the program does not name. Return
 * 0, or -ENOENT with IFACE_OTHER and a line in err if no device can have the name. */
int iface_find(const struct program *p, const char *name, uint16_t *id, char *err, size_t err_len);
/* True if a device can have this name, which Linux stores in 16 bytes. */
bool iface_may_be(const char *name);
/* Write the program's interfaces, as "wan (eth0), eth1", as far as there is room. Return buf. */
char *iface_names(const struct program *p, char *buf, size_t len);
