/* Routes in the facts of a test, as one writes them for --route */
#pragma once

#include "runtime/report/given/given_routes.h"

enum { KNOWN_ROUTES_MAX = 32 };

/* Put the routes of `words` ("default=wan, 10.0.0.0/8=lan") into the facts, in place of the earlier ones. IF is a
 * name of the program's rules or a device. Without any, or with "-", no way is known. False: one is wrong, as err
 * says. The caller frees them by known_routes_fini. */
bool know_routes(struct known_routes *known, const char *words, const struct program *p, struct facts *facts, char *err,
                 size_t err_len);
