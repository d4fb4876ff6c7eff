/* Routes in the facts of a test, in the notation of --route */
#pragma once

#include "runtime/report/given/given_routes.h"

enum { KNOWN_ROUTES_MAX = 32 };

/* Replace the routes in the facts by those of `words` ("default=wan, 10.0.0.0/8=lan"). IF is a name of the program's
 * rules or a device. If `words` is empty or "-", no route is known. Returns false with the reason in err if one is
 * wrong. The caller frees them with known_routes_fini. */
bool know_routes(struct known_routes *known, const char *words, const struct program *p, struct facts *facts, char *err,
                 size_t err_len);
