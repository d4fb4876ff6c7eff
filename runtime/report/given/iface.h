/* Interfaces as people name them. */
#pragma once

#include "vm/program/program.h"

/* The interface id of a declared name or a device; IFACE_OTHER of a device that the program does not name. 0, or
 * -ENOENT, with IFACE_OTHER and a line, where no device can have the name. */
int iface_find(const struct program *p, const char *name, uint16_t *id, char *err, size_t err_len);
/* May a device be called so? Linux holds its name in 16 bytes. */
bool iface_may_be(const char *name);
/* What the program names, as "wan (eth0), eth1"; as much of it as there is room for. Returns buf. */
char *iface_names(const struct program *p, char *buf, size_t len);
