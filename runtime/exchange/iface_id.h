/* Ids of interfaces and devices in a program. */
#pragma once

#include "vm/program/program.h"

/* Return the program's id of the interface of port `at`, or an id above all of the program's. */
uint16_t port_iface_id(const struct program *p, const char *device, unsigned at);
/* Return facts_iface.as of an interface with the id `own`. */
uint16_t port_known_as(const struct program *p, const char *device, uint16_t own);
/* Return facts_device.as of a device. */
uint16_t device_known_as(const struct program *p, const char *device);
