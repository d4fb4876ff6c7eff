/* Routes of an absent machine, for rules that ask for them: --route PREFIX=IF, and files with the output of `ip
 * route` and `ip -6 route`. The latter also give the addresses of its interfaces (addresses.h). */
#pragma once

#include "runtime/report/given/addresses.h"
#include "vm/packet/facts.h"
#include "vm/program/program.h"

struct route_options {
    const char *const *written; /* routes as given, PREFIX=IF */
    const char *const *files;
    unsigned written_count, files_count;
};

struct known_routes {
    struct routes *table; /* routes that were read; NULL: none were given */
    struct facts_device *devices;
    struct given_addresses addresses;
};

/* Read all routes. --route precedes files; among equal routes the last counts. IF is a name of the rules or a device.
 * Files are bounded (64 MiB, lines of 4,096 bytes, 1,048,576 routes). Return 0, or a negative errno with one line in
 * err, which names file and line. */
int known_routes_read(struct known_routes *r, const struct route_options *o, const struct program *p, char *err,
                      size_t err_len);
/* Put the routes into the facts, and the interfaces' addresses (addresses_tell). */
void known_routes_tell(struct known_routes *r, struct facts *facts, bool said);
void known_routes_fini(struct known_routes *r);
