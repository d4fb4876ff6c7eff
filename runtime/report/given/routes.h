/* The routes of a machine that is not there, for rules that ask for them: --route PREFIX=IF, and what `ip route` and
 * `ip -6 route` print, in files. */
#pragma once

#include "vm/packet/facts.h"
#include "vm/program/program.h"

struct route_options {
    const char *const *written; /* PREFIX=IF each */
    const char *const *files;
    unsigned written_count, files_count;
};

struct known_routes {
    struct routes *table; /* NULL: nothing was said */
    struct facts_device *devices;
};

/* Read them all: a route that is written counts before those of files, and of equal ones the last. IF is a name of the
 * rules or a device. Files are bounded (64 MiB, lines of 4,096 bytes, 1,048,576 routes). 0 or a negative errno with one
 * line in err, which names file and line. */
int known_routes_read(struct known_routes *r, const struct route_options *o, const struct program *p, char *err,
                      size_t err_len);
/* The facts then say them. */
void known_routes_tell(const struct known_routes *r, struct facts *facts);
void known_routes_fini(struct known_routes *r);
