/* Which devices rules ask for, and what of a device they leave to nobody: for whoever serves interfaces, or is told of
 * them. Judging does not ask this. */
#pragma once

#include "vm/program/program.h"

/* named[p->ifaces_count]: is it a device's own name that a firewall, a condition or a nat asks for? Patterns are not,
 * nor what a condition's pattern holds anyway, nor names of tests alone. */
void served_named(const struct program *p, bool *named);

/* The first firewall for what travels so (PBC_DIR_IN, OUT, FORWARD), where none of them judges it on the device;
 * PBC_NONE: one does, or there is no such firewall. Firewalls without a direction count as `in`, and for a port of a
 * bridge, which knows `forward` alone, as `forward`. */
uint32_t served_unjudged(const struct program *p, const char *device, enum pbc_direction d, bool bridged);

/* The words between `what` and the device: "comes in by". */
const char *served_words(enum pbc_direction d);
