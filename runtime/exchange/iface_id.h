/* Ids of interfaces and devices in a program. */
#pragma once

#include "vm/program/program.h"

/* The program's own id of the interface of the port `at`, or one above all of them. */
uint16_t port_iface_id(const struct program *p, const char *device, unsigned at);
/* facts_iface.as of an interface with the id `own`. */
uint16_t port_known_as(const struct program *p, const char *device, uint16_t own);
/* facts_device.as of a device. */
uint16_t device_known_as(const struct program *p, const char *device);
